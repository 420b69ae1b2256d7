"""Training windows for the denoiser: which stems are given, how noisy the rest, what is told.

One item plays one of the tasks the model serves: all stems from nothing, any subset given the
rest, and continuing after frames already made. Drop-out of each condition block teaches the
network to do without it, and is what guidance compares against.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from stembridge.conditions import Layout
from stembridge.training.latents import LatentSet


@dataclass(frozen=True)
class TaskConfig:
    """How often which task, and which noise.

    Attributes:
        window: frames per item.
        log_sigma_mean, log_sigma_deviation: ln sigma of what is generated, normal, clipped to
            `sigma_range`.
        given_sigma: range of the noise on given latents, log-uniform: it stands for the codec's
            error on sounds it never saw.
        given: chances that 0, 1, … of the stems are given; the last is all but one.
        continuation: probability that the first frames of all stems are given.
        continuation_frames: how many, at most.
        drop: probability of dropping each condition block.
    """

    window: int = 256
    log_sigma_mean: float = 0.5
    log_sigma_deviation: float = 1.6
    sigma_range: tuple[float, float] = (0.02, 100.0)
    given_sigma: tuple[float, float] = (0.02, 0.2)
    given: tuple[float, ...] = (0.25, 0.25, 0.25, 0.25)
    continuation: float = 0.2
    continuation_frames: int = 64
    drop: tuple[tuple[str, float], ...] = (
        ("grid", 0.1), ("chords", 0.4), ("style", 0.5), ("timbre", 0.5),
    )  # fmt: skip


class Batch(NamedTuple):
    """Inputs of `denoising_loss`: clean and noise `[B, S, C, F]`, sigma and counted `[B, S, F]`."""

    clean: Tensor
    noise: Tensor
    sigma: Tensor
    conditions: Tensor
    counted: Tensor


class BatchSource:
    """Draws batches from a latent set; the same seed and step give the same batch.

    Stems that a song does not have never count: their silence says nothing about the music.

    Raises:
        ValueError: no song is as long as a window.
    """

    def __init__(self, latents: LatentSet, layout: Layout, task: TaskConfig, seed: int) -> None:
        self._set, self._layout, self._task, self._seed = latents, layout, task, seed
        self._songs = np.flatnonzero(latents.lengths >= task.window)
        if not len(self._songs):
            raise ValueError(f"no song is as long as a window of {task.window} frames")

    def batch(self, step: int, size: int, rank: int = 0) -> Batch:
        """The batch of a step, for one of several processes."""
        rng = np.random.default_rng([self._seed, step, rank])
        clean, conditions, present = self._windows(rng, size)
        sigma, counted = self._noise_levels(rng, size, clean.shape[1])
        counted *= present[:, :, None]
        self._drop(rng, conditions)
        noise = rng.standard_normal(clean.shape, dtype=np.float32)
        arrays = (clean, noise, sigma, conditions, counted)
        return Batch(*(torch.from_numpy(np.ascontiguousarray(array)) for array in arrays))

    def _windows(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, ...]:
        songs = rng.choice(self._songs, size)
        windows = self._set.windows(songs, self._task.window, rng)
        return *windows, self._set.present[songs]

    def _noise_levels(
        self, rng: np.random.Generator, size: int, stems: int
    ) -> tuple[np.ndarray, np.ndarray]:
        task = self._task
        target = np.exp(rng.normal(task.log_sigma_mean, task.log_sigma_deviation, size))
        target = np.clip(target, *task.sigma_range)
        low, high = np.log(task.given_sigma)
        given = np.exp(rng.uniform(low, high, size))
        counted = np.ones((size, stems, task.window), np.float32)
        for item in range(size):
            n_given = int(rng.choice(stems, p=task.given))
            counted[item, rng.permutation(stems)[:n_given]] = 0.0
            if rng.random() < task.continuation:
                counted[item, :, : int(rng.integers(4, task.continuation_frames + 1))] = 0.0
        sigma = np.where(counted > 0, target[:, None, None], given[:, None, None])
        return sigma.astype(np.float32), counted

    def _drop(self, rng: np.random.Generator, conditions: np.ndarray) -> None:
        slices, chances = self._layout.slices(), dict(self._task.drop)
        for item in conditions:
            for name, at in slices.items():
                if rng.random() < chances.get(name, 0.0):
                    item[at] = 0.0

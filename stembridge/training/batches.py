"""Training windows for the denoiser: which stems are given, how noisy the rest, what is told.

One item plays one of the tasks the model serves: all stems from nothing, any subset given the
rest, continuing after frames already made, and hearing a mixture that holds some of the stems.
Drop-out of each condition block teaches the network to do without it, and is what guidance
compares against; chords told with doubt teach it how far to trust ears.

What is drawn is drawn by numpy from seed and step; what is large is made on the device that trains.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from stembridge.conditions import HEARD, Layout
from stembridge.training.latents import WindowSource, random_starts

_SPANS = 64  # chords of one window whose doubt is drawn apart


@dataclass(frozen=True)
class TaskConfig:
    """How often which task, and which noise.

    Attributes:
        window: frames per item.
        log_sigma_mean, log_sigma_deviation: ln sigma of what is generated, normal, clipped to
            `sigma_range`.
        levels: sigma is one of these instead, each as often (DDPM's steps).
        even: sigma is drawn evenly from `sigma_range` instead (MSLDM).
        given_sigma: range of the noise on given latents, log-uniform: it stands for the codec's
            error on sounds it never saw.
        given: chances that 0, 1, … of the stems are given; the last is all but one.
        continuation: probability that the first frames of all stems are given.
        continuation_frames: how many, at most.
        drop: probability of dropping each condition block; of "heard", that no mixture is heard.
        worn: probability that given stems are heard as users hand them in, where that is known.
        doubt: probability that chords are told as ears tell them: with a confidence below 1,
            and wrong as often as that says.
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
        ("grid", 0.1), ("chords", 0.4), ("style", 0.5), ("timbre", 0.5), ("heard", 0.7),
    )  # fmt: skip
    worn: float = 0.5
    doubt: float = 0.0
    even: bool = False
    levels: tuple[float, ...] = ()


class Batch(NamedTuple):
    """Inputs of `denoising_loss`: clean and noise `[B, S, C, F]`, sigma and counted `[B, S, F]`."""

    clean: Tensor
    noise: Tensor
    sigma: Tensor
    conditions: Tensor
    counted: Tensor


class BatchSource:
    """Draws batches from a set of songs; the same seed, step and set give the same batch.

    Stems that a song does not have never count: their silence says nothing about the music.

    Raises:
        ValueError: no song is as long as a window.
    """

    def __init__(self, songs: WindowSource, layout: Layout, task: TaskConfig, seed: int) -> None:
        self._set, self._layout, self._task, self._seed = songs, layout, task, seed
        if songs.lengths.max(initial=0) < task.window:
            raise ValueError(f"no song is as long as a window of {task.window} frames")

    def batch(self, step: int, size: int, rank: int = 0) -> Batch:
        """The batch of a step, for one of several processes, on the set's device."""
        rng = np.random.default_rng([self._seed, step, rank])
        songs = rng.choice(np.flatnonzero(self._set.lengths >= self._task.window), size)
        starts = random_starts(self._set.lengths[songs], self._task.window, rng)
        windows = self._set.windows(songs, starts, self._task.window)
        clean = windows.latents
        sigma, counted = self._noise_levels(rng, size, clean.shape[1])
        worn = (counted.max(2) == 0) & (rng.random(size) < self._task.worn)[:, None]
        if windows.worn is not None:
            heard = torch.from_numpy(worn).to(clean.device)[:, :, None, None]
            clean = torch.where(heard, windows.worn, clean)
        counted *= self._set.present[songs][:, :, None]
        conditions = self._conditions(rng, windows.conditions)
        if HEARD in self._layout.slices():
            conditions = torch.cat([conditions, self._heard(rng, songs, starts)], 1)
        generator = torch.Generator(clean.device).manual_seed(int(rng.integers(1 << 62)))
        noise = torch.randn(clean.shape, generator=generator, device=clean.device)
        return Batch(
            clean, noise, torch.from_numpy(sigma).to(clean.device), conditions,
            torch.from_numpy(counted).to(clean.device),
        )  # fmt: skip

    def _noise_levels(
        self, rng: np.random.Generator, size: int, stems: int
    ) -> tuple[np.ndarray, np.ndarray]:
        task = self._task
        target = self._targets(rng, size)
        low, high = np.log(task.given_sigma)
        given = np.exp(rng.uniform(low, high, size))
        n_given = rng.choice(stems, size, p=task.given)
        order = rng.random((size, stems)).argsort(1)
        frames = np.where(
            rng.random(size) < task.continuation,
            rng.integers(4, task.continuation_frames + 1, size), 0,
        )  # fmt: skip
        known = np.arange(task.window) < frames[:, None]
        counted = (order >= n_given[:, None])[:, :, None] & ~known[:, None]
        sigma = np.where(counted, target[:, None, None], given[:, None, None])
        return sigma.astype(np.float32), counted.astype(np.float32)

    def _targets(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """Noise levels of what is generated, `[B]`."""
        task = self._task
        if task.levels:
            return rng.choice(task.levels, size)
        if task.even:
            return rng.uniform(*task.sigma_range, size)
        drawn = np.exp(rng.normal(task.log_sigma_mean, task.log_sigma_deviation, size))
        return np.clip(drawn, *task.sigma_range)

    def _conditions(self, rng: np.random.Generator, conditions: Tensor) -> Tensor:
        """What is told `[B, K, F]`: doubtful chords, and blocks dropped."""
        chances, size = dict(self._task.drop), len(conditions)
        for name, at in self._layout.slices().items():
            if name == HEARD:
                continue
            if name == "chords" and self._task.doubt > 0:
                conditions[:, at] = doubtful(conditions[:, at], self._task.doubt, rng)
            kept = rng.random(size) >= chances.get(name, 0.0)
            conditions[:, at] *= torch.from_numpy(kept).to(conditions)[:, None, None]
        return conditions

    def _heard(self, rng: np.random.Generator, songs: np.ndarray, starts: np.ndarray) -> Tensor:
        """The block of a mixture that is heard `[B, 1 + S + S·C, F]`; zeros where none is."""
        size = len(songs)
        which, kept = rng.integers(0, 1 << 30, size), rng.random(size)
        found = self._set.mixtures(songs, starts, self._task.window, which)
        if found is None:
            at = self._layout.slices()[HEARD]
            return torch.zeros(size, at.stop - at.start, self._task.window)
        mixture, stems = found
        flags = torch.cat([torch.ones_like(stems[:, :1]), stems], 1)[:, :, None]
        block = torch.cat([flags.expand(-1, -1, self._task.window), mixture], 1)
        heard = kept >= dict(self._task.drop).get(HEARD, 0.0)
        return block * torch.from_numpy(heard).to(block)[:, None, None]


def doubtful(chords: Tensor, share: float, rng: np.random.Generator) -> Tensor:
    """Chord blocks `[B, 25, F]` as ears would tell them, in a `share` of the items.

    Such an item has a confidence between .3 and 1. The block is scaled by it, and a chord is
    another one (the same, moved by some semitones) with the probability that is left.
    """
    size = len(chords)
    sure = np.where(rng.random(size) < share, rng.uniform(0.3, 1.0, size), 1.0)
    moved = rng.integers(1, 12, (size, _SPANS)) * (rng.random((size, _SPANS)) >= sure[:, None])
    changes = (chords[:, :, 1:] != chords[:, :, :-1]).any(1).cumsum(1)
    span = torch.nn.functional.pad(changes, (1, 0)).clamp_max(_SPANS - 1)
    by = torch.from_numpy(moved).to(chords.device).gather(1, span)
    source = (torch.arange(12, device=chords.device)[None, :, None] - by[:, None]) % 12
    flag, classes, root = chords.split((1, 12, 12), 1)
    chords = torch.cat([flag, classes.gather(1, source), root.gather(1, source)], 1)
    return chords * torch.from_numpy(sure).to(chords)[:, None, None]

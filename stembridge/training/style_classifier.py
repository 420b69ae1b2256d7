"""Fits the style classifier to a latent set that names styles, and lists each style's timbres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from stembridge.conditions import Layout
from stembridge.nn.style_classifier import StyleClassifier, StyleClassifierConfig
from stembridge.training.latents import LatentSet, random_starts

_TRAINED = 0.9  # share of the songs that the classifier is fitted to
_USUAL = 0.08  # share of a style's songs; a timbre heard less often is a stray


@dataclass(frozen=True)
class StyleTraining:
    """Settings of the fit.

    Attributes:
        steps, batch, learning_rate, weight_decay: of AdamW; the rate falls to 0 by a cosine.
        frames: shortest and longest window; requests are of any length.
        latent_noise: deviation of noise on latents, statistics_noise: on their statistics (in
            their own deviations); both stand for sounds it never heard.
        grid_drop: share of windows without a grid.
        seed: of windows, noise and initial weights.
    """

    steps: int = 600
    batch: int = 48
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.1
    frames: tuple[int, int] = (64, 384)
    latent_noise: float = 0.1
    statistics_noise: float = 0.5
    grid_drop: float = 0.1
    seed: int = 1


class StyledWindows:
    """Windows of songs whose style is known, as the classifier takes them.

    The last tenth of these songs is kept out of training.
    """

    def __init__(
        self, latents: LatentSet, layout: Layout, seed: int, *, kept_out: bool = False
    ) -> None:
        self._set, self._layout = latents, layout
        block = latents.conditions[:, layout.slices()["style"], 0]
        self.styles = np.asarray(block[:, 1:].argmax(1), np.int64)
        styled = np.flatnonzero(block[:, 0])
        split = max(1, int(_TRAINED * len(styled)))
        self.songs = styled[split:] if kept_out else styled[:split]
        self._rng = np.random.default_rng(seed)

    def draw(self, size: int, n_frames: int, config: StyleTraining) -> tuple[Tensor, ...]:
        """Latents `[B, S, C, F]`, given `[B, S, F]`, grid `[B, K, F]`, styles `[B]`."""
        songs = self._rng.choice(self.songs, size)
        shortest = min(n_frames, int(self._set.lengths[songs].min()))
        starts = random_starts(self._set.lengths[songs], shortest, self._rng)
        windows = self._set.windows(songs, starts, shortest)
        heard, grid = windows.latents.numpy(), windows.conditions.numpy()
        heard += config.latent_noise * self._rng.standard_normal(heard.shape, np.float32)
        grid[:, self._layout.slices()["grid"].stop :] = 0.0
        grid[self._rng.random(size) < config.grid_drop] = 0.0
        given = self._given(songs, shortest)
        parts = (heard, given, grid, self.styles[songs])
        return tuple(torch.from_numpy(part) for part in parts)

    def _given(self, songs: NDArray[np.int64], n_frames: int) -> NDArray[np.float32]:
        """None to all of the stems, those that the song has; an emptier band is as common."""
        size, n_stems = len(songs), self._set.latents.shape[1]
        order = self._rng.random((size, n_stems)).argsort(1)
        given = (order < self._rng.integers(0, n_stems + 1, (size, 1))) & self._set.present[songs]
        return np.repeat(given.astype(np.float32)[:, :, None], n_frames, axis=2)


def fit_style_classifier(
    latents: LatentSet, layout: Layout, frame_s: float, training: StyleTraining | None = None
) -> StyleClassifier:
    """Fits a classifier of `layout.styles`.

    Args:
        latents: songs with style conditions; those without are left out.
        layout: of the set's conditions, the grid first.
        frame_s: length of a latent frame, s.
        training: settings.

    Raises:
        ValueError: no song names its style.
    """
    config = training or StyleTraining()
    windows = StyledWindows(latents, layout, config.seed)
    if not len(windows.songs):
        raise ValueError("no song names its style")
    n_stems, n_channels = latents.latents.shape[1:3]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        classifier = StyleClassifier(
            StyleClassifierConfig(n_stems, n_channels, len(layout.styles), frame_s)
        )
        _standardise(classifier, windows, config)
        _descend(classifier, windows, config)
    return classifier.eval()


def _standardise(
    classifier: StyleClassifier, windows: StyledWindows, config: StyleTraining
) -> None:
    heard, given, grid, _ = windows.draw(256, config.frames[1], config)
    statistics = classifier.statistics(heard, torch.ones_like(given), grid)
    classifier.mean.copy_(statistics.mean(0))
    classifier.deviation.copy_(statistics.std(0).clamp_min(1e-3))


def _descend(classifier: StyleClassifier, windows: StyledWindows, config: StyleTraining) -> None:
    optimizer = torch.optim.AdamW(
        classifier.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.steps)
    lengths = np.random.default_rng(config.seed + 1)
    for _ in range(config.steps):
        n_frames = int(lengths.integers(config.frames[0], config.frames[1] + 1))
        heard, given, grid, styles = windows.draw(config.batch, n_frames, config)
        with torch.no_grad():
            statistics = classifier.statistics(heard, given, grid)
        noise = config.statistics_noise * classifier.deviation * torch.randn_like(statistics)
        loss = functional.cross_entropy(classifier.logits(statistics + noise, given, grid), styles)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        falling.step()


def accuracy(classifier: StyleClassifier, latents: LatentSet, layout: Layout, stem: int) -> float:
    """Share of kept-out windows of 256 frames whose style is heard right without `stem`.

    NaN if there are no songs to keep out.
    """
    windows = StyledWindows(latents, layout, 0, kept_out=True)
    if not len(windows.songs):
        return float("nan")
    quiet = StyleTraining(latent_noise=0.0, grid_drop=0.0)
    heard, given, grid, styles = windows.draw(256, 256, quiet)
    given = torch.ones_like(given)
    given[:, stem] = 0.0
    with torch.no_grad():
        return float((classifier(heard, given, grid).argmax(1) == styles).float().mean())


def timbres_by_style(latents: LatentSet, layout: Layout) -> dict[str, dict[str, tuple[str, ...]]]:
    """Style -> stem -> the timbres that songs of that style usually play."""
    slices = layout.slices()
    styles = np.asarray(latents.conditions[:, slices["style"], 0], np.float32)[:, 1:]
    timbres = np.asarray(latents.conditions[:, slices["timbre"], 0], np.float32)
    shares = styles.T @ timbres / np.maximum(styles.sum(0), 1)[:, None]
    names = [(stem, name) for stem, own in layout.timbres for name in own]
    return {
        style: {
            stem: tuple(n for (s, n), share in zip(names, row, strict=True)
                        if s == stem and share >= _USUAL)
            for stem, _ in layout.timbres
        }
        for style, row in zip(layout.styles, shares, strict=True)
    }  # fmt: skip

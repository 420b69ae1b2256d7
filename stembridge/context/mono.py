"""One channel of many, in which nothing that sounds is lost.

The mean of the channels loses what is out of phase between them, and makes what sounds in one of
eight 18 dB quieter. So the material decides: the sum with each channel's polarity turned to the
loudest one's, the plain sum, or one channel alone, whichever keeps the most of every band in which
any channel sounds. It is then as loud as the loudest channel: left only, both sides the same, and
one side turned round all come at the same level.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stembridge.audio.buffer import AudioBuffer, FloatArray

Array = NDArray[np.float64]

WINDOW, WINDOWS_PER_PIECE, MOST_WINDOWS = 2048, 8, 512
BANDS_PER_OCTAVE = 6
LOST = 1e-4  # -40 dB: what is quieter than this is lost in earnest
PLAIN_BONUS = 0.02  # the plain mean, where it is as good as any
CANCELS = 0.25  # of the power, -6 dB: below, a remark is due


@dataclass(frozen=True)
class Downmix:
    """How channels become one.

    Attributes:
        weights: `[C]`, the level included.
        cancels: whether their mean would have lost most of the sound.
        heard: whether there was anything to choose by.
    """

    weights: FloatArray
    cancels: bool = False
    heard: bool = True

    def __call__(self, piece: AudioBuffer) -> FloatArray:
        """A piece as one channel `[n]`."""
        if self.weights.size == 1:
            return np.ascontiguousarray(piece.samples[0])
        mixed = np.zeros(piece.n_samples, np.float32)
        for weight, channel in zip(self.weights, piece.samples, strict=True):
            if weight:
                mixed += weight * channel
        return mixed


def find_downmix(pieces: Iterable[AudioBuffer], n_channels: int) -> Downmix:
    """Listen to all of a recording and choose.

    Args:
        pieces: the recording, in order.
        n_channels: of it.
    """
    if n_channels == 1:
        return Downmix(np.ones(1, np.float32))
    covariance = np.zeros((n_channels, n_channels))
    spectra: list[NDArray[np.complex64]] = []
    for piece in pieces:
        samples = piece.samples
        covariance += (samples @ samples.T).astype(np.float64)
        if len(spectra) < MOST_WINDOWS // n_channels:
            spectra += _windows(samples, WINDOWS_PER_PIECE // n_channels)
    powers = np.diag(covariance)
    loudest = int(powers.argmax())
    mean = np.full(n_channels, 1 / n_channels)
    if powers[loudest] <= 0 or not spectra:
        return Downmix(mean.astype(np.float32), heard=False)
    turned = np.where(covariance[loudest] < 0, -1.0, 1.0) / n_channels
    alone = [row for row, power in zip(np.eye(n_channels), powers, strict=True)
             if power > LOST * powers[loudest]]  # fmt: skip
    candidates = np.stack([mean, turned, *alone])
    scores = _kept(np.stack(spectra), candidates)
    scores[0] += PLAIN_BONUS
    weights = candidates[scores.argmax()]
    power = float(weights @ covariance @ weights)
    gain = np.sqrt(powers[loudest] / power)
    cancels = bool(mean @ covariance @ mean < CANCELS * powers.sum() / n_channels)
    one_sided = powers.sum() < powers[loudest] * (1 + LOST * n_channels)
    return Downmix((gain * weights).astype(np.float32), cancels and not one_sided)


def _windows(samples: FloatArray, most: int) -> list[NDArray[np.complex64]]:
    """Spectra `[C, bins]` of some windows of a piece."""
    n = samples.shape[1]
    if n < WINDOW:
        samples, n = np.pad(samples, ((0, 0), (0, WINDOW - n))), WINDOW
    starts = np.linspace(0, n - WINDOW, max(1, min(most, n // WINDOW)), dtype=int)
    shape = np.hanning(WINDOW).astype(np.float32)
    return [np.fft.rfft(samples[:, at : at + WINDOW] * shape).astype(np.complex64)
            for at in starts]  # fmt: skip


def _kept(spectra: NDArray[np.complex64], candidates: Array) -> Array:
    """How much of every band each candidate `[K, C]` keeps: mean logarithms `[K]`, 0 for all."""
    n_bins = spectra.shape[-1]
    edges = np.unique(np.round(2 ** np.arange(1, np.log2(n_bins), 1 / BANDS_PER_OCTAVE)))
    starts = edges.astype(int)

    def bands(values: NDArray[np.complex64]) -> Array:
        return np.add.reduceat(np.abs(values).astype(np.float64) ** 2, starts, axis=-1)

    loudest = bands(spectra).max(axis=1)  # [windows, bands]
    weight = np.sqrt(loudest)
    if not weight.sum():
        return np.zeros(len(candidates))
    scores = []
    for weights in candidates:
        power = bands(np.tensordot(spectra, weights.astype(np.float32), ([1], [0])))
        power *= loudest.sum() / max(power.sum(), 1e-30)  # at one level, whatever the candidate
        lost = np.minimum(power / np.maximum(loudest, 1e-30), 1.0)
        scores.append(float((weight * np.log(lost + LOST)).sum() / weight.sum()))
    return np.array(scores)

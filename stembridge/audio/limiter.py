"""Peaks held down where they are, and nowhere else: a look-ahead limiter without a memory.

The gain that each sample needs is held for a window around it and then averaged over that window,
so it has come down, without a corner, when the peak comes. Both channels get the same gain, and a
sample's gain hangs on its surroundings alone: what is the same in two takes stays the same.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stembridge.audio.buffer import FloatArray
from stembridge.audio.loudness import peak

Curve = NDArray[np.float64]
WINDOW_S = 0.010  # half before a peak, half behind it
BETWEEN, TAPS = 4, 16  # points per sample and reach of what is read between samples
_NEAR = 0.5  # whatever lies this far below a limit does not pass it between samples


def true_peak(samples: FloatArray) -> float:
    """Highest point of `[n]` or `[2, n]`, between samples too; 0 for none."""
    return float(_peaks(samples, peak(samples)).max(initial=0.0))


def limited(samples: FloatArray, ceiling: float, rate: int, *, loop: bool = False) -> FloatArray:
    """The same sound with no true peak above `ceiling`; as it is where there is none.

    Args:
        samples: float32 `[n]` or `[2, n]`.
        ceiling: linear.
        rate: Hz.
        loop: the end goes on into the start.
    """
    peaks = _peaks(samples, ceiling)
    if peaks.max(initial=0.0) <= ceiling:
        return samples
    needed = np.minimum(1.0, ceiling / np.maximum(peaks, ceiling))
    half = max(2, round(WINDOW_S / 2 * rate))
    around = np.pad(needed, 2 * half, mode="wrap" if loop else "edge")
    gain = _mean(_mean(_lowest(around, 2 * half + 1), half + 1), half)
    # The averages reach a sample less than the lowest does on either side.
    return samples * gain[: samples.shape[-1]].astype(np.float32)


def _lowest(values: Curve, width: int) -> Curve:
    """Lowest of every `width` neighbours, `[n - width + 1]`, by doubling."""
    known = 1
    while known < width:
        step = min(known, width - known)
        values = np.minimum(values[:-step], values[step:])
        known += step
    return values


def _mean(values: Curve, width: int) -> Curve:
    """Mean of every `width` neighbours, `[n - width + 1]`."""
    total = np.cumsum(np.concatenate([[0.0], values]))
    return np.asarray((total[width:] - total[:-width]) / width)


def _peaks(samples: FloatArray, ceiling: float) -> Curve:
    """Highest magnitude at and around each sample, `[n]`; read between samples near the ceiling."""
    channels = np.atleast_2d(samples)
    peaks: Curve = np.abs(channels).max(axis=0).astype(np.float64)
    near = np.flatnonzero(peaks > ceiling * _NEAR)
    if not near.size:
        return peaks
    reach = np.arange(-TAPS // 2 + 1, TAPS // 2 + 1)
    padded = np.pad(channels, ((0, 0), (TAPS, TAPS)))
    for channel in padded:
        around = channel[near[:, None] + TAPS + reach]
        between = np.abs(around @ _readers()).max(axis=1)
        np.maximum.at(peaks, near, between)
        np.maximum.at(peaks, np.minimum(near + 1, peaks.size - 1), between)
    return peaks


@lru_cache(maxsize=1)
def _readers() -> Curve:
    """Windowed sinc `[TAPS, BETWEEN - 1]`: the points between a sample and the next."""
    at = np.arange(-TAPS // 2 + 1, TAPS // 2 + 1)[:, None] - np.arange(1, BETWEEN) / BETWEEN
    window = np.cos(np.pi * at / TAPS) ** 2
    return np.asarray(np.sinc(at) * window)

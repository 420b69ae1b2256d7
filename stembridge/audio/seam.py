"""Where a loop goes round: no brighter than at its other bar lines.

A click is heard as treble, and so is a start that stands out each time a loop comes round. What is
above 6 kHz within 10 ms of the seam is held against the same at the bar lines within the loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stembridge.audio.buffer import FloatArray
from stembridge.audio.loudness import amplitude, decibels

Sound = FloatArray | NDArray[np.float64]
ABOVE_HZ, AROUND_S = 6000.0, 0.010
_TAKEN_ABOVE_HZ = 4500.0  # wide enough that the filter's slope leaves nothing above 6 kHz behind
QUIET_DB = -70.0  # below the peak: nothing is heard
EVEN_DB = 5.0  # above the brightest of the other bar lines, a start is one among them
_FAR = 8  # times as far is looked at, so that the filter does not hear the cut
_TURNS, _NEARLY_DB = 6, 0.3
_EASED = 3  # times as far treble is taken away, less and less


@dataclass(frozen=True)
class Evened:
    """A loop after `evened`.

    Attributes:
        sound: it.
        softer_db: what its treble lost at the seam; 0: nothing.
        was_db: how loud that was, beside the peak.
    """

    sound: FloatArray
    softer_db: float
    was_db: float


def treble_db(sound: Sound, rate: int, at: int) -> float:
    """Level of the treble around a sample of sound `[n]` or `[2, n]` that goes round, in mono."""
    reach = round(AROUND_S * rate)
    treble = _treble(sound, rate, at, ABOVE_HZ).mean(axis=0)[
        (_FAR - 1) * reach : (_FAR + 1) * reach
    ]
    return max(QUIET_DB, decibels(float(np.sqrt(np.mean(treble**2)))))


def evened(sound: FloatArray, rate: int, lines: Sequence[int]) -> Evened:
    """A loop `[n]` or `[2, n]` whose start is at most `EVEN_DB` brighter than its `lines`.

    Args:
        sound: float32.
        rate: Hz.
        lines: samples of the bar lines within it; without one there is nothing to be like.
    """
    if not lines or not np.any(sound):
        return Evened(sound, 0.0, QUIET_DB)
    excess_db, was_db = _excess_db(sound, rate, lines)
    softer_db, less = 0.0, sound
    for _ in range(_TURNS):  # without its treble the peak may be another
        if excess_db <= _NEARLY_DB:
            break
        softer_db += excess_db
        less = _softened(less, rate, excess_db)
        excess_db, _ = _excess_db(less, rate, lines)
    return Evened(less, softer_db, was_db)


def _excess_db(sound: FloatArray, rate: int, lines: Sequence[int]) -> tuple[float, float]:
    """By how much the start is too bright, and how bright it is, beside the peak."""
    whole = sound / np.abs(sound).max()
    seam, *others = (treble_db(whole, rate, at) for at in (0, *lines))
    return seam - max(others) - EVEN_DB, seam


def _softened(sound: FloatArray, rate: int, by_db: float) -> FloatArray:
    """The loop with that much less treble at its seam."""
    reach, n = round(AROUND_S * rate), sound.shape[-1]
    share = _share(reach) * (1 - amplitude(-by_db))
    span = min(share.size, n)
    first = (share.size - span) // 2
    at = (np.arange(first, first + span) - share.size // 2) % n
    inner = slice((_FAR - _EASED) * reach, (_FAR + _EASED) * reach)
    taken = (_treble(sound, rate, 0, _TAKEN_ABOVE_HZ)[:, inner] * share)[:, first : first + span]
    less = sound.copy()
    less[..., at] -= taken[0] if sound.ndim == 1 else taken
    return less


def _share(reach: int) -> NDArray[np.float64]:
    """All of it within the reach of the seam, then eased out, `[2 * _EASED * reach]`."""
    far = np.abs(np.arange(-_EASED * reach, _EASED * reach) + 0.5) / reach
    eased = np.clip((far - 1) / (_EASED - 1), 0, 1)
    return np.asarray(np.cos(eased * np.pi / 2) ** 2)


def _treble(sound: Sound, rate: int, at: int, above_hz: float) -> NDArray[np.float64]:
    """What is above a frequency within eight times the reach of a sample, `[channels, n]`."""
    around = _FAR * round(AROUND_S * rate)
    channels = np.atleast_2d(sound)
    piece = channels[:, np.arange(at - around, at + around) % channels.shape[1]]
    spectra = np.fft.rfft(np.asarray(piece, np.float64) * _cut(2 * around))
    hz = np.fft.rfftfreq(2 * around, 1 / rate)
    steep = 1 / (1 + (above_hz / np.maximum(hz, 1.0)) ** 16)
    return np.asarray(np.fft.irfft(spectra * steep, 2 * around))


def _cut(n: int) -> NDArray[np.float64]:
    """Whole in the middle half, eased towards the ends."""
    ends = np.clip(np.minimum(np.arange(n), np.arange(n)[::-1]) / (n / 4), 0, 1)
    return np.asarray(np.sin(ends * np.pi / 2) ** 2)

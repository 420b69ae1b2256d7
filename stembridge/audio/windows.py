"""Ramps, and joining overlapping pieces without a seam.

An overlapping piece enters with a rising ramp while the earlier one leaves with the mirrored
ramp. `equal_gain` ramps add up to 1 (the same material twice); the squares of `equal_power` ramps
do (unrelated material, such as the same note decoded twice with another phase).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np

from stembridge.audio.buffer import FloatArray

Curve = Literal["equal_gain", "equal_power"]


def rising_ramp(n_samples: int, curve: Curve = "equal_gain") -> FloatArray:
    """Ramp from 0 to 1, sampled at the middle of each step, [n_samples]."""
    phase = (np.arange(n_samples) + 0.5) / max(n_samples, 1) * (np.pi / 2)
    wave = np.sin(phase) if curve == "equal_power" else np.sin(phase) ** 2
    return wave.astype(np.float32)


def fade_edges(samples: FloatArray, fade_in: int, fade_out: int) -> FloatArray:
    """A copy of `[…, n]` with raised-cosine edges, lengths in samples (at most half of n each)."""
    faded = samples.copy()
    half = samples.shape[-1] // 2
    rise, fall = min(fade_in, half), min(fade_out, half)
    if rise:
        faded[..., :rise] *= rising_ramp(rise)
    if fall:
        faded[..., -fall:] *= rising_ramp(fall)[::-1]
    return faded


def overlap_add(
    pieces: Iterable[FloatArray], overlap: int, curve: Curve = "equal_power"
) -> FloatArray:
    """Join `[n_i]` pieces, each starting `overlap` samples before the end of the earlier one.

    Every piece must be at least `overlap` long; the result is `sum(n_i) - overlaps` long.
    """
    joined: list[FloatArray] = []
    rise = rising_ramp(overlap, curve)
    for piece in pieces:
        if joined and overlap:
            tail = joined[-1][-overlap:] * rise[::-1] + piece[:overlap] * rise
            joined[-1] = joined[-1][:-overlap]
            joined.extend((tail, piece[overlap:]))
        else:
            joined.append(piece)
    return np.concatenate(joined) if joined else np.zeros(0, np.float32)

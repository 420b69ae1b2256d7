"""Loudness (ITU-R BS.1770-4, by pyloudnorm) and level."""

from __future__ import annotations

import numpy as np

from stembridge.audio.buffer import FloatArray

GATE_LUFS = -70.0  # BS.1770's absolute gate: quieter is silence
BLOCK_S = 0.4
SILENCE_PEAK = 1e-4  # -80 dBFS


def decibels(ratio: float) -> float:
    """Linear amplitude ratio in dB; -inf for 0."""
    return 20 * float(np.log10(ratio)) if ratio > 0 else float("-inf")


def amplitude(level_db: float) -> float:
    """Linear factor of a level in dB."""
    return float(10 ** (level_db / 20))


def peak(samples: FloatArray) -> float:
    """Largest absolute sample; 0 for none."""
    return float(np.abs(samples).max(initial=0.0))


def is_silent(samples: FloatArray) -> bool:
    """Whether nothing reaches -80 dBFS."""
    return peak(samples) < SILENCE_PEAK


def integrated_loudness(samples: FloatArray, rate: int) -> float | None:
    """Gated loudness of mono `[n]` in LUFS; None for silence.

    Pieces shorter than one 400 ms block are measured as if repeated to fill it.
    """
    if is_silent(samples):
        return None
    import pyloudnorm

    block = int(np.ceil(BLOCK_S * rate)) + 1
    if samples.size < block:
        samples = np.resize(samples, block)
    lufs = float(pyloudnorm.Meter(rate).integrated_loudness(samples))
    return lufs if lufs > GATE_LUFS else None

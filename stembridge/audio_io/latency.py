"""The round trip from output to input, measured by playing a sweep and finding it again.

A sweep's autocorrelation is one narrow peak, so it is found to a fraction of a sample through
loudspeakers, converters and noise, at a level that hurts nobody.
"""

from __future__ import annotations

import numpy as np

from stembridge.audio.buffer import FloatArray

SWEEP_S = 0.15
LOW_HZ, HIGH_HZ = 300.0, 8000.0
LEVEL = 0.25
LONGEST_S = 1.0
"""Longest round trip that is looked for."""

CLEAR = 0.3
"""Correlation below which nothing was heard."""


def sweep(rate: int) -> FloatArray:
    """Exponential sweep `[n]` from 300 Hz to 8 kHz with soft ends.

    Source: Farina, "Simultaneous measurement of impulse response and distortion with a swept-sine
    technique", AES 108, 2000.
    """
    n = int(SWEEP_S * rate)
    t = np.arange(n) / rate
    high_hz = min(HIGH_HZ, 0.4 * rate)
    octaves = np.log(high_hz / LOW_HZ)
    phase = 2 * np.pi * LOW_HZ * SWEEP_S / octaves * (np.exp(t / SWEEP_S * octaves) - 1)
    ends = np.minimum(1.0, np.minimum(np.arange(n), np.arange(n)[::-1]) / (0.005 * rate))
    probe: FloatArray = (LEVEL * ends * np.sin(phase)).astype(np.float32)
    return probe


def find(recorded: FloatArray, probe: FloatArray) -> tuple[float, float]:
    """Where in `recorded` `[n]` the probe lies.

    Returns:
        (delay in samples, to a fraction; normalised correlation 0..1 at that place).
    """
    n = len(recorded) + len(probe)
    size = 1 << (n - 1).bit_length()
    spectrum = np.fft.rfft(recorded, size) * np.conj(np.fft.rfft(probe, size))
    correlation = np.abs(np.fft.irfft(spectrum, size)[: max(1, len(recorded) - len(probe) + 1)])
    at = int(np.argmax(correlation))
    heard = recorded[at : at + len(probe)].astype(np.float64)
    norm = float(np.sqrt(np.sum(heard**2) * np.sum(probe.astype(np.float64) ** 2)))
    clarity = float(correlation[at]) / norm if norm > 1e-9 else 0.0
    if 0 < at < len(correlation) - 1:
        left, middle, right = (float(correlation[at + k]) for k in (-1, 0, 1))
        bend = left - 2 * middle + right
        return at + (0.5 * (left - right) / bend if bend else 0.0), min(1.0, clarity)
    return float(at), min(1.0, clarity)

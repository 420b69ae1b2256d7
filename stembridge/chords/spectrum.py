"""What the chord network hears: a spectrum with three bins to the semitone, level set aside.

Conventions: audio is mono float32 at `rate` Hz; a frame is 512 samples at about 11 kHz (46 ms);
bins go up from MIDI pitch 24 in thirds of a semitone.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from stembridge.chords.pitches import Array, Audio, decimated

LOWEST_PITCH, SEMITONES, PER_SEMITONE = 24, 84, 3
N_BINS = SEMITONES * PER_SEMITONE
FRAME = 512  # samples at the decimated rate
_WINDOW = 4096  # 0.37 s: parts neighbouring semitones from about 130 Hz upwards
_BLOCK = 32  # frames transformed at once: they stay in the processor's cache
_LOUD_SHARE = 95  # percentile of frames whose peak counts as loud
_QUIET = 1e-5
CONTRAST = 200.0  # of the logarithm: -46 dB below loud is half of what can be seen


def frame_s(rate: int) -> float:
    """Seconds of one frame for audio of a rate, Hz."""
    return FRAME * max(1, round(rate / 11_025)) / rate


def log_spectrum(audio: Audio, rate: int) -> NDArray[np.float32]:
    """Logarithmic magnitudes `[T, 252]`, 1 where it is loud; frame t is centred at t + 1/2.

    Silence is 0. Louder or quieter audio gives the same values.
    """
    samples, decimated_rate = decimated(audio, rate)
    n_frames = len(samples) // FRAME
    if not n_frames:
        return np.zeros((0, N_BINS), np.float32)
    lead = (_WINDOW - FRAME) // 2
    padded = np.pad(samples.astype(np.float32), (lead, _WINDOW))
    at = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::FRAME][:n_frames]
    window, bank = np.hanning(_WINDOW).astype(np.float32), _filters(decimated_rate)
    parts = [np.abs(np.fft.rfft(at[i : i + _BLOCK] * window, axis=1)).astype(np.float32) @ bank
             for i in range(0, n_frames, _BLOCK)]  # fmt: skip
    magnitudes = np.concatenate(parts) / (_WINDOW / 4)
    loud = float(np.percentile(magnitudes.max(1), _LOUD_SHARE))
    if loud < _QUIET:
        return np.zeros((n_frames, N_BINS), np.float32)
    scaled: NDArray[np.float32] = np.log1p(CONTRAST / loud * magnitudes) / np.log1p(CONTRAST)
    return scaled.astype(np.float32)


@cache
def _filters(rate: float) -> NDArray[np.float32]:
    """Triangles on a logarithmic axis `[bins of the FFT, 252]`, at least one bin wide."""
    pitch = LOWEST_PITCH + np.arange(N_BINS) / PER_SEMITONE
    centre = 440.0 * 2 ** ((pitch - 69) / 12)
    bin_hz = rate / _WINDOW
    width = np.maximum(centre * (2 ** (1 / (12 * PER_SEMITONE)) - 1), bin_hz)
    hz: Array = np.arange(_WINDOW // 2 + 1) * bin_hz
    weights = np.maximum(0.0, 1 - np.abs(hz[:, None] - centre) / width)
    return weights.astype(np.float32)

"""Spectral figures: log-spectral distance, high-frequency energy, and Fréchet distance.

The Fréchet distance here is on log-mel statistics of one-second windows, stated by name
(`logmel40-1s`); it is not comparable with VGGish or CLAP figures.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Audio = NDArray[np.float32]
Matrix = NDArray[np.float64]

_FLOOR = 1e-3  # -60 dB under a full-scale sine: quieter bins count as equal
_N_BANDS = 20


def magnitudes(audio: Audio, n: int, hop: int) -> Matrix:
    """STFT magnitudes relative to a full-scale sine `[J, n/2+1]`, Hann window."""
    window = np.hanning(n).astype(np.float32)
    count = max(1, (len(audio) - n) // hop + 1)
    padded = np.pad(audio, (0, max(0, n - len(audio))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, n)[::hop][:count]
    result: Matrix = np.abs(np.fft.rfft(frames * window, axis=1)) / (n / 4)
    return result


def log_spectral_distance_db(audio: Audio, reference: Audio) -> float | None:
    """Mean over sounding frames of the RMS over bins of the dB difference; None for silence.

    2048-sample frames; magnitudes are floored at -60 dB of a full-scale sine.
    """
    a, b = (magnitudes(x, 2048, 512) for x in (audio, reference))
    sounding = b.max(1) > 2 * _FLOOR
    if not sounding.any():
        return None
    difference = 20 * np.log10((a[sounding] + _FLOOR) / (b[sounding] + _FLOOR))
    return float(np.sqrt((difference**2).mean(1)).mean())


def treble_db(audio: Audio, rate: int, above_hz: float = 10_000.0) -> float:
    """Power above a frequency relative to all, in dB (-120 for none)."""
    power = np.abs(np.fft.rfft(audio)) ** 2
    share = power[int(above_hz / rate * len(audio)) :].sum() / (power.sum() + 1e-12)
    return float(10 * np.log10(share + 1e-12))


def embeddings(audio: Audio, rate: int) -> Matrix:
    """Mean and deviation of 20 log-mel bands over every second of audio, `[N, 40]`."""
    n, hop = 2048, 1024
    bands = _mel_bands(n, rate)
    logs = np.log10(magnitudes(audio, n, hop) @ bands + 1e-4)
    per_second = max(1, rate // hop)
    rows = [
        np.concatenate([part.mean(0), part.std(0)])
        for part in (logs[i : i + per_second] for i in range(0, len(logs), per_second))
        if len(part) > per_second // 2
    ]
    return np.array(rows)


def _mel_bands(n: int, rate: int) -> Matrix:
    def mel(hz: ArrayLike) -> Matrix:
        return 2595 * np.log10(1 + np.asarray(hz, np.float64) / 700)

    edges = np.linspace(mel(40.0), mel(16_000.0), _N_BANDS + 2)
    at = mel(np.fft.rfftfreq(n, 1 / rate))[:, None]
    rise = (at - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - at) / (edges[2:] - edges[1:-1])
    return np.clip(np.minimum(rise, fall), 0.0, None)


def frechet(a: Matrix, b: Matrix) -> float:
    """Fréchet distance of the Gaussians fitted to two sets of vectors `[N, E]`."""
    mean = a.mean(0) - b.mean(0)
    cov_a, cov_b = (np.cov(x, rowvar=False) + 1e-6 * np.eye(x.shape[1]) for x in (a, b))
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    # tr (A B)^(1/2) = tr (A^(1/2) B A^(1/2))^(1/2), whose matrix is symmetric.
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ cov_b @ root), 0.0)).sum()
    return float(mean @ mean + np.trace(cov_a) + np.trace(cov_b) - 2 * cross)

"""How strongly every semitone sounds in each cell of time: the estimator's ear.

A cell's spectrum (square roots of magnitudes, so that quiet notes count as well) is explained as
a sum of notes with harmonics, by non-negative least squares as in Mauch & Dixon, "Approximate note
transcription for the improved identification of difficult chords" (ISMIR 2010), so that a note's
overtones are not heard as notes of their own. Tuning is found per stem from the spectral peaks.

Conventions: audio is mono float32 at `rate` Hz; frequencies in Hz, tuning in semitones above
concert pitch (A4 = 440 Hz); pitches are MIDI numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float32]
Array = NDArray[np.floating]

LOWEST, HIGHEST = 28, 96  # E1 of a bass .. C7; what lies above is overtones
N_PITCHES = HIGHEST - LOWEST + 1
_RATE = 11_025  # Hz, about; no note that counts lies above 2.2 kHz
_WINDOW_S = 0.37  # parts two neighbouring semitones from about 130 Hz upwards
_TOP_HZ = 2200.0
_HARMONICS = 10
_DECAY = 0.7  # amplitude of a harmonic relative to the one below
_ITERATIONS = 40
_BLOCK = 256  # frames transformed at once, to bound memory
_SILENT = 1e-4  # RMS, -80 dB
_TUNING_FRAMES = 512


def decimated(audio: Audio, rate: int) -> tuple[Audio, float]:
    """Every k-th sample, so that about 11 kHz remain; returns them and their rate in Hz.

    Three running means of k samples come before (a CIC filter, Hogenauer 1981): what would fold
    into the band below 2.2 kHz, which alone is looked at, is 36 dB down.
    """
    factor = max(1, round(rate / _RATE))
    if factor == 1:
        return audio, float(rate)
    box = np.full(factor, 1 / factor, np.float32)
    smooth = np.convolve(audio, np.convolve(np.convolve(box, box), box), mode="same")
    return smooth[::factor], rate / factor


def spectra(
    audio: Audio, rate: float, window_s: float = _WINDOW_S, per_window: int = 4
) -> tuple[Array, Array, float]:
    """Magnitudes up to 2.2 kHz, so many frames a window.

    Returns:
        magnitudes `[J, N]`, frame centres in s `[J]`, width of a bin in Hz.
    """
    n = 2 ** round(np.log2(window_s * rate))
    hop = n // per_window
    n_bins = int(_TOP_HZ * n / rate) + 1
    window = np.hanning(n + 1)[:n].astype(np.float32) * np.float32(2 / n)
    padded = np.pad(audio, (n // 2, n))
    n_frames = 1 + len(audio) // hop
    at = np.lib.stride_tricks.sliding_window_view(padded, n)[: n_frames * hop : hop]
    blocks = [np.abs(np.fft.rfft(at[i : i + _BLOCK] * window, axis=1)[:, :n_bins])
              for i in range(0, n_frames, _BLOCK)]  # fmt: skip
    return np.concatenate(blocks), np.arange(n_frames) * hop / rate, rate / n


def tuning(magnitudes: Array, bin_hz: float) -> float:
    """Deviation from concert pitch in semitones, -0.5..0.5."""
    return float(np.angle(tuning_vector(magnitudes, bin_hz)) / (2 * np.pi))


def tuning_vector(magnitudes: Array, bin_hz: float) -> complex:
    """Circular mean of the deviation over spectral peaks.

    Its angle, a full turn being a semitone, is the deviation; its length, 0..1, says how far the
    peaks agree.
    """
    first = int(100 / bin_hz)
    some = magnitudes[:: 1 + len(magnitudes) // _TUNING_FRAMES]
    m = np.log(some + 1e-9)
    left, mid, right = m[:, first - 1 : -2], m[:, first:-1], m[:, first + 1 :]
    peak = (mid > left) & (mid > right) & (mid > mid.max() - 6.0)
    # Parabola through three log magnitudes, which is near exact for a Hann window.
    curve = np.minimum(left - 2 * mid + right, -1e-9)
    offset = np.clip(0.5 * (left - right) / curve, -0.5, 0.5)
    hz = (first + np.arange(mid.shape[1]) + offset) * bin_hz
    semitones = 12 * np.log2(hz[peak] / 440.0)
    weight = np.exp(0.5 * mid[peak])
    turns = np.exp(2j * np.pi * semitones) * weight
    return complex(turns.sum() / max(weight.sum(), 1e-12))


def _note_spectra(magnitudes: Array, bin_hz: float) -> Array:
    """Compressed spectrum of every pitch `[N, P]`, tuned as frames `[J, N]` are.

    Hann main lobes at its harmonics.
    """
    n_bins, tuned = magnitudes.shape[1], tuning(magnitudes, bin_hz)
    f0 = 440.0 * 2 ** ((np.arange(LOWEST, HIGHEST + 1) + tuned - 69) / 12)
    notes = np.zeros((n_bins, len(f0)))
    for harmonic in range(1, _HARMONICS + 1):
        centre = harmonic * f0 / bin_hz
        near = np.round(centre).astype(int)[None] + np.arange(-2, 3)[:, None]
        x = np.abs(near - centre)
        lobe = np.abs(np.sinc(x) / np.where(np.abs(1 - x * x) < 1e-6, 1e-6, 1 - x * x))
        lobe = np.where(np.abs(x - 1) < 1e-3, 0.5, lobe) * (x < 2) * _DECAY ** (harmonic - 1)
        inside = near < n_bins
        column = np.broadcast_to(np.arange(len(f0)), near.shape)
        np.maximum.at(notes, (near[inside], column[inside]), np.sqrt(lobe[inside]))
    unit: Array = notes / np.linalg.norm(notes, axis=0)
    return unit


def activations(audio: Audio, rate: int, edges_s: Array) -> tuple[Array, Array]:
    """Strength of each pitch in each cell, and how well notes explain it.

    Args:
        audio: `[n_samples]`.
        rate: Hz.
        edges_s: `[T + 1]` borders of the cells in s.

    Returns:
        strengths `[T, P]` (0 where silent); clarity `[T]`, 0..1: the share of the compressed
        spectrum's norm that notes explain.
    """
    n_cells = len(edges_s) - 1
    if not len(audio) or np.sqrt(np.mean(np.square(audio))) < _SILENT:
        return np.zeros((n_cells, N_PITCHES)), np.zeros(n_cells)
    magnitudes, centres_s, bin_hz = spectra(*decimated(audio, rate))
    heard = _means(np.sqrt(magnitudes), centres_s, edges_s)
    notes = _note_spectra(magnitudes, bin_hz)
    strengths = _explain(heard, notes)
    rest = np.linalg.norm(heard - strengths @ notes.T, axis=1)
    norm = np.linalg.norm(heard, axis=1)
    return strengths, np.clip(1 - rest / np.maximum(norm, 1e-9), 0, 1)


def _means(rows: Array, centres_s: Array, edges_s: Array) -> Array:
    """Mean of the frames `[J, N]` inside each cell `[T, N]`; of the next one where there is none.

    Frames near a border, which hear the neighbour as well, are left out.
    """
    border = np.minimum(_WINDOW_S / 4, np.diff(edges_s) / 4)
    first = np.minimum(np.searchsorted(centres_s, edges_s[:-1] + border), len(rows) - 1)
    end = np.maximum(np.searchsorted(centres_s, edges_s[1:] - border), first + 1)
    sums = np.zeros((len(rows) + 1, rows.shape[1]))
    np.cumsum(rows, axis=0, out=sums[1:])
    means: Array = (sums[end] - sums[first]) / (end - first)[:, None]
    return means


def note_strengths(magnitudes: Array, bin_hz: float) -> Array:
    """Strength of each pitch `[J, P]` in frames `[J, N]` of `spectra`."""
    return _explain(np.sqrt(magnitudes), _note_spectra(magnitudes, bin_hz))


def _explain(heard: Array, notes: Array) -> Array:
    """Non-negative least squares by multiplicative updates (Lee & Seung 2001), notes fixed."""
    gram, projection = notes.T @ notes, heard @ notes
    strengths = projection.copy()
    for _ in range(_ITERATIONS):
        strengths *= projection / (strengths @ gram + 1e-9)
    return strengths

"""Soft masks: a recording shared out among estimates of what it holds.

    recording ─► spectrum ──────────× mask of a stem ─► its sound
    estimates ─► magnitudes ─► masks ┘

An estimate's phase and fine structure may be made up, as a decoder's are: only its magnitudes are
used, and every sound that comes out is the recording's own. In each cell of the spectrum the shares
of all estimates add up to 1 (a generalised Wiener filter; Liutkus and Badeau 2015, whose exponent
alpha is `SOFTNESS`). What is left over where no estimate sounds belongs to none of them.

A share for what the estimates do not explain was tried: they are expectations, too quiet in
earnest, and whatever threshold set a voice free took 1.5 to 2 dB from stems without one.

Shapes: T spectra of n_fft / 2 + 1 bins, a quarter window apart.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from stembridge.audio.buffer import FloatArray

Spectra = NDArray[np.complex64]

WINDOW_S = 4096 / 44100  # fine enough for a bass's harmonics
SOFTNESS = 1.2  # measured on composed songs; 1 to 1.4 differ by .1 dB
_TINY = 1e-7  # far below -100 dB: where nobody sounds, nobody has a share


def window_for(rate: int) -> int:
    """Window length n_fft at a rate, in samples: a power of two near `WINDOW_S`."""
    return 1 << max(6, round(math.log2(WINDOW_S * rate)))


def spectra(samples: FloatArray, n_fft: int) -> Spectra:
    """Spectra `[..., T, n_fft / 2 + 1]` of samples `[..., n]`, silence before and after them."""
    hop = n_fft // 4
    n = samples.shape[-1]
    padding = [(0, 0)] * (samples.ndim - 1) + [(n_fft, n_fft + -n % hop)]
    padded = np.pad(samples, padding)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft, axis=-1)[..., ::hop, :]
    found: Spectra = np.fft.rfft(frames * _window(n_fft)).astype(np.complex64)
    return found


def sound(of: Spectra, n_samples: int) -> FloatArray:
    """The inverse of `spectra`: `[..., T, bins]` to samples `[..., n_samples]`."""
    n_fft = 2 * (of.shape[-1] - 1)
    hop = n_fft // 4
    # Squared Hann windows a quarter apart add up to 3/2.
    frames = np.fft.irfft(of).astype(np.float32) * (_window(n_fft) / np.float32(1.5))
    quarters = frames.reshape(*frames.shape[:-1], 4, hop)
    n_frames = frames.shape[-2]
    added = np.zeros((*frames.shape[:-2], n_frames + 3, hop), np.float32)
    for i in range(4):
        added[..., i : i + n_frames, :] += quarters[..., i, :]
    flat = added.reshape(*added.shape[:-2], -1)
    return np.ascontiguousarray(flat[..., n_fft : n_fft + n_samples])


def masks_of(estimates: FloatArray, n_fft: int) -> FloatArray:
    """Shares `[S, T, bins]` of estimates `[S, n]`: 0 to 1, and 1 in all where any sounds."""
    powers = np.abs(spectra(estimates, n_fft)) ** np.float32(SOFTNESS)
    shares: FloatArray = powers / (powers.sum(0) + np.float32(_TINY))
    return shares


def _window(n_fft: int) -> FloatArray:
    """Periodic Hann."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)

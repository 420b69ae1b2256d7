"""Soft masks: exact there and back, and shares that add up."""

from __future__ import annotations

import numpy as np
import pytest

from stembridge.audio.masks import masks_of, sound, spectra, window_for

RATE, N = 8000, 5001
N_FFT = window_for(RATE)


def tone(hz: float, n: int = N) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(n) / RATE).astype(np.float32)


@pytest.mark.parametrize("n", [1, 63, 4096, N])
def test_sound_comes_back(n: int) -> None:
    noise = np.random.default_rng(n).standard_normal((2, n)).astype(np.float32)
    assert np.abs(sound(spectra(noise, N_FFT), n) - noise).max() < 1e-5


@pytest.mark.parametrize(("rate", "n_fft"), [(8000, 1024), (44100, 4096), (48000, 4096),
                                             (96000, 8192), (192000, 16384)])  # fmt: skip
def test_the_window_is_as_long_in_time_at_every_rate(rate: int, n_fft: int) -> None:
    assert window_for(rate) == n_fft


def test_what_sounds_apart_is_taken_apart_with_the_recordings_own_phase() -> None:
    low, high = tone(300), tone(2000) * 0.5
    other_phase = np.stack([np.roll(low, 9), np.roll(high, 3) * 0.3])
    masks = masks_of(other_phase, N_FFT)
    made = sound(masks * spectra(low + high, N_FFT), N)
    for estimate, truth in zip(made, (low, high), strict=True):
        inner = slice(N_FFT, -N_FFT)
        assert np.abs(estimate - truth)[inner].max() < 0.01


def test_shares_add_up_to_one_and_to_nothing_where_nobody_sounds() -> None:
    estimates = np.stack([tone(300), tone(310) * 0.5])
    masks = masks_of(estimates, N_FFT)
    assert masks.min() >= 0 and masks.sum(0).max() <= 1 + 1e-6
    at = round(305 * N_FFT / RATE)
    assert masks.sum(0)[6:-6, at].min() > 0.999
    assert not masks_of(estimates * 0, N_FFT).any()

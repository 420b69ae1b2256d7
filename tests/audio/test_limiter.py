"""Peaks are held down where they are, and nothing else is touched."""

from __future__ import annotations

import numpy as np
import pytest

from stembridge.audio.limiter import WINDOW_S, limited, true_peak

RATE, CEILING = 44_100, 10 ** (-1 / 20)
RNG = np.random.default_rng(5)


def hits(*at: int, n: int = RATE, level: float = 2.0) -> np.ndarray:
    """Noise bursts `[2, n]`, the left channel twice as loud as the right."""
    sound = np.zeros(n + 4000)
    for start in at:
        sound[start : start + 4000] += RNG.standard_normal(4000) * np.exp(-np.arange(4000) / 500)
    bins = np.fft.rfft(sound[:n])
    bins[round(16_000 * n / RATE) :] = 0  # as in recordings: little at the top
    sound = np.fft.irfft(bins, n)
    sound *= level / np.abs(sound).max()
    return np.stack([sound, sound / 2]).astype(np.float32)


def highest_between(sound: np.ndarray) -> float:
    """The true peak by another way: sixteen times as many samples, through the spectrum."""
    padded = np.pad(np.atleast_2d(sound), ((0, 0), (2048, 2048)))
    n = padded.shape[1]
    return float(np.abs(np.fft.irfft(np.fft.rfft(padded), 16 * n) * 16).max())


@pytest.mark.parametrize("level", [0.95, 1.5, 3.0, 8.0])
def test_no_true_peak_passes_the_ceiling(level: float) -> None:
    sound = hits(3000, 20_000, 41_000, level=level)
    held = limited(sound, CEILING, RATE)
    assert highest_between(held) < CEILING * 10 ** (0.2 / 20)
    assert true_peak(sound) == pytest.approx(highest_between(sound), rel=0.03)


def test_only_what_is_near_a_peak_is_touched_and_channels_are_linked() -> None:
    sound = hits(20_000)
    held = limited(sound, CEILING, RATE)
    before = 20_000 - round(WINDOW_S * RATE)
    assert np.array_equal(held[:, :before], sound[:, :before])
    assert np.array_equal(held[:, 25_000:], sound[:, 25_000:])
    assert np.allclose(held[0], 2 * held[1], atol=1e-6)
    steps = np.abs(np.diff(held[0] / np.where(sound[0] == 0, 1, sound[0]))[20_001:23_999])
    assert steps.max() < 0.02  # no corner in the gain


def test_quiet_sound_is_the_same_object_and_silence_is_silence() -> None:
    sound = hits(20_000, level=0.5)
    assert limited(sound, CEILING, RATE) is sound
    assert not limited(np.zeros(100, np.float32), CEILING, RATE).any()
    assert limited(np.zeros(0, np.float32), CEILING, RATE).size == 0
    short = np.full(7, 2.0, np.float32)
    assert np.abs(limited(short, CEILING, RATE)).max() <= CEILING + 1e-6


def test_a_loop_is_limited_as_it_goes_round() -> None:
    sound = hits(20_000)
    turned = np.roll(sound, -20_000, axis=1)  # the hit on the first sample
    held = limited(turned, CEILING, RATE, loop=True)
    expected = np.roll(limited(sound, CEILING, RATE, loop=True), -20_000, axis=1)
    assert np.allclose(held, expected, atol=1e-4)

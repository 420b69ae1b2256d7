"""Mix-like changes: finite, level-true, and where they should be."""

from __future__ import annotations

import numpy as np
import pytest

from stembridge.dataset.augment import LEVELS_DB, drive, mix_like, rms_db, room, tilt
from stembridge.dataset.song import STEMS

RATE = 16000


def noise(seed: int = 0, n: int = RATE) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)


def band_db(audio: np.ndarray, low: float, high: float) -> float:
    power = np.abs(np.fft.rfft(audio)) ** 2
    at = np.fft.rfftfreq(len(audio), 1 / RATE)
    return float(10 * np.log10(power[(at >= low) & (at < high)].sum()))


def test_tilt_moves_lows_and_highs_as_told() -> None:
    audio = noise()
    shaped = tilt(audio, RATE, -4.0, 3.0)
    assert shaped.shape == audio.shape
    assert band_db(shaped, 20, 120) - band_db(audio, 20, 120) == pytest.approx(-4, abs=0.1)
    assert band_db(shaped, 6500, 8000) - band_db(audio, 6500, 8000) == pytest.approx(3, abs=0.1)


def test_drive_leaves_quiet_sounds_alone_and_bends_loud_ones() -> None:
    quiet = 1e-3 * noise()
    np.testing.assert_allclose(drive(quiet, 6.0), quiet, rtol=1e-3, atol=1e-9)
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype(np.float32)
    bent = drive(tone, 10.0)
    assert np.abs(bent).max() < 0.5
    assert band_db(bent, 1300, 1340) > band_db(tone, 1300, 1340) + 30  # third harmonic


def test_a_room_rings_on_and_keeps_the_direct_sound() -> None:
    click = np.zeros(RATE, np.float32)
    click[1000] = 1.0
    wet = room(click, RATE, 0.3, 0.2, np.random.default_rng(0))
    assert wet[:1000].any() == np.False_ or np.abs(wet[:1000]).max() < 1e-6
    assert wet[1000] == pytest.approx(1.0, abs=0.1)
    assert 0 < np.abs(wet[2000:4000]).max() < 0.1
    assert np.abs(wet[9000:]).max() < 1e-5


def test_rms_ignores_rests() -> None:
    audio = noise()
    half = np.concatenate([audio, np.zeros(RATE, np.float32)])
    assert rms_db(audio) == pytest.approx(-20.0, abs=0.3)
    assert rms_db(half) == pytest.approx(rms_db(audio), abs=0.5)
    assert rms_db(np.zeros(RATE, np.float32)) == -120.0


def test_mixes_are_finite_level_and_reproducible() -> None:
    stems = {stem: noise(i) for i, stem in enumerate(STEMS)}
    stems["piano"] = np.zeros(RATE, np.float32)
    levels = {stem: [] for stem in STEMS}
    for seed in range(40):
        mixed = mix_like(stems, RATE, np.random.default_rng(seed))
        again = mix_like(stems, RATE, np.random.default_rng(seed))
        for stem in STEMS:
            assert np.isfinite(mixed[stem]).all()
            assert mixed[stem].dtype == np.float32
            np.testing.assert_array_equal(mixed[stem], again[stem])
            levels[stem].append(rms_db(mixed[stem]))
        assert not mixed["piano"].any()
    for stem in ("bass", "drums", "guitar"):
        assert np.mean(levels[stem]) == pytest.approx(LEVELS_DB[stem], abs=0.8)
        assert 0.8 < np.std(levels[stem]) < 2.5

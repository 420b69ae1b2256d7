"""Spectral figures against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from stembridge.evaluation.spectra import (
    LEVEL_FLOOR_DB,
    log_mel_db,
    log_spectral_distance_db,
    magnitudes,
    treble_db,
)

RATE = 44100


def noise(seed: int = 0, seconds: float = 2.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (0.5 * rng.standard_normal(int(seconds * RATE))).astype(np.float32)


def test_a_full_scale_sine_has_magnitude_one() -> None:
    t = np.arange(RATE) / RATE
    audio = np.sin(2 * np.pi * (100 * RATE / 2048) * t).astype(np.float32)
    found = magnitudes(audio, 2048, 512)
    assert found.shape == ((RATE - 2048) // 512 + 1, 1025)
    np.testing.assert_allclose(found[:, 100], 1.0, atol=0.01)


def test_log_spectral_distance_of_a_gain() -> None:
    audio = noise()
    assert log_spectral_distance_db(audio, audio) == 0.0
    # Bins near the floor change by less than the gain, hence the tolerance.
    assert log_spectral_distance_db(2 * audio, audio) == pytest.approx(6.02, abs=0.35)
    assert log_spectral_distance_db(audio / 2, audio) == pytest.approx(6.02, abs=0.6)
    assert log_spectral_distance_db(audio, np.zeros_like(audio)) is None


def test_distance_counts_only_where_the_reference_sounds() -> None:
    audio = noise()
    reference = audio.copy()
    reference[RATE:] = 0.0
    distance = log_spectral_distance_db(audio, reference)
    assert distance is not None
    assert distance < 1.0  # a few frames on the edge


def test_treble_of_tones() -> None:
    t = np.arange(RATE) / RATE
    low, high = np.sin(2 * np.pi * 1000 * t), np.sin(2 * np.pi * 12000 * t)
    assert treble_db((low + 0.1 * high).astype(np.float32), RATE) == pytest.approx(-20.0, abs=0.1)
    assert treble_db(low.astype(np.float32), RATE) < -60
    assert treble_db(np.zeros(RATE, np.float32), RATE) == pytest.approx(-120, abs=1)


def test_levels_have_a_floor_and_know_a_tone() -> None:
    t = np.arange(RATE) / RATE
    tone = np.sin(2 * np.pi * 1000 * t).astype(np.float32)
    levels = log_mel_db(np.concatenate([tone, np.zeros(RATE, np.float32)]), RATE, 2048, 1024)
    assert levels.shape[1] == 32
    assert np.abs(levels[:20].max(1)).max() < 3.0  # a full-scale sine is 0 dB
    np.testing.assert_allclose(levels[-10:], LEVEL_FLOOR_DB, atol=1e-6)
    # Noise 40 dB under the floor is not seen.
    faint = (1e-6 * np.random.default_rng(0).standard_normal(RATE)).astype(np.float32)
    assert log_mel_db(faint, RATE, 2048, 1024).max() < LEVEL_FLOOR_DB + 0.5

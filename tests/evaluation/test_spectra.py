"""Spectral figures against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from stembridge.evaluation.spectra import (
    embeddings,
    frechet,
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


def test_one_embedding_per_second() -> None:
    assert embeddings(noise(seconds=5.2), RATE).shape == (5, 40)
    assert np.isfinite(embeddings(np.zeros(2 * RATE, np.float32), RATE)).all()


def test_frechet_distance_of_two_gaussians_in_closed_form() -> None:
    rng = np.random.default_rng(0)
    a = rng.standard_normal((40_000, 3)) * [1.0, 2.0, 0.5] + [0.0, 1.0, 0.0]
    b = rng.standard_normal((40_000, 3)) * [3.0, 1.0, 0.5] + [2.0, 1.0, -1.0]
    # Commuting covariances: |m|^2 + sum (s_a - s_b)^2.
    assert frechet(a, b) == pytest.approx(4 + 1 + 4 + 1, rel=0.03)


def test_frechet_distance_with_covariances_that_do_not_commute() -> None:
    from scipy.linalg import sqrtm

    rng = np.random.default_rng(1)
    mix_a, mix_b = rng.standard_normal((2, 4, 4))
    a, b = rng.standard_normal((500, 4)) @ mix_a, rng.standard_normal((500, 4)) @ mix_b + 1.0
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    mean = a.mean(0) - b.mean(0)
    expected = mean @ mean + np.trace(cov_a + cov_b - 2 * np.real(sqrtm(cov_a @ cov_b)))
    assert frechet(a, b) == pytest.approx(expected, rel=1e-3)
    assert frechet(b, a) == pytest.approx(frechet(a, b), rel=1e-6)


def test_frechet_distance_to_itself_is_nothing_even_with_few_vectors() -> None:
    a = np.random.default_rng(0).standard_normal((6, 40))
    assert frechet(a, a) == pytest.approx(0.0, abs=1e-2)
    assert frechet(a, a + 1.0) == pytest.approx(40.0, rel=0.01)

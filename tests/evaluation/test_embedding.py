"""The embedding hears what it should and nothing else; the Fréchet distance has closed forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stembridge.evaluation.axes import fit
from stembridge.evaluation.embedding import (
    AXES_FILE,
    N_FEATURES,
    embeddings,
    features,
    frechet,
    stated_axes,
)

RATE = 44100


def pulses(seconds: float, decay_s: float, attack_s: float = 0.0) -> np.ndarray:
    """Four notes a second of a few harmonics."""
    t = np.arange(int(seconds * RATE)) / RATE
    since = t % 0.25
    envelope = np.exp(-since / decay_s) * np.minimum(1.0, since / attack_s if attack_s else 1.0)
    tone = sum(np.sin(2 * np.pi * 220 * k * t) / k for k in range(1, 8))
    return (0.05 * envelope * tone).astype(np.float32)


def test_one_vector_for_every_sounding_second() -> None:
    audio = pulses(5.2, 0.1)
    assert embeddings(audio, RATE).shape == (5, 12)
    audio[RATE : 3 * RATE] = 0.0
    assert embeddings(audio, RATE).shape == (3, 12)
    assert embeddings(np.zeros(2 * RATE, np.float32), RATE).shape == (0, 12)


def test_what_lies_far_below_the_floor_changes_nothing() -> None:
    audio = pulses(3.0, 0.1)
    hiss = (3e-6 * np.random.default_rng(0).standard_normal(audio.size)).astype(np.float32)
    np.testing.assert_allclose(features(audio + hiss, RATE), features(audio, RATE), atol=0.6)


def test_rise_and_fall_follow_attack_and_decay() -> None:
    sharp, blunt = features(pulses(3.0, 0.1), RATE), features(pulses(3.0, 0.1, 0.06), RATE)
    assert (sharp[1:, 72:78].mean(0) > blunt[1:, 72:78].mean(0)).all()
    short, long = features(pulses(3.0, 0.04), RATE), features(pulses(3.0, 0.4), RATE)
    assert (short[1:, 78:84].mean(0)[1:3] < long[1:, 78:84].mean(0)[1:3]).all()


def test_flatness_tells_noise_from_tones() -> None:
    noise = (0.05 * np.random.default_rng(0).standard_normal(3 * RATE)).astype(np.float32)
    flat, tonal = features(noise, RATE)[:, 64:72], features(pulses(3.0, 0.5), RATE)[:, 64:72]
    assert tonal[:, 2:5].min() > flat[:, 2:5].max() + 3.0


def test_the_stated_axes_are_small_and_whole() -> None:
    assert Path(AXES_FILE).stat().st_size < 10_000
    assert stated_axes().mean.shape == (N_FEATURES,)
    assert stated_axes().matrix.shape == (N_FEATURES, 12)
    assert np.isfinite(stated_axes().matrix).all()


def test_axes_lie_where_the_classes_differ() -> None:
    rng = np.random.default_rng(0)
    classes = [rng.standard_normal((300, N_FEATURES)) for _ in range(3)]
    classes[1][:, 5] += 8.0
    classes[2][:, 60] -= 6.0
    axes = fit(classes, n_axes=2)
    share = np.abs(axes.matrix) / np.abs(axes.matrix).sum(0)
    assert (share[[5, 60]].sum(0) > 0.3).all()
    found = [(rows - axes.mean) @ axes.matrix for rows in classes]
    assert frechet(found[0], found[1]) > 20 * frechet(found[0][::2], found[0][1::2])


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

import numpy as np
import pytest
from closed_forms import joint_stems

from stembridge.diffusion import (
    Known,
    classifier_free,
    follow_context,
    karras_sigmas,
    sample_dpmpp_2m,
)


def denoise(x, sigma, conditions):
    return x * 0.5 + conditions.sum()


X = np.ones((1, 2, 3, 4))
SIGMA = np.full((1, 2, 4), 1.0)
CONDITIONS = np.ones((1, 1, 4))  # denoise is 4 higher with them than without


@pytest.mark.parametrize("w", [0.0, 0.5, 2.0, 7.5])
def test_it_is_linear_in_w(w):
    assert classifier_free(denoise, w)(X, SIGMA, CONDITIONS) == pytest.approx(0.5 * X + 4 * w)


def test_one_is_the_plain_denoiser_at_no_cost():
    assert classifier_free(denoise, 1.0) is denoise


def test_what_is_forgotten_can_be_chosen():
    guided = classifier_free(denoise, 2.0, unconditional=lambda conditions: conditions * 0.5)
    assert guided(X, SIGMA, CONDITIONS) == pytest.approx(0.5 * X + 2 + 2 * 2)


@pytest.mark.parametrize(("level", "acts"), [(0.1, False), (0.5, True), (2.0, True), (2.1, False)])
def test_it_acts_only_in_its_interval_judged_by_the_frames_being_made(level, acts):
    sigma = np.zeros((1, 2, 4))
    sigma[:, 1] = level  # stem 0 is given
    calls = []

    def spy(x, sigma, conditions):
        calls.append(1)
        return denoise(x, sigma, conditions)

    guided = classifier_free(spy, 3.0, sigma_low=0.5, sigma_high=2.0)
    assert guided(X, sigma, CONDITIONS) == pytest.approx(0.5 * X + (12 if acts else 4))
    assert len(calls) == (2 if acts else 1)


def test_one_follows_the_context_as_trained_at_no_cost():
    assert follow_context(denoise, 1.0, np.zeros_like) is denoise


def test_without_context_there_is_nothing_to_follow():
    calls = []

    def spy(x, sigma, conditions):
        calls.append(1)
        return denoise(x, sigma, conditions)

    plain = denoise(X, SIGMA, CONDITIONS)
    assert np.array_equal(follow_context(spy, 3.0, np.zeros_like)(X, SIGMA, CONDITIONS), plain)
    assert len(calls) == 1


def test_the_second_call_hears_the_context_at_the_level_being_sampled():
    rng = np.random.default_rng(0)
    heard = []

    def spy(x, sigma, conditions):
        heard.append((x.std(axis=(0, 2, 3)), sigma))
        return x

    x, sigma = np.zeros((1, 2, 3, 5000)), np.zeros((1, 2, 5000))
    sigma[:, 1] = 2.0
    follow_context(spy, 2.0, lambda x: rng.normal(size=x.shape))(x, sigma, None)
    (_, first), (stds, second) = heard
    assert first is sigma
    assert (second == 2.0).all()
    assert stds == pytest.approx([2.0, 0.0], rel=0.02)


def test_more_of_it_clings_to_the_context_and_less_is_freer():
    covariance = 0.5**2 * (0.3 * np.eye(2) + 0.7 * np.ones((2, 2)))
    rng = np.random.default_rng(1)
    given = 0.5 * rng.normal(size=(2000, 2, 1, 4))
    mask = np.zeros((1, 2, 4))
    mask[:, 1] = 1
    slopes = []
    for w in (0.5, 1.0, 2.0):
        D = follow_context(joint_stems(covariance), w, lambda x: rng.normal(size=x.shape))
        sigmas = karras_sigmas(20, 0.01, 20.0)
        x = sigmas[0] * rng.normal(size=given.shape)
        out = sample_dpmpp_2m(D, x, sigmas, CONDITIONS, known=Known(given, mask))
        slopes.append((out[:, 0] * given[:, 1]).sum() / (given[:, 1] ** 2).sum())
    assert slopes[1] == pytest.approx(0.7, abs=0.03)  # the exact conditional mean
    assert slopes[0] < 0.6
    assert slopes[2] > 0.8

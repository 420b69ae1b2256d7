from dataclasses import replace

import numpy as np
import pytest

from stembridge.conditions import Conditions
from stembridge.diffusion import classifier_free


def denoise(x, sigma, conditions):
    return x * 0.5 + conditions.frames.sum()


X = np.ones((1, 2, 3, 4))
SIGMA = np.full((1, 2, 4), 1.0)
CONDITIONS = Conditions(np.ones((1, 1, 4)))  # denoise is 4 higher with them than without


@pytest.mark.parametrize("w", [0.0, 0.5, 2.0, 7.5])
def test_it_is_linear_in_w(w):
    assert classifier_free(denoise, w)(X, SIGMA, CONDITIONS) == pytest.approx(0.5 * X + 4 * w)


def test_one_is_the_plain_denoiser_at_no_cost():
    assert classifier_free(denoise, 1.0) is denoise


def test_what_is_forgotten_can_be_chosen():
    halved = lambda conditions: replace(conditions, frames=conditions.frames * 0.5)  # noqa: E731
    guided = classifier_free(denoise, 2.0, unconditional=halved)
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


def test_tokens_are_forgotten_too():
    told = Conditions(np.ones((1, 1, 4)), tokens=np.full((1, 3, 2), 5.0))
    seen = []

    def listen(x, sigma, conditions):
        seen.append(conditions.tokens.sum())
        return x

    classifier_free(listen, 2.0)(X, SIGMA, told)
    assert seen == [30.0, 0.0]

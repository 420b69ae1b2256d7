from itertools import pairwise

import pytest

from stembridge.diffusion import karras_sigmas


def test_values_of_the_papers_schedule():
    sigmas = karras_sigmas(150, 0.01, 3.0, 7.0)
    assert len(sigmas) == 151
    assert [round(sigmas[i], 3) for i in (0, 1, 10, 50, 100, 149)] == [
        3.0,
        2.922,
        2.297,
        0.704,
        0.113,
        0.01,
    ]
    assert sigmas[-1] == 0.0
    assert all(high > low for high, low in pairwise(sigmas))


def test_levels_are_plain_floats_so_that_float32_latents_stay_float32():
    assert all(type(sigma) is float for sigma in karras_sigmas(5, 0.01, 3))


def test_rho_one_is_even():
    assert karras_sigmas(3, 1, 3, 1) == pytest.approx([3, 2, 1, 0])


def test_one_step_goes_straight_down():
    assert karras_sigmas(1, 0.01, 3) == [3.0, 0.0]


@pytest.mark.parametrize("arguments", [(0, 0.1, 1), (5, 0, 1), (5, 2, 1)])
def test_impossible_schedules_are_refused(arguments):
    with pytest.raises(ValueError, match="no schedule"):
        karras_sigmas(*arguments)

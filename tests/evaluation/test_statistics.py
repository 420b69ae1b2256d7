"""Bootstrap intervals cover the truth as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from stembridge.evaluation.statistics import estimate


def test_an_interval_covers_the_true_mean_in_about_19_of_20_cases() -> None:
    rng = np.random.default_rng(0)
    covered, widths = 0, []
    for _ in range(300):
        found = estimate(rng.exponential(2.0, size=60).tolist(), resamples=400)
        covered += found.low <= 2.0 <= found.high
        widths.append(found.high - found.low)
    assert 0.89 < covered / 300 < 0.985
    # 2 * 1.96 * sigma / sqrt(n)
    assert np.mean(widths) == pytest.approx(2 * 1.96 * 2.0 / np.sqrt(60), rel=0.1)


def test_values_that_do_not_apply_are_left_out() -> None:
    found = estimate([1.0, None, 3.0, float("nan"), float("inf")])
    assert (found.mean, found.n) == (2.0, 2)
    assert 1.0 <= found.low <= found.high <= 3.0


def test_the_same_values_give_the_same_interval() -> None:
    values = np.random.default_rng(1).standard_normal(20).tolist()
    assert estimate(values) == estimate(values)
    assert estimate(values) != estimate(values, seed=1)


def test_nothing_has_no_mean() -> None:
    with pytest.raises(ValueError, match="no song"):
        estimate([None, float("nan")])

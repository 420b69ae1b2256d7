"""Quality against steps: rows, pictures, and their place in the report."""

from __future__ import annotations

from typing import Any

import pytest

from stembridge.evaluation.curve import FIGURES, curve
from stembridge.evaluation.pictures import lines_svg
from stembridge.evaluation.report import html_report
from stembridge.evaluation.summary import FRECHET


def figures_at(steps: int) -> dict[str, Any]:
    made = {"root": {"mean": 1 - 1 / steps}, "loudness_difference_lu": {"mean": -1.0}}
    return {
        "bass": {
            "generated": made, FRECHET: {"generated": 10 / steps},
            "on_grid_share_of_ceiling": 0.9, "onset_rate_of_truth": 1.0,
            "latent_deviation_ratio": 1.0, "seconds_per_audio_second": steps / 100,
        }
    }  # fmt: skip


def test_a_row_for_each_number_of_steps() -> None:
    rows = curve([20, 5, 5], figures_at, window_s=12.0)
    assert [row["steps"] for row in rows["bass"]] == [5, 20]
    last = rows["bass"][-1]
    assert last["root"] == 0.95
    assert last["frechet"] == 0.5
    assert last["seconds"] == pytest.approx(2.4)
    assert "in_chord" not in last  # drums have none


def test_the_picture_puts_equal_ratios_of_steps_equally_far() -> None:
    picture = lines_svg("a & b", {"bass": [(5, 0.0), (10, 1.0), (20, 0.5)]})
    assert "a &amp; b" in picture
    assert "points='50.0,150.0 190.0,35.0 330.0,92.5'" in picture


def test_the_report_shows_curve_and_long_takes() -> None:
    rows = curve([5, 10], figures_at, 12.0)
    estimate = {"mean": 0.5, "low": 0.4, "high": 0.6, "n": 3}
    long_form = {"7/8": {"all": {"truth": {"seam_click_rank": estimate}}},
                 "all": {"all": {"truth": {"drift_ms": estimate}}, "bass": {}}}  # fmt: skip
    page = html_report("x", {"facts": {}, "curve": rows, "long_form": long_form}, {}, 44100)
    assert page.count("<svg") == len(set(FIGURES) - {"in_chord"})
    assert "7/8: all" in page
    assert "drift of the offset" in page
    assert "rank of the click" in page

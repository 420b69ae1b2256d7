"""What a fine-tune says about itself, from its numbers."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from stembridge.training.curve import Point, best_of
from stembridge.training.finetune import FineTuneReport
from stembridge.training.finetune_report import curve_svg, facts_of, sentence
from stembridge.training.split import Split


def point(step: int, loss: float) -> Point:
    losses = {"all": loss, "bass": loss, "drums": 2 * loss}
    return Point(step, losses, {"a": loss, "b <i>": loss / 2}, 60.0 if step else 0.0)


REPORT = FineTuneReport(
    start=Path("old"), artifact=Path("my model"),
    points=(point(0, 1.0), point(50, 0.7), point(100, 0.8)),
    split=Split(("c-part000", "c-part001", "d"), ("a", "b <i>-part000"), False),
    steps=100, n_windows=256, seconds=130.0,
)  # fmt: skip


def test_the_best_weights_count() -> None:
    assert (REPORT.best.step, REPORT.before, REPORT.after) == (50, 1.0, 0.7)
    assert REPORT.gain == pytest.approx(0.3)
    # The start is no candidate: a fine-tune that only did harm says so.
    assert best_of((point(0, 0.5), point(50, 0.9), point(100, 0.8))).step == 100


def test_the_numbers() -> None:
    facts = facts_of(REPORT)
    assert facts["validation_loss"]["drums"] == {"before": 2.0, "after": 1.4}
    assert facts["kept_aside"]["b <i>"] == {"before": 0.5, "after": 0.35}
    assert facts["trained_on"] == ["c", "d"]
    assert (facts["training_s"], facts["steps"], facts["kept_step"]) == (120.0, 100, 50)
    assert facts["serve"] == "stembridge serve --model 'my model'"
    assert [p["step"] for p in facts["curve"]] == [0, 50, 100]


@pytest.mark.parametrize(
    ("after", "says"),
    [
        (0.79, "predicts your music 21 % better (2 songs kept aside to measure this)."),
        (0.99, "hardly better"),
        (1.01, "hardly better"),
        (1.2, "20 % worse than before"),
    ],
)
def test_the_outcome_in_words(after: float, says: str) -> None:
    assert says in sentence(replace(REPORT, points=(point(0, 1.0), point(9, after))))


def test_one_recording_cannot_judge_itself_well() -> None:
    alone = replace(REPORT, split=replace(REPORT.split, within_one=True))
    assert "on other music expect less" in sentence(alone)


def test_the_curve_falls_on_paper_as_it_fell() -> None:
    picture = curve_svg(REPORT.points, kept=50)
    line = re.search(r"points='([^']+)'", picture)
    assert line is not None
    at = [tuple(map(float, pair.split(","))) for pair in line.group(1).split()]
    xs, ys = zip(*at, strict=True)
    assert list(xs) == sorted(xs)
    assert ys[0] < ys[2] < ys[1]  # low losses lie low, where y is large
    assert picture.count("fill='none' stroke='#c33'>") == 1  # the ring

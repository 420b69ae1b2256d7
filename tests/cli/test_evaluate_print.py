"""The printed table of an evaluation: what is compared stands side by side."""

from __future__ import annotations

import pytest

from stembridge.cli.evaluate_print import print_table
from stembridge.evaluation.summary import FRECHET


def test_played_model_codec_and_truth_stand_side_by_side(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")

    def subject(root: float) -> dict[str, dict[str, float]]:
        return {"root": {"mean": root}, "loudness_difference_lu": {"mean": 0.0}}

    bass = {
        "played": subject(0.87), "generated": subject(0.94), "ceiling": subject(0.85),
        "truth": subject(0.83), "ceiling_treble_difference_db": None,
        FRECHET: {"played": 5.6, "generated": 15.5, "ceiling": 7.2, "nearest_wrong_stem": 37.0},
        "part": {"side_db": {"mean": -37.6}},
    }  # fmt: skip
    played_only = {"played": subject(0.9), "truth": subject(0.8),
                   FRECHET: {"played": 1.0, "nearest_wrong_stem": 9.0},
                   "ceiling_treble_difference_db": None}  # fmt: skip
    print_table({"bass": bass, "piano": played_only})
    rows = {row.split("│")[1].strip(): row for row in capsys.readouterr().out.splitlines()[3:-1]}
    assert "0.87 / 0.94 / 0.85 / 0.83" in rows["root"]
    assert "0.90 / - / - / 0.80" in rows["root"]
    assert "5.60 / 15.50 / 7.20" in rows["Fréchet to the true stem"]
    assert "-37.60" in rows["played: side beside middle, dB (mono holds below 0)"]
    assert "on sixteenths" not in rows  # nobody has it

"""Progressions as musicians write them."""

from __future__ import annotations

from stembridge.chords import parse_progression
from stembridge.dataset.theory import progressions_in_c


def test_progressions_are_written_in_c() -> None:
    major, dominant = progressions_in_c(["major"]), progressions_in_c(["dominant", "dominant"])
    assert major[0] == "C G Am F"
    assert "C Bb F C" in major
    assert dominant == ["C7 F7", "C7 C7 F7 C7", "Cm7 F7", "C7 Bb7 F7 C7", "Dm7 G7"]
    for text in (*major, *progressions_in_c(["minor", "dominant"])):
        assert len(parse_progression(text, 4.0, 64.0)) >= 2

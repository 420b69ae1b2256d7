"""Progressions as musicians write them."""

from __future__ import annotations

from stembridge.chords import parse_progression
from stembridge.dataset.theory import progressions_in_c


def test_progressions_are_written_in_c() -> None:
    major = progressions_in_c(["major"], sevenths=False)
    assert major[0] == "C G Am F"
    assert "C Bb F C" in major
    assert progressions_in_c(["major"], sevenths=True)[0] == "Cmaj7 Gmaj7 Am7 Fmaj7"
    dominant = progressions_in_c(["dominant"], sevenths=False)
    assert dominant == ["C7 F7", "C7 C7 F7 C7", "Cm7 F7", "C7 Bb7 F7 C7", "Dm7 G7"]
    for text in (*major, *progressions_in_c(["minor", "dominant"], sevenths=True)):
        assert len(parse_progression(text, 4.0, 64.0)) >= 2


def test_modes_keep_their_weights() -> None:
    both = progressions_in_c(["minor", "dominant", "minor"], sevenths=False)
    dominant = set(progressions_in_c(["dominant"], sevenths=False))
    assert len(both) == len(set(both)) == 15
    assert sum(text in dominant for text in both) == 5

"""Playing as told: busier, softer, swung, an octave away within reach."""

from __future__ import annotations

import numpy as np

from stembridge.parts import Note, Part
from stembridge.parts.groove import swing_of
from stembridge.parts.playing import AS_PLAYED, Playing, as_told


def quarters(stem: str = "bass") -> Part:
    return Part(stem, tuple(Note(float(i), 0.9, 36 + i, 100) for i in range(16)), 16.0)


def test_nothing_told_changes_nothing() -> None:
    assert as_told(quarters(), AS_PLAYED, 4.0) == quarters()


def test_busier_softer_and_swung_at_once() -> None:
    played = as_told(quarters(), Playing(density=2.0, louder=0.5, swing=0.62), 4.0)
    assert len(played.notes) == 32
    assert {n.velocity for n in played.notes} == {50, 36}
    assert swing_of(played).share == 0.62
    assert len(as_told(quarters(), Playing(density=0.5), 4.0).notes) == 8


def test_an_octave_away_only_within_reach() -> None:
    lower = as_told(quarters(), Playing(octaves=-1), 4.0)
    np.testing.assert_array_equal(
        [n.pitch for n in lower.notes], [36 + i if i < 4 else 24 + i for i in range(16)]
    )
    assert as_told(quarters("drums"), Playing(octaves=1), 4.0) == quarters("drums")

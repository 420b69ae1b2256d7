"""Changes to parts, on parts whose right answer can be said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stembridge.parts import Note, Part
from stembridge.parts.edit import (
    joined,
    loosened,
    louder,
    quantised,
    replaced,
    swung,
    transposed,
    with_density,
)
from stembridge.parts.groove import Swing, snapped, swing_of


def eighths(shift: float = 0.0, share: float = 0.5, stem: str = "piano") -> Part:
    swing = Swing(share, 1.0)
    starts = swing.swung(np.arange(16) * 0.5)
    return Part(stem, tuple(Note(float(s) + shift, 0.4, 60, 90) for s in starts), 8.0)


@pytest.mark.parametrize("share", [0.5, 0.58, 2 / 3])
def test_the_swing_of_a_part_is_heard(share: float) -> None:
    found = swing_of(eighths(share=share))
    assert found.share == pytest.approx(share, abs=0.011)
    assert swing_of(eighths(share=share, stem="drums")) == found


def test_a_swing_and_back() -> None:
    swing, beats = Swing(0.62, 0.5), np.linspace(0, 8, 101)
    np.testing.assert_allclose(swing.straight(swing.swung(beats)), beats, atol=1e-9)


def test_snapping_takes_out_what_is_off_and_leaves_swing_and_strum() -> None:
    late = eighths(shift=0.012, share=2 / 3)
    on = snapped(late, 1.0)
    np.testing.assert_allclose(
        [n.start_beats for n in on.notes],
        [n.start_beats for n in eighths(share=0.67).notes], atol=0.01,
    )  # fmt: skip
    half = snapped(eighths(shift=0.04), 0.5)
    assert half.notes[1].start_beats == pytest.approx(0.52)
    assert snapped(late, 0.0) is late
    strum = Part("guitar", (Note(1.02, 1, 50, 90), Note(1.04, 1, 55, 90)), 4.0)
    first, second = snapped(strum, 1.0).notes  # its middle is on the beat
    assert first.start_beats == pytest.approx(0.99)
    assert second.start_beats == pytest.approx(1.01)
    flam = Part("drums", strum.notes, 4.0)
    assert snapped(flam, 1.0).notes[0].start_beats == pytest.approx(1.0)
    at_once = strum.with_notes(replace(n, start_beats=n.start_beats - 1.02) for n in strum.notes)
    assert snapped(at_once, 1.0) == at_once  # no strum is squeezed into the take's start


def test_density_both_ways() -> None:
    part = eighths()
    simple = with_density(part, 0.5, 4.0)
    assert [note.start_beats for note in simple.notes] == [float(b) for b in range(8)]
    quarters = simple
    busy = with_density(quarters, 2.0, 4.0)
    assert [note.start_beats for note in busy.notes] == [b / 2 for b in range(16)]
    assert busy.notes[1].velocity < busy.notes[0].velocity
    assert with_density(part, 1.0, 4.0) == part
    full = with_density(part, 40.0, 4.0)  # as far as sixteenths go
    assert len(full.notes) == 32
    assert with_density(Part("bass", (), 4.0), 2.0, 4.0).notes == ()


def test_the_simple_edits() -> None:
    part = eighths()
    assert {n.pitch for n in transposed(part, -12).notes} == {48}
    assert transposed(part, 100).notes == ()
    assert transposed(eighths(stem="drums"), 5) == eighths(stem="drums")
    assert {n.velocity for n in louder(part, 2.0).notes} == {127}
    assert {n.velocity for n in louder(part, 0.5).notes} == {45}
    loose = loosened(part, 0.02, seed=1)
    assert loosened(part, 0.02, seed=1) == loose != loosened(part, 0.02, seed=2)
    assert quantised(loose, 1.0).notes[3].start_beats == pytest.approx(1.5, abs=1e-6)
    swinging = swung(part, 2 / 3, 1.0)
    assert swinging.notes[1].start_beats == pytest.approx(2 / 3)
    assert swinging.notes[2].start_beats == pytest.approx(1.0)


def test_bars_of_another_take() -> None:
    part = Part("bass", (Note(0, 3, 40, 90), Note(4, 1, 43, 90), Note(7, 1, 45, 90)), 8.0)
    other = Part("bass", (Note(1, 1, 50, 90), Note(3.5, 3, 52, 90), Note(5, 1, 53, 90)), 8.0)
    mended = replaced(part, other, 2.0, 6.0)
    assert [(n.start_beats, n.length_beats, n.pitch) for n in mended.notes] == [
        (0, 2, 40), (3.5, 2.5, 52), (5, 1, 53), (7, 1, 45)
    ]  # fmt: skip
    longer = joined(part, other, 4.0)
    assert longer.length_beats == 12.0
    assert [n.start_beats for n in longer.notes] == [0, 5, 7.5, 9]

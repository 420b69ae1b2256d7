"""The first beat of a loop's drums does not stand alone."""

from __future__ import annotations

import pytest

from stembridge.parts import Note, Part
from stembridge.parts.loop_start import with_even_start

KICK, SNARE, HAT, CRASH, RIDE = 36, 38, 42, 49, 51
LINES = [4.0, 8.0, 12.0]


def drums(*hits: tuple[float, int]) -> Part:
    return Part("drums", tuple(Note(start, 0.2, pitch, 100) for start, pitch in hits), 16.0)


def struck(part: Part) -> list[tuple[float, int]]:
    return [(note.start_beats, note.pitch) for note in part.notes]


@pytest.mark.parametrize(("crash", "keeper"), [(49, HAT), (57, RIDE), (52, HAT)])
def test_a_lone_crash_becomes_what_keeps_time(crash: int, keeper: int) -> None:
    part = drums((0, KICK), (0, crash), (4, KICK), (4, keeper), (8, keeper), (9, RIDE))
    made, crashed, line = with_even_start(part, LINES)
    assert struck(made)[:2] == [(0, KICK), (0, keeper)] and line is None
    assert crashed and len(made.notes) == len(part.notes)


def test_a_crash_beside_a_hat_is_left_out() -> None:
    made, crashed, _ = with_even_start(drums((0, HAT), (0, CRASH), (4, HAT)), LINES)
    assert struck(made) == [(0, HAT), (4, HAT)] and crashed == "left out"


def test_a_lone_first_beat_is_begun_again_half_way() -> None:
    made, _, line = with_even_start(drums((0, KICK), (0.02, CRASH), (1, SNARE), (9, SNARE)), LINES)
    assert struck(made) == [
        (0, KICK), (0.02, CRASH), (1, SNARE), (8, KICK), (8.02, CRASH), (9, SNARE),
    ]  # fmt: skip
    assert line == 1


@pytest.mark.parametrize(
    "part",
    [drums((0, KICK), (0, CRASH), (8, CRASH)), drums((1, KICK), (5, CRASH)), drums(),
     drums((0, KICK), (3.95, KICK))],
)  # fmt: skip
def test_what_does_not_stand_alone_stays(part: Part) -> None:
    assert with_even_start(part, LINES) == (part, "", None)
    assert with_even_start(part, []) == (part, "", None)

"""The first beat of a loop's drums: one among its bars.

What strikes there and on no other bar's first beat is heard as the place where the loop goes round,
every time it does. A drummer who plays to be looped leaves the crash out, and a beat that begins
all alone is begun once more half-way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from stembridge.parts.part import SAME_DRUM, Note, Part

NEAR_BEATS = 0.07
CRASH, KEEPERS = 49, (42, 46, 51)  # hats and ride: what keeps the time


def with_even_start(part: Part, lines: Sequence[float]) -> tuple[Part, str, int | None]:
    """A loop's drums without what only its first beat has.

    Args:
        part: the drums.
        lines: bar lines within the loop, beats.

    Returns:
        The part; what became of a crash ("" if there was none to mind); the index in `lines` of
        the one on which the first beat was repeated, if it was.
    """
    first = list(_near(part, 0.0))
    there = [note for line in lines for note in _near(part, line)]
    if not first or not lines:
        return part, "", None
    if not there:
        middle = (len(lines) - 1) // 2
        again = [replace(n, start_beats=n.start_beats + lines[middle]) for n in first]
        return part.with_notes((*part.notes, *again)), "", middle
    if not any(_is_crash(note) for note in first) or any(_is_crash(note) for note in there):
        return part, "", None
    return _without_crash(part, first, there)


def _without_crash(
    part: Part, first: Sequence[Note], there: Sequence[Note]
) -> tuple[Part, str, None]:
    kept = [note for note in part.notes if not (note in first and _is_crash(note))]
    keeper = _keeper(there) or _keeper(part.notes)
    if keeper is None or any(note.pitch == keeper for note in first):
        return part.with_notes(kept), "left out", None
    crash = next(note for note in first if _is_crash(note))
    return part.with_notes((*kept, replace(crash, pitch=keeper))), "played on what keeps time", None


def _near(part: Part, line: float) -> Iterator[Note]:
    return (note for note in part.notes if abs(note.start_beats - line) < NEAR_BEATS)


def _is_crash(note: Note) -> bool:
    return SAME_DRUM.get(note.pitch, note.pitch) == CRASH


def _keeper(notes: Sequence[Note]) -> int | None:
    """The hat or ride that strikes most often; None where there is none."""
    counts = Counter(note.pitch for note in notes if note.pitch in KEEPERS)
    return counts.most_common(1)[0][0] if counts else None

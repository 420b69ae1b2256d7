"""Changes to a part that a musician asks for in words. All without chance: same part, same result.

What they share: positions are beats of the take, a bar line is a multiple of `bar_beats`, and a
note that a change would leave without sense (outside MIDI's range, past the end) is left out.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from stembridge.parts.groove import STEP_BEATS, TOGETHER_BEATS, Swing, groups, snapped, swing_of
from stembridge.parts.part import DRUMS, Note, Part

LOWEST, HIGHEST = 0, 127
_GHOST = 0.72
"""Velocity of an added note beside the note it follows."""

_SHORTEST_GAP_BEATS = 2 * STEP_BEATS


def transposed(part: Part, semitones: int) -> Part:
    """Every pitch moved; drums stay."""
    if part.stem == DRUMS:
        return part
    moved = (replace(note, pitch=note.pitch + semitones) for note in part.notes)
    return part.with_notes(note for note in moved if LOWEST <= note.pitch <= HIGHEST)


def louder(part: Part, factor: float) -> Part:
    """Velocities times a factor, within MIDI's range."""
    return part.with_notes(
        replace(n, velocity=int(np.clip(round(n.velocity * factor), 1, 127))) for n in part.notes
    )


def loosened(part: Part, beats: float, seed: int) -> Part:
    """Groups of notes moved at random by about `beats`, a seed's own way."""
    rng, moved = np.random.default_rng(seed), []
    for group in groups(part):
        shift = float(np.clip(rng.normal(0, beats), -2 * beats, 2 * beats))
        moved += [replace(n, start_beats=max(0.0, n.start_beats + shift)) for n in group]
    return part.with_notes(note for note in moved if note.start_beats < part.length_beats)


def swung(part: Part, share: float, unit_beats: float) -> Part:
    """The part with another swing; what deviates from the grid goes on deviating."""
    own, target = swing_of(part), Swing(share, unit_beats)
    moved = []
    for group in groups(part):
        start = np.array(group[0].start_beats)
        shift = float(target.swung(own.straight(start))) - float(start)
        moved += [replace(n, start_beats=max(0.0, n.start_beats + shift)) for n in group]
    return part.with_notes(note for note in moved if note.start_beats < part.length_beats)


def quantised(part: Part, strength: float) -> Part:
    """See `groove.snapped`."""
    return snapped(part, strength)


def with_density(part: Part, factor: float, bar_beats: float) -> Part:
    """A busier or a simpler part: `factor` times as many onsets, as far as that can be done.

    Simpler: what goes first is soft and far from the bar's strong places. Busier: the longest
    gaps are halved, on the grid, by softer notes like those before them.
    """
    struck = groups(part)
    if not struck:
        return part
    wanted = max(1, round(len(struck) * factor))
    if wanted < len(struck):
        ranked = sorted(struck, key=lambda group: _weight(group, bar_beats), reverse=True)
        return part.with_notes(note for group in ranked[:wanted] for note in group)
    while len(struck) < wanted:
        added = _between(struck, part)
        if added is None:
            break
        struck = sorted([*struck, added], key=lambda group: group[0].start_beats)
    return part.with_notes(note for group in struck for note in group)


def _weight(group: list[Note], bar_beats: float) -> float:
    """How much a group would be missed: its place in the bar, then its velocity."""
    place = round(group[0].start_beats / STEP_BEATS) * STEP_BEATS % bar_beats
    strong = next(
        (points for unit, points in ((bar_beats, 4.0), (2.0, 3.0), (1.0, 2.0), (0.5, 1.0))
         if math.isclose(place % unit, 0.0, abs_tol=1e-6)), 0.0,
    )  # fmt: skip
    return strong + max(note.velocity for note in group) / 64


def _between(struck: list[list[Note]], part: Part) -> list[Note] | None:
    """A softer group in the middle of the longest gap; None where all gaps are short."""
    starts = [group[0].start_beats for group in struck] + [part.length_beats]
    gaps = np.diff(starts)
    index = int(gaps.argmax())
    if gaps[index] < _SHORTEST_GAP_BEATS - 1e-6:
        return None
    half = max(STEP_BEATS, round(gaps[index] / 2 / STEP_BEATS) * STEP_BEATS)
    before = struck[index]
    if part.stem != DRUMS and len(before) > 2:
        before = before[1:]  # a lighter chord
    return [
        Note(n.start_beats + half, min(n.length_beats, gaps[index] - half), n.pitch,
             max(1, round(n.velocity * _GHOST)))
        for n in before
    ]  # fmt: skip


def joined(first: Part, second: Part, at_beats: float) -> Part:
    """One part after the other: what `second` plays begins at `at_beats`."""
    kept = (
        replace(n, length_beats=min(n.length_beats, at_beats - n.start_beats))
        for n in first.notes if n.start_beats < at_beats
    )  # fmt: skip
    moved = (replace(n, start_beats=n.start_beats + at_beats) for n in second.notes)
    return Part(first.stem, (*kept, *moved), at_beats + second.length_beats)


def replaced(part: Part, other: Part, start_beats: float, end_beats: float) -> Part:
    """`part` with what starts from `start_beats` up to `end_beats` taken from `other`."""
    first, stop = start_beats - TOGETHER_BEATS, end_beats - TOGETHER_BEATS

    def inside(note: Note) -> bool:  # what comes a hair before a bar line belongs to it
        return first <= note.start_beats < stop

    kept = []
    for note in part.notes:
        if inside(note):
            continue
        end = start_beats if note.start_beats < start_beats < note.end_beats else note.end_beats
        kept.append(replace(note, length_beats=end - note.start_beats))
    taken = (
        replace(n, length_beats=min(n.length_beats, end_beats - n.start_beats))
        for n in other.notes if inside(n)
    )  # fmt: skip
    return part.with_notes((*kept, *taken))

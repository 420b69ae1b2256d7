"""Which notes of a MIDI file make its chords: not what overlaps by a hair, hangs, or sings above.

Keys that are struck together are a *stack*. Where a stack has a chord's name,

- what an earlier stack holds on for less than a beat more is legato, and ends with it;
- keys whose release was lost end with it, too;
- short notes above longer ones that make a chord are its melody, and are left out.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace

from stembridge.chords.midi_file import KeyPress

_TOGETHER_BEATS = 0.1
_LEGATO_BEATS = 1.0
_LONGER = 2.0
"""A chord lasts so many times longer than the notes of the melody above it."""

Named = Callable[[set[int]], bool]


def chord_notes(notes: Sequence[KeyPress], is_named: Named) -> list[KeyPress]:
    """The notes that make chords, by their starts.

    Args:
        notes: all that sound.
        is_named: whether pitches make a chord that has a name.
    """
    stacks = _stacks(sorted(notes, key=lambda note: (note.start, note.pitch)))
    struck = [stack[0].start for stack in stacks if is_named({note.pitch for note in stack})]
    ended = [_ended(note, stack, struck) for stack in stacks for note in stack]
    return _without_melody(ended, is_named)


def _stacks(notes: Sequence[KeyPress]) -> list[list[KeyPress]]:
    """Notes that are struck together."""
    stacks: list[list[KeyPress]] = []
    for note in notes:
        if stacks and note.start - stacks[-1][0].start <= _TOGETHER_BEATS:
            stacks[-1].append(note)
        else:
            stacks.append([note])
    return stacks


def _ended(note: KeyPress, stack: Sequence[KeyPress], struck: Sequence[float]) -> KeyPress:
    """A note as long as it belongs to its chord."""
    following = bisect_right(struck, stack[0].start + _TOGETHER_BEATS)
    later = [at for at in struck[following:] if at < note.end]
    if note.lost and later:
        return replace(note, end=later[0])
    if len(stack) > 1 and later and note.end - later[-1] < _LEGATO_BEATS:
        return replace(note, end=later[-1])
    return note


def _without_melody(notes: Sequence[KeyPress], is_named: Named) -> list[KeyPress]:
    """Notes without those that are short and above a chord that is held."""
    kept, sounding = [], list[KeyPress]()
    for index, note in enumerate(notes):
        sounding = [one for one in sounding if one.end > note.start]
        ahead = index + 1
        while ahead < len(notes) and notes[ahead].start <= note.start + _TOGETHER_BEATS:
            ahead += 1
        below = {
            one.pitch
            for one in (*sounding, *notes[index + 1 : ahead])
            if one.pitch < note.pitch and _length(one) >= _LONGER * _length(note)
        }
        if not is_named(below):
            kept.append(note)
        sounding.append(note)
    return kept


def _length(note: KeyPress) -> float:
    return note.end - note.start

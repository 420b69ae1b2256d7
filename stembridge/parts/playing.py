"""How a part is to be played where somebody said so: busier, softer, swung, an octave lower."""

from __future__ import annotations

from dataclasses import dataclass, replace

from stembridge.parts.edit import louder, swung, with_density
from stembridge.parts.groove import groups
from stembridge.parts.part import DRUMS, Part

REACH = {"bass": (28, 60), "guitar": (40, 88), "piano": (24, 105)}
"""Lowest and highest pitch to which a change of register leads."""


@dataclass(frozen=True)
class Playing:
    """Changes to what the model plays; the defaults change nothing.

    Attributes:
        density: times as many notes.
        louder: times the velocity.
        swing: share of a pair that its first half takes; None: as played.
        swing_unit: length of the pair in beats.
        onsets: notes, or chords, a beat; None: as played. It is gone half or twice as far at most.
        octaves: up; notes that this would lead out of their instrument's reach stay.
    """

    density: float = 1.0
    louder: float = 1.0
    swing: float | None = None
    swing_unit: float = 1.0
    octaves: int = 0
    onsets: float | None = None


AS_PLAYED = Playing()


def as_told(part: Part, told: Playing, bar_beats: float) -> Part:
    """The part, played as told; density goes first, since new notes are to swing as well."""
    density = told.density
    if told.onsets is not None and (struck := len(groups(part))):
        density = min(2.0, max(0.5, told.onsets * part.length_beats / struck))
    if density != 1:
        part = with_density(part, density, bar_beats)
    if told.swing is not None:
        part = swung(part, told.swing, told.swing_unit)
    if told.louder != 1:
        part = louder(part, told.louder)
    return moved(part, told.octaves)


def moved(part: Part, octaves: int) -> Part:
    """By octaves, within the instrument's reach."""
    if not octaves or part.stem == DRUMS:
        return part
    low, high = REACH.get(part.stem, (0, 127))
    there = [note.pitch + 12 * octaves for note in part.notes]
    notes = (
        replace(note, pitch=pitch) if low <= pitch <= high else note
        for note, pitch in zip(part.notes, there, strict=True)
    )
    return part.with_notes(notes)

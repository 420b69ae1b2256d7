"""The notes of one stem.

Conventions: positions and lengths are in beats (quarter notes) from the first bar line of the
take; pitches are MIDI numbers, for drums General MIDI's; velocities are 1..127.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

DRUMS = "drums"

SAME_DRUM = {
    35: 36, 40: 38, 22: 42, 44: 42, 26: 46, 43: 41, 48: 47, 52: 49, 55: 49, 57: 49, 53: 51, 59: 51
}  # fmt: skip
"""Drums that are read as another: nobody hears which of two kicks it is."""


@dataclass(frozen=True, order=True)
class Note:
    """One note: when (beats), how long (beats), which MIDI pitch, how hard.

    `how` is the touch of composed parts: "" plain, "mute" damped by the hand (palm mutes, ghost
    notes).
    """

    start_beats: float
    length_beats: float
    pitch: int
    velocity: int
    how: str = ""

    @property
    def end_beats(self) -> float:
        """Where it is let go."""
        return self.start_beats + self.length_beats


@dataclass(frozen=True)
class Part:
    """What one stem plays.

    Attributes:
        stem: its role; the notes of "drums" are General MIDI's drums.
        notes: by start.
        length_beats: length of the take; every note starts before it.
    """

    stem: str
    notes: tuple[Note, ...]
    length_beats: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "notes", tuple(sorted(self.notes)))

    def with_notes(self, notes: Iterable[Note]) -> Part:
        """The same part with other notes."""
        return replace(self, notes=tuple(notes))

    @property
    def sha256(self) -> str:
        """Identity of the part: hash of its notes."""
        return hashlib.sha256(json.dumps(self.to_mapping(), sort_keys=True).encode()).hexdigest()

    def as_written(self) -> Part:
        """The same notes with times to a millionth of a beat.

        That is what a file keeps of them, and what is played: a take that is worked on later
        sounds as it did, to the sample.
        """
        return self.with_notes(
            replace(n, start_beats=round(n.start_beats, 6), length_beats=round(n.length_beats, 6))
            for n in self.notes
        )

    def to_mapping(self) -> dict[str, Any]:
        """JSON-ready values, as `as_written`."""
        notes = [
            [n.start_beats, n.length_beats, n.pitch, n.velocity] for n in self.as_written().notes
        ]
        return {"stem": self.stem, "length_beats": self.length_beats, "notes": notes}

    @staticmethod
    def from_mapping(mapping: dict[str, Any]) -> Part:
        """The inverse of `to_mapping`.

        Raises:
            ValueError, TypeError, KeyError: it is none.
        """
        notes = tuple(Note(float(s), float(n), int(p), int(v)) for s, n, p, v in mapping["notes"])
        part = Part(str(mapping["stem"]), notes, float(mapping["length_beats"]))
        for n in notes:
            starts = 0 <= n.start_beats < part.length_beats and n.length_beats >= 0
            if not (starts and 0 <= n.pitch <= 127 and 1 <= n.velocity <= 127):
                raise ValueError(f"not a note of the part: {n}")
        return part

"""The notes of one song, its grid and its chords.

Conventions: positions and lengths are in beats (quarter notes) from the song's first bar line;
velocities are MIDI's 1..127; a bar holds `time_signature.beats_per_bar` beats.
"""

from __future__ import annotations

from dataclasses import dataclass

from stembridge.chords import ChordSpan
from stembridge.musical_time import TimeSignature
from stembridge.parts.part import Note as Note
from stembridge.roles import STEMS as STEMS


@dataclass(frozen=True)
class Program:
    """A General MIDI sound: bank (128 for drum kits), program number, and our timbre name."""

    bank: int
    number: int
    timbre: str


@dataclass(frozen=True)
class Song:
    """A composed piece for bass, drums, guitar and piano with everything known about it."""

    seed: int
    style: str
    bpm: float
    time_signature: TimeSignature
    n_bars: int
    chords: tuple[ChordSpan, ...]
    parts: dict[str, tuple[Note, ...]]
    programs: dict[str, Program]

    @property
    def length_beats(self) -> float:
        """Length in beats."""
        return self.n_bars * self.time_signature.beats_per_bar

    @property
    def length_s(self) -> float:
        """Length in seconds."""
        return self.length_beats * 60.0 / self.bpm

    @property
    def timbres(self) -> dict[str, str]:
        """Timbre name of every stem."""
        return {stem: program.timbre for stem, program in self.programs.items()}

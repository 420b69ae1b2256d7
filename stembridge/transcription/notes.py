"""A note in seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TimedNote:
    """One note, in seconds (a `parts.Note` is in beats).

    Attributes:
        start_s: from the first sample, in s.
        length_s: in s.
        pitch: MIDI number; for drums General MIDI's.
        velocity: 1..127.
    """

    start_s: float
    length_s: float
    pitch: int
    velocity: int

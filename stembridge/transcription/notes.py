"""A note in seconds, and the way from audio to notes."""

from __future__ import annotations

from dataclasses import dataclass

from stembridge.audio.buffer import FloatArray
from stembridge.errors import BadArgsError

TRANSCRIBED = ("bass", "drums")
"""Stems that can be written as notes; chords in guitar and piano cannot (yet)."""


@dataclass(frozen=True)
class Note:
    """One note.

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


def transcribe(stem: str, samples: FloatArray, rate: int) -> list[Note]:
    """Notes of a stem's audio `[n]`, by start.

    Raises:
        BadArgsError: the stem is not one of `TRANSCRIBED`.
    """
    from stembridge.transcription.bass import transcribe_bass
    from stembridge.transcription.drums import transcribe_drums

    if stem == "bass":
        return transcribe_bass(samples, rate)
    if stem == "drums":
        return transcribe_drums(samples, rate)
    raise BadArgsError(
        f"Only {' and '.join(TRANSCRIBED)} can be written as MIDI, {stem[:20]} cannot."
    )

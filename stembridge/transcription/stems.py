"""From a stem's audio to its notes, whichever of the two can be read."""

from __future__ import annotations

from stembridge.audio.buffer import FloatArray
from stembridge.errors import BadArgsError
from stembridge.transcription.bass import transcribe_bass
from stembridge.transcription.drums import transcribe_drums
from stembridge.transcription.notes import TimedNote

TRANSCRIBED = ("bass", "drums")
"""Stems that can be written as notes; chords in guitar and piano cannot (yet)."""


def transcribe(stem: str, samples: FloatArray, rate: int) -> list[TimedNote]:
    """Notes of a stem's audio `[n]`, by start.

    Raises:
        BadArgsError: the stem is not one of `TRANSCRIBED`.
    """
    if stem == "bass":
        return transcribe_bass(samples, rate)
    if stem == "drums":
        return transcribe_drums(samples, rate)
    raise BadArgsError(
        f"Only {' and '.join(TRANSCRIBED)} can be written as MIDI, {stem[:20]} cannot."
    )

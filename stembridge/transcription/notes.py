"""A note in seconds, and the way from audio to a MIDI file."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from stembridge.audio.buffer import FloatArray
from stembridge.errors import BadArgsError
from stembridge.musical_time import TimeSignature, seconds_to_beats

TICKS_PER_BEAT = 480
DRUM_CHANNEL = 9
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


def write_midi(
    notes: Sequence[Note],
    bpm: float,
    time_signature: TimeSignature,
    length_beats: float,
    *,
    drums: bool = False,
    name: str = "",
) -> bytes:
    """A type 1 MIDI file with the session's tempo, so that it drops in on the bar.

    Args:
        notes: by any order.
        bpm: tempo the seconds are converted with.
        time_signature: metre written into the file.
        length_beats: length of the track; notes end with it.
        drums: put the notes on General MIDI's drum channel.
        name: track name.
    """
    import mido

    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT)
    track = mido.MidiTrack()
    file.tracks.append(track)
    track.append(mido.MetaMessage("track_name", name=name.encode("ascii", "replace").decode()))
    track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm)))
    track.append(
        mido.MetaMessage(
            "time_signature",
            numerator=time_signature.numerator,
            denominator=time_signature.denominator,
        )
    )
    end = round(length_beats * TICKS_PER_BEAT)
    at = 0
    for tick, kind, pitch, velocity in sorted(_events(notes, bpm, end)):
        channel = DRUM_CHANNEL if drums else 0
        message = "note_on" if kind else "note_off"
        track.append(
            mido.Message(message, channel=channel, note=pitch, velocity=velocity, time=tick - at)
        )
        at = tick
    track.append(mido.MetaMessage("end_of_track", time=max(0, end - at)))
    data = io.BytesIO()
    file.save(file=data)
    return data.getvalue()


def _events(notes: Sequence[Note], bpm: float, end: int) -> list[tuple[int, int, int, int]]:
    """(tick, 1 for on, pitch, velocity); at one tick notes end before others start."""
    events = []
    for note in notes:
        on = round(seconds_to_beats(note.start_s, bpm) * TICKS_PER_BEAT)
        off = round(seconds_to_beats(note.start_s + note.length_s, bpm) * TICKS_PER_BEAT)
        if on < end:
            events.append((on, 1, note.pitch, note.velocity))
            events.append((min(end, max(on + 1, off)), 0, note.pitch, 64))
    return events

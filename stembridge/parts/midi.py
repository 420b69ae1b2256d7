"""Parts as a MIDI file of type 1: tempo and metre first, then a track per part."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from stembridge.musical_time import TimeSignature
from stembridge.parts.part import Note, Part
from stembridge.roles import is_pitched, role

TICKS_PER_BEAT = 480
DRUM_CHANNEL = 9

PROGRAMS: dict[str, dict[str, int]] = {
    "bass": {
        "acoustic": 32, "finger": 33, "pick": 34, "fretless": 35, "slap": 36, "synth": 38
    },
    "drums": {
        "standard": 0, "room": 8, "power": 16, "electronic": 24, "808": 25, "jazz": 32, "brush": 40
    },
    "guitar": {
        "nylon": 24, "steel": 25, "jazz": 26, "clean": 27, "muted": 28, "overdrive": 29,
        "distortion": 30,
    },
    "piano": {
        "grand": 0, "bright": 1, "electric_grand": 2, "honkytonk": 3, "rhodes": 4, "fm": 5
    },
}  # fmt: skip
"""General MIDI program of a stem's timbre, as `timbres` of a take name it."""

_CHANNELS = [channel for channel in range(16) if channel != DRUM_CHANNEL]


def midi_file(
    parts: Sequence[Part],
    bpm: float,
    time_signature: TimeSignature,
    timbres: Mapping[str, str] | None = None,
) -> bytes:
    """A MIDI file of parts, so that it drops in on the bar.

    Args:
        parts: a track each, named after its stem; drums on General MIDI's drum channel.
        bpm: tempo.
        time_signature: metre.
        timbres: stem -> timbre, for the tracks' programs.
    """
    import mido

    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT)
    metre = {"numerator": time_signature.numerator, "denominator": time_signature.denominator}
    first = [
        mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm)),
        mido.MetaMessage("time_signature", **metre),
    ]
    channels = iter(_CHANNELS)
    for part in parts:
        channel = next(channels) if is_pitched(part.stem) else DRUM_CHANNEL
        known = PROGRAMS.get(part.stem, {})
        program = known.get((timbres or {}).get(part.stem, ""), role(part.stem).program)
        name = part.stem.encode("ascii", "replace").decode()
        track = mido.MidiTrack([mido.MetaMessage("track_name", name=name), *first])
        track.append(mido.Message("program_change", channel=channel, program=program))
        _write_notes(track, part, channel)
        file.tracks.append(track)
        first = []
    data = io.BytesIO()
    file.save(file=data)
    return data.getvalue()


def _write_notes(track: list[object], part: Part, channel: int) -> None:
    import mido

    end = round(part.length_beats * TICKS_PER_BEAT)
    at = 0
    for tick, kind, pitch, velocity in sorted(_events(part.notes, end)):
        message = "note_on" if kind else "note_off"
        track.append(
            mido.Message(message, channel=channel, note=pitch, velocity=velocity, time=tick - at)
        )
        at = tick
    track.append(mido.MetaMessage("end_of_track", time=max(0, end - at)))


def _events(notes: Sequence[Note], end: int) -> list[tuple[int, int, int, int]]:
    """(tick, 1 for on, pitch, velocity); at one tick notes end before others start."""
    events = []
    struck_again: dict[int, int] = {}
    for note in reversed(notes):
        on, off = (round(b * TICKS_PER_BEAT) for b in (note.start_beats, note.end_beats))
        off = min(end, max(on + 1, off), struck_again.get(note.pitch, end))
        if on < off:
            events.append((on, 1, note.pitch, note.velocity))
            events.append((off, 0, note.pitch, 64))
            struck_again[note.pitch] = on
    return events


def read_midi(data: bytes, stem: str, length_beats: float) -> Part:
    """The part in a file that `midi_file` wrote, or in anybody's file of one part."""
    import mido

    file = mido.MidiFile(file=io.BytesIO(data))
    notes, sounding = [], dict[tuple[int, int], tuple[float, int]]()
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            beats = tick / file.ticks_per_beat
            if message.type not in ("note_on", "note_off"):
                continue
            key = (message.channel, message.note)
            if key in sounding:
                start, velocity = sounding.pop(key)
                notes.append(Note(start, beats - start, message.note, velocity))
            if message.type == "note_on" and message.velocity:
                sounding[key] = (beats, message.velocity)
    return Part(stem, tuple(n for n in notes if n.start_beats < length_beats), length_beats)

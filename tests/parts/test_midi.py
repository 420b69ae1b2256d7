"""MIDI files as others read them."""

from __future__ import annotations

import io

import mido
import pytest

from stembridge.musical_time import TimeSignature
from stembridge.parts import Note, Part
from stembridge.parts.midi import midi_file, read_midi

BASS = Part("bass", (Note(0.0, 1.0, 40, 90), Note(1.0, 0.5, 40, 70), Note(3.5, 0.5, 43, 100)), 4.0)
DRUMS = Part("drums", (Note(0.0, 0.2, 36, 110), Note(1.0, 0.2, 38, 100)), 4.0)


def test_a_track_per_part_with_tempo_metre_and_program() -> None:
    data = midi_file([BASS, DRUMS], 87.3, TimeSignature(7, 8), {"bass": "slap", "drums": "808"})
    file = mido.MidiFile(file=io.BytesIO(data))
    assert (file.type, [track.name for track in file.tracks]) == (1, ["bass", "drums"])
    first = {message.type: message for message in file.tracks[0]}
    assert mido.tempo2bpm(first["set_tempo"].tempo) == pytest.approx(87.3, abs=1e-3)
    assert (first["time_signature"].numerator, first["time_signature"].denominator) == (7, 8)
    assert first["program_change"].program == 36
    assert all(m.channel == 9 for m in file.tracks[1] if m.type == "note_on")
    assert file.length == pytest.approx(4 * 60 / 87.3, abs=1e-3)
    assert not [m for m in file.tracks[1] if m.type == "set_tempo"]


def test_notes_come_back() -> None:
    assert read_midi(midi_file([BASS], 120.0, TimeSignature(4, 4)), "bass", 4.0) == BASS


def test_a_note_ends_when_it_is_struck_again() -> None:
    part = Part("piano", (Note(0.0, 2.0, 60, 90), Note(1.0, 1.0, 60, 90)), 4.0)
    first, second = read_midi(midi_file([part], 120.0, TimeSignature(4, 4)), "piano", 4.0).notes
    assert (first.end_beats, second.end_beats) == (1.0, 2.0)

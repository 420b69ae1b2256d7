"""Grooves: read from MIDI, packed, and cut into bars."""

from __future__ import annotations

import io
from pathlib import Path
from zipfile import ZipFile

import mido
import numpy as np
import pytest

from stembridge.dataset.groove_midi import HELD_OUT_DRUMMERS, read_groove_midi
from stembridge.dataset.grooves import Groove, beats_for, fills_for, grooves, pack, unpack

HEADER = "drummer,style,bpm,beat_type,time_signature,midi_filename,split\n"


def midi_bytes(hits: list[tuple[float, int, int]]) -> bytes:
    """Hits as (beat, pitch, velocity)."""
    midi = mido.MidiFile(ticks_per_beat=480)
    track, at = mido.MidiTrack(), 0
    midi.tracks.append(track)
    for beat, pitch, velocity in hits:
        tick = round(beat * 480)
        track.append(mido.Message("note_on", note=pitch, velocity=velocity, time=tick - at))
        track.append(mido.Message("note_on", note=pitch, velocity=0, time=0))
        at = tick
    file = io.BytesIO()
    midi.save(file=file)
    return file.getvalue()


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    hits = [(0.0, 36, 100), (1.01, 40, 90), (1.5, 22, 30), (3.98, 55, 120), (7.5, 43, 80)]
    rows = [
        ("drummer1", "funk/groove1", "100", "beat", "4-4", "a.mid", "train"),
        ("drummer1", "funk", "100", "beat", "4-4", "a.mid", "test"),
        (HELD_OUT_DRUMMERS[0], "rock", "90", "fill", "4-4", "b.mid", "train"),
    ]
    with ZipFile(tmp_path / "g.zip", "w") as archive:
        archive.writestr("groove/info.csv", HEADER + "\n".join(map(",".join, rows)))
        archive.writestr("groove/a.mid", midi_bytes(hits))
        archive.writestr("groove/b.mid", midi_bytes(hits[:3]))
    return tmp_path / "g.zip"


def test_performances_are_read_with_their_split(dataset: Path) -> None:
    found = read_groove_midi(dataset)
    facts = [(g.split, g.style, g.bpm, g.is_fill, g.beats) for g in found]
    assert facts == [("held-out", "rock", 90, True, 4), ("train", "funk", 100, False, 8)]
    assert found[1].notes.tolist() == [
        [0, 36, 100], [121, 38, 90], [180, 42, 30], [478, 49, 120], [900, 41, 80],
    ]  # fmt: skip


def test_packing_keeps_everything(dataset: Path) -> None:
    found = read_groove_midi(dataset)
    for before, after in zip(found, unpack(pack(found)), strict=True):
        assert np.array_equal(before.notes, after.notes)
        assert (before.style, before.beats, before.split) == (after.style, after.beats, after.split)


def test_a_hit_just_before_the_bar_line_belongs_to_the_bar(dataset: Path) -> None:
    groove = read_groove_midi(dataset)[1]
    first, second = groove.stretch(0, 4, 0), groove.stretch(4, 4, 100)
    assert [note.pitch for note in first] == [36, 38, 42]
    assert [note.pitch for note in second] == [49, 41]
    assert second[0].start_beats == pytest.approx(100 - 2 / 120)
    assert second[1].start_beats == pytest.approx(103.5)


def test_swing_is_heard() -> None:
    ticks = np.array([[i * 120 + j, 42, 80] for i in range(8) for j in (0, 79)])
    assert Groove("train", "jazz", 120, "4/4", False, 8, ticks).swing == pytest.approx(79 / 120)
    ticks[1::2, 0] -= 19
    assert Groove("train", "rock", 120, "4/4", False, 8, ticks).swing == pytest.approx(0.5)


def test_shipped_performances_suit_most_styles_in_both_splits() -> None:
    assert len(grooves("train")) > 600
    for style in ("pop", "rock", "funk", "hiphop", "latin", "jazz", "ballad"):
        for split in ("train", "held-out"):
            assert len(beats_for(split, style, "4/4")) >= 7
    assert len(fills_for("train", "rock")) > 50
    assert {n for g in grooves("held-out") for n in g.notes[:, 1]} <= {
        36, 37, 38, 41, 42, 44, 46, 47, 49, 50, 51, 53, 57,
    }  # fmt: skip

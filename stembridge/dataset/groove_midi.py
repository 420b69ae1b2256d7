"""Reads the Groove MIDI Dataset's zip file (`info.csv` and MIDI files) into grooves."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from zipfile import ZipFile

import mido
import numpy as np

from stembridge.dataset.grooves import TICKS_PER_BEAT, Groove
from stembridge.musical_time import TimeSignature

# Their takes, in every split of the dataset, are for evaluation alone: rock, jazz, hip hop, and
# everything from Motown to samba.
HELD_OUT_DRUMMERS = ("drummer3", "drummer5", "drummer9")
_MOST_BARS = 24

# The dataset's Roland kit as General MIDI's drums (README of the dataset): rims, edges and bells
# that kits do not tell apart are the same drum.
_PITCHES = {
    22: 42, 26: 46, 36: 36, 37: 37, 38: 38, 40: 38, 42: 42, 44: 44, 46: 46, 49: 49, 55: 49,
    57: 57, 52: 57, 51: 51, 59: 51, 53: 53, 50: 50, 48: 50, 45: 47, 47: 47, 43: 41, 58: 41,
}  # fmt: skip


def read_groove_midi(path: Path) -> list[Groove]:
    """Performances that are used, in the order of their contents."""
    found = []
    with ZipFile(path) as archive:
        info = next(name for name in archive.namelist() if name.endswith("info.csv"))
        rows = csv.DictReader(io.StringIO(archive.read(info).decode()))
        for row in rows:
            split = _split(row["drummer"], row["split"])
            if split:
                data = archive.read(info.replace("info.csv", row["midi_filename"]))
                found.append(_groove(row, split, data))
    usable = [groove for groove in found if groove is not None]
    return sorted(usable, key=lambda g: (g.split, g.style, g.is_fill, g.bpm, g.notes.tobytes()))


def _split(drummer: str, split: str) -> str:
    if drummer in HELD_OUT_DRUMMERS:
        return "held-out"
    return "train" if split == "train" else ""


def _groove(row: dict[str, str], split: str, data: bytes) -> Groove | None:
    metre = row["time_signature"].replace("-", "/")
    bar_beats = TimeSignature.parse(metre).beats_per_bar
    hits = hits_of(mido.MidiFile(file=io.BytesIO(data)))
    end = bar_beats * _MOST_BARS
    hits = [hit for hit in hits if hit[0] < end * TICKS_PER_BEAT]
    if not hits:
        return None
    # The last hit may be the downbeat of a bar that is not played any more.
    bars = max(0, int((hits[-1][0] / TICKS_PER_BEAT - 0.25) // bar_beats)) + 1
    style = row["style"].split("/")[0]
    is_fill = row["beat_type"] == "fill"
    return Groove(split, style, float(row["bpm"]), metre, is_fill, bars * bar_beats,
                  np.array(hits))  # fmt: skip


def hits_of(midi: mido.MidiFile) -> list[tuple[int, int, int]]:
    """(tick of 1/120 beat, General MIDI pitch, velocity) of every hit, in order."""
    hits = []
    for track in midi.tracks:
        at = 0
        for message in track:
            at += message.time
            if message.type == "note_on" and message.velocity and message.note in _PITCHES:
                tick = round(at * TICKS_PER_BEAT / midi.ticks_per_beat)
                hits.append((tick, _PITCHES[message.note], message.velocity))
    return sorted(set(hits))

"""The one shape in which every kind of training music reaches training and evaluation.

Synthetic songs, Slakh2100 and a folder of the user's own stems all become `AnnotatedSong`s:
four mono stems of equal length and whatever is known about grid, chords, style and timbres.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stembridge.chords import ChordSpan
from stembridge.dataset.song import STEMS, Note
from stembridge.musical_time import TimeSignature


@dataclass(frozen=True)
class AnnotatedSong:
    """Audio and annotations of one song.

    Attributes:
        name: unique within its set.
        audio: `[S, n_samples]` float32, a row for each of `stems`.
        rate: Hz.
        bpm: tempo, or None where unknown (then the model is told no grid).
        time_signature: metre; the first bar line is sample 0.
        chords: chord spans in beats; empty where unknown.
        style, timbres: names, or None / empty where unknown.
        notes: stem -> notes, where known (composed songs).
        instruments: stem -> instrument of a kit, where one played.
    """

    name: str
    audio: NDArray[np.float32]
    rate: int
    bpm: float | None
    time_signature: TimeSignature
    chords: tuple[ChordSpan, ...] = ()
    style: str | None = None
    timbres: dict[str, str] = field(default_factory=dict)
    notes: dict[str, tuple[Note, ...]] = field(default_factory=dict)
    instruments: dict[str, str] = field(default_factory=dict)
    stems: tuple[str, ...] = STEMS

    def stem(self, stem: str) -> NDArray[np.float32]:
        """One row of the audio, `[n_samples]`."""
        row: NDArray[np.float32] = self.audio[self.stems.index(stem)]
        return row


def facts_of(song: AnnotatedSong) -> dict[str, Any]:
    """Everything but the audio, as JSON-able values."""
    return {
        "name": song.name,
        "rate": song.rate,
        "bpm": song.bpm,
        "time_signature": f"{song.time_signature.numerator}/{song.time_signature.denominator}",
        "chords": [[c.start_beats, list(c.pitch_classes), c.root, c.symbol] for c in song.chords],
        "style": song.style,
        "timbres": song.timbres,
        "stems": list(song.stems),
        "notes": {
            stem: [[n.start_beats, n.length_beats, n.pitch, n.velocity, n.how] for n in notes]
            for stem, notes in song.notes.items()
        },
        "instruments": song.instruments,
    }


def from_annotations(data: dict[str, Any], audio: NDArray[np.float32]) -> AnnotatedSong:
    """The inverse of `facts_of`."""
    return AnnotatedSong(
        name=data["name"],
        audio=audio,
        rate=data["rate"],
        bpm=data["bpm"],
        time_signature=TimeSignature.parse(data["time_signature"]),
        chords=tuple(ChordSpan(s, tuple(pcs), r, name) for s, pcs, r, name in data["chords"]),
        style=data["style"],
        timbres=data["timbres"],
        stems=tuple(data.get("stems", STEMS)),
        notes={stem: tuple(Note(*n) for n in notes) for stem, notes in data["notes"].items()},
        instruments=data.get("instruments", {}),
    )


def save_song(song: AnnotatedSong, folder: Path) -> None:
    """Writes `NAME.npy` (int16, `[S, n_samples]`) and then `NAME.json`, which marks it whole."""
    folder.mkdir(parents=True, exist_ok=True)
    samples = np.clip(np.round(song.audio * 32767), -32768, 32767).astype(np.int16)
    np.save(folder / f"{song.name}.npy", samples)
    (folder / f"{song.name}.json").write_text(json.dumps(facts_of(song)))


def load_song(path: Path) -> AnnotatedSong:
    """Reads a song written by `save_song` from its `.json` path."""
    samples = np.load(path.with_suffix(".npy"), mmap_mode="r")
    audio = np.asarray(samples, np.float32) / 32767.0
    song = from_annotations(json.loads(path.read_text()), audio)
    if len(audio) != len(song.stems):
        raise ValueError(f"{path}: expected {len(song.stems)} stems, found {len(audio)}.")
    return song

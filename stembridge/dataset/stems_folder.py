"""A folder of the user's own stems as training songs.

    my_stems/
        first song/  bass.wav  drums.wav  guitar.wav  piano.wav  song.json
        second song/ bass.flac drums.flac

Any subset of the four stems will do, in any format libsndfile reads; a stem that is missing is
silent, and silent stems are never trained on. All files of a song begin together. `song.json` is
optional, and so is each of its fields:

    {"bpm": 92.5, "time_signature": "4/4", "chords": "Am F C G", "style": "funk",
     "first_bar_s": 0.0}

`chords` are one per bar, repeated to the end, or "Am@0 F@4 ..." with beats. `first_bar_s` is where
the first bar line lies in the files. Without a bpm the model is told no grid and no chords.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stembridge.chords import ChordSpan, parse_progression
from stembridge.context.source import read_whole
from stembridge.dataset.annotated import AnnotatedSong
from stembridge.dataset.pieces import at_training_level, cut_pieces
from stembridge.dataset.song import STEMS
from stembridge.errors import BadArgsError, NoSuchFileError
from stembridge.musical_time import FOUR_FOUR, TimeSignature, seconds_to_samples
from stembridge.safe_files import read_file

SUFFIXES = (".wav", ".flac", ".aif", ".aiff", ".ogg", ".mp3")
FACTS_NAME = "song.json"
MAX_FACTS_BYTES = 2**20
_FIELDS = {"bpm", "time_signature", "chords", "style", "first_bar_s"}


def read_stems_folder(path: Path, rate: int = 44100) -> Iterator[AnnotatedSong]:
    """Reads songs, cut into pieces of about 24 s on bar lines, at the training loudness.

    Args:
        path: a folder with one sub-folder per song, or one song's folder.
        rate: Hz of the result; the model's.

    Raises:
        NoSuchFileError: no such folder, or nothing in it is a song.
        BadAudioError: a file cannot be read as audio.
        BadArgsError: a song.json says something wrong.
    """
    if not path.is_dir():
        raise NoSuchFileError(f"There is no folder '{path}'. Look at its spelling.")
    folders = [f for f in (path, *sorted(path.iterdir())) if f.is_dir() and stem_files(f)]
    if not folders:
        raise NoSuchFileError(
            f"'{path}' holds no songs: there must be folders with "
            f"{', '.join(f'{stem}.wav' for stem in STEMS)}, or some of them."
        )
    return (piece for folder in folders for piece in cut_pieces(read_song(folder, rate)))


def stem_files(folder: Path) -> dict[str, Path]:
    """The stem files of a song's folder."""
    files = {f.name.lower(): f for f in sorted(folder.iterdir()) if f.is_file()}
    found = {stem: [f"{stem}{suffix}" for suffix in SUFFIXES] for stem in STEMS}
    return {
        stem: files[next(name for name in names if name in files)]
        for stem, names in found.items()
        if any(name in files for name in names)
    }


def read_song(folder: Path, rate: int) -> AnnotatedSong:
    """One song, whole; raises as `read_stems_folder`."""
    facts = _facts(folder / FACTS_NAME)
    skip = seconds_to_samples(facts.get("first_bar_s", 0.0), rate)
    stems = {stem: read_mono(file, rate)[skip:] for stem, file in stem_files(folder).items()}
    audio = stacked(stems)
    try:
        signature = TimeSignature.parse(facts.get("time_signature", str(FOUR_FOUR)))
        chords = _chords(facts, signature, audio.shape[1] / rate)
    except BadArgsError as error:
        raise BadArgsError(f"'{folder / FACTS_NAME}': {error}") from error
    return AnnotatedSong(
        name=folder.name,
        audio=at_training_level(audio, rate),
        rate=rate,
        bpm=facts.get("bpm"),
        time_signature=signature,
        chords=chords,
        style=facts.get("style"),
    )


def read_mono(file: Path, rate: int) -> NDArray[np.float32]:
    """A whole file `[n]` in one channel, at `rate` Hz."""
    return read_whole(file, rate)


def stacked(stems: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    """Stems by name as `[S, n]` of the longest one's length; zeros where there is nothing."""
    audio = np.zeros((len(STEMS), max(map(len, stems.values()))), np.float32)
    for stem, samples in stems.items():
        audio[STEMS.index(stem), : len(samples)] = samples
    return audio


def _chords(
    facts: dict[str, Any], signature: TimeSignature, length_s: float
) -> tuple[ChordSpan, ...]:
    if not facts.get("chords") or facts.get("bpm") is None:
        return ()
    beats = length_s * facts["bpm"] / 60
    return parse_progression(facts["chords"], signature.beats_per_bar, beats)


def _facts(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        facts = json.loads(read_file(path, MAX_FACTS_BYTES))
    except (ValueError, RecursionError) as error:
        raise BadArgsError(f"'{path}' is not JSON.") from error
    if not isinstance(facts, dict) or set(facts) - _FIELDS:
        raise BadArgsError(f"'{path}' may only hold the fields {', '.join(sorted(_FIELDS))}.")
    for name, kinds, low, high in (
        ("bpm", (int, float), 20.0, 999.0),
        ("first_bar_s", (int, float), 0.0, 900.0),
    ):
        value = facts.get(name)
        wrong = isinstance(value, bool) or not isinstance(value, kinds)
        if value is not None and (wrong or not low <= value <= high):
            raise BadArgsError(f"'{path}': {name} must be a number from {low:g} to {high:g}.")
    for name in ("time_signature", "chords", "style"):
        if not isinstance(facts.get(name), str | None):
            raise BadArgsError(f"'{path}': {name} must be text.")
    return {name: value for name, value in facts.items() if value is not None}

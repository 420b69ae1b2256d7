"""Whatever a user has as training music, opened by what it looks like.

    rendered songs   NAME.json beside NAME.npy (`stembridge train songs`), or a run that holds them
    Slakh2100        Track00001/metadata.yaml, original or redux, whole or one split of it
    stems            a folder per song with bass.wav, drums.wav ... (see `stems_folder`)

Where a data set has splits, training music is its `train`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from stembridge.audio.resample import resample
from stembridge.dataset.annotated import AnnotatedSong, load_song
from stembridge.dataset.slakh import METADATA_NAME, read_slakh
from stembridge.dataset.song import STEMS
from stembridge.dataset.stems_folder import read_stems_folder
from stembridge.errors import NoSuchFileError


def open_songs(path: Path, rate: int, split: str = "train") -> Iterator[AnnotatedSong]:
    """Songs of a folder at `rate` Hz, read one by one.

    Raises:
        NoSuchFileError: there is no such folder, or no music in it that is recognised.
        BadAudioError, BadArgsError: as the readers of each kind, when a song is read.
    """
    if not path.is_dir():
        raise NoSuchFileError(f"There is no folder '{path}'. Look at its spelling.")
    for home in (path / "songs" / split, path / split, path / "songs", path):
        if rendered := rendered_songs(home):
            return (_at_rate(load_song(file), rate) for file in rendered)
    home = path / split if (path / split).is_dir() else path
    if any(home.rglob(METADATA_NAME)):
        return read_slakh(home, rate)
    try:
        return read_stems_folder(home, rate)
    except NoSuchFileError:
        raise NoSuchFileError(
            f"'{path}' holds no music to learn from: no songs of `stembridge train songs`, no "
            f"tracks of Slakh2100, no folder per song with {', '.join(STEMS)} as .wav."
        ) from None


def rendered_songs(folder: Path) -> list[Path]:
    """The .json files of songs that were written whole, in order."""
    if not folder.is_dir():
        return []
    return [file for file in sorted(folder.glob("*.json")) if file.with_suffix(".npy").is_file()]


def _at_rate(song: AnnotatedSong, rate: int) -> AnnotatedSong:
    if song.rate == rate:
        return song
    audio = np.stack([resample(stem, song.rate, rate) for stem in song.audio])
    return replace(song, audio=audio, rate=rate)

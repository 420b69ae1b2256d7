"""Held-out songs, each loaded or composed when it is asked for, so that none waits in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from stembridge.dataset.annotated import AnnotatedSong, load_song
from stembridge.dataset.compose import compose, held_out_programs, song_seed
from stembridge.dataset.stems_folder import read_stems_folder
from stembridge.dataset.synthetic import perform
from stembridge.errors import NoSuchFileError

_SILENT = 1e-4


class Songs(Protocol):
    """Songs by number; a list of them is one."""

    def __len__(self) -> int:
        """How many there are."""

    def __getitem__(self, index: int, /) -> AnnotatedSong:
        """Song `index`."""


@dataclass(frozen=True)
class ComposedSongs:
    """The test split's first songs, composed and rendered anew each time.

    Attributes:
        count: number of songs.
        rate: Hz.
        soundfont: file name of an installed SoundFont.
        held_out_programs: play programs that no training song uses.
    """

    count: int
    rate: int
    soundfont: str
    held_out_programs: bool = False

    def __len__(self) -> int:
        """How many there are."""
        return self.count

    def __getitem__(self, index: int) -> AnnotatedSong:
        """Song `index`; the same everywhere."""
        song = compose(song_seed("test", index))
        if self.held_out_programs:
            song = replace(song, programs=held_out_programs(song.seed))
        return perform(song, f"test-{index:05d}", self.rate, self.soundfont)


@dataclass(frozen=True)
class SongFolder:
    """Rendered songs of a folder.

    Attributes:
        paths: their `.json` files.
    """

    paths: tuple[Path, ...]

    @classmethod
    def of(cls, folder: Path, count: int, n_samples: int) -> SongFolder:
        """The first `count` songs of a folder that are at least `n_samples` long."""
        long_enough = (p for p in sorted(folder.glob("*.json")) if _n_samples(p) >= n_samples)
        return cls(tuple(path for path, _ in zip(long_enough, range(count), strict=False)))

    def __len__(self) -> int:
        """How many there are."""
        return len(self.paths)

    def __getitem__(self, index: int) -> AnnotatedSong:
        """Song `index` by name."""
        return load_song(self.paths[index])


def _n_samples(path: Path) -> int:
    samples = np.load(path.with_suffix(".npy"), mmap_mode="r")
    return int(samples.shape[1])


def reference_songs(folder: Path, count: int, rate: int, n_samples: int) -> list[AnnotatedSong]:
    """A user's own multitracks, at most `count` pieces, each with the stems that it has.

    Args:
        folder: as `read_stems_folder` reads it.
        count: most pieces.
        rate: Hz, the model's.
        n_samples: shortest piece.

    Raises:
        NoSuchFileError: fewer than two pieces are long enough; one lends its chords to the other.
    """
    long_enough = (s for s in read_stems_folder(folder, rate) if s.audio.shape[1] >= n_samples)
    songs = [_with_its_stems(song) for song, _ in zip(long_enough, range(count), strict=False)]
    if len(songs) < 2:
        raise NoSuchFileError(
            f"'{folder}' has {len(songs)} pieces of {n_samples / rate:.0f} s or more; an "
            "evaluation wants two at least."
        )
    return songs


def _with_its_stems(song: AnnotatedSong) -> AnnotatedSong:
    """Without the stems it has no file of, or that are silent throughout."""
    sounding = [i for i, row in enumerate(song.audio) if np.abs(row).max() > _SILENT]
    stems = tuple(song.stems[i] for i in sounding)
    return replace(song, audio=song.audio[sounding], stems=stems)

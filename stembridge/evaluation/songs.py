"""Held-out songs, each loaded or composed when it is asked for, so that none waits in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from stembridge.dataset.annotated import AnnotatedSong, load_song
from stembridge.dataset.compose import compose, held_out_programs, song_seed
from stembridge.dataset.synthetic import perform


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

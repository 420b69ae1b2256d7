"""The real set: songs on instruments, by drummers and from charts that training never had.

Whole sample libraries (`libraries.toml`, `held_out`), Groove's held-out drummers, held-out songs'
charts, through rooms and, most of them, MP3, noise, bleed and the rest of `studio.as_heard`. Notes
and chords are known exactly. The kit is made by `stembridge train kit --held-out`.

How the true parts measure, first 40 songs, 11.9 s each, by `evaluation.figures` (what a perfect
model would reach): bass root .59, in chord .94, 2.5 onsets a second; guitar in chord .93; piano
1.00; sixteenth grid .97 bass and guitar, .85 drums, which are people's. The bass's root is low
because one of the two basses has stronger second and third harmonics than fundamentals: by its
notes the root is the longest tone of .95 of the chords.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from stembridge.dataset.annotated import AnnotatedSong
from stembridge.dataset.kit import Kit
from stembridge.dataset.recorded import LOOP_SHARE, loop_of, make_song
from stembridge.dataset.studio import as_heard

MP3_SHARE = 0.6


@dataclass(frozen=True)
class RealSongs:
    """The first songs of the real set, made anew each time; the same everywhere.

    Attributes:
        count: number of songs.
        rate: Hz.
        kit: folder of the held-out instruments' kit.
        length_s: at least so long.
        first: number of the first of them.
    """

    count: int
    rate: int
    kit: Path
    length_s: float = 24.0
    first: int = 0

    def __len__(self) -> int:
        """How many there are."""
        return self.count

    def __getitem__(self, index: int) -> AnnotatedSong:
        """Song `index`.

        Raises:
            NoSuchFileError: the folder is no kit.
        """
        index += self.first
        song = make_song("test", index, Kit(self.kit), rate=self.rate, length_s=self.length_s)
        rng = np.random.default_rng([index, 74])
        song = loop_of(song) if rng.random() < LOOP_SHARE else song
        audio = as_heard(song.audio, song.rate, rng, MP3_SHARE)
        return replace(song, name=f"real-{index:05d}", audio=audio)

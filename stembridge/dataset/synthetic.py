"""The synthetic set: composed, rendered, mixed, and kept as files, song by song.

Resumable: a song whose `.json` exists is finished and skipped. Song `i` of a split is the same
on every machine with the same SoundFont and FluidSynth.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from stembridge.dataset.annotated import AnnotatedSong, save_song
from stembridge.dataset.augment import mix_like
from stembridge.dataset.compose import compose, song_seed
from stembridge.dataset.render import Renderer
from stembridge.dataset.song import STEMS, Song
from stembridge.dataset.soundfonts import TRAINING, find_soundfont
from stembridge.pool.jobs import Crew, run_jobs

_DETUNED = 0.3  # share of songs off concert pitch
_DETUNE_CENTS = 15.0


@cache
def _renderer(soundfont: str, rate: int) -> Renderer:
    return Renderer(find_soundfont(soundfont), rate)


def make_song(
    split: str,
    index: int,
    *,
    rate: int = 44100,
    soundfont: str = TRAINING,
    length_s: float = 24.0,
    style: str | None = None,
) -> AnnotatedSong:
    """Composes, renders and mixes one song.

    Raises:
        MissingExtraError: FluidSynth or the SoundFont is not installed.
    """
    song = compose(song_seed(split, index), style, length_s)
    return perform(song, f"{split}-{index:05d}", rate, soundfont)


def perform(song: Song, name: str, rate: int, soundfont: str = TRAINING) -> AnnotatedSong:
    """Renders and mixes a composed song.

    Raises:
        MissingExtraError: FluidSynth or the SoundFont is not installed.
    """
    dry = _renderer(soundfont, rate).render(song, detune_cents(song.seed))
    mixed = mix_like(dry, rate, np.random.default_rng([song.seed, 8]))
    return AnnotatedSong(
        name=name,
        audio=np.stack([mixed[stem] for stem in STEMS]),
        rate=rate,
        bpm=song.bpm,
        time_signature=song.time_signature,
        chords=song.chords,
        style=song.style,
        timbres=song.timbres,
        notes=song.parts,
    )


def detune_cents(seed: int) -> float:
    """How far a song is off concert pitch; most are not."""
    rng = np.random.default_rng([seed, 16])
    detuned, cents = rng.random() < _DETUNED, rng.uniform(-_DETUNE_CENTS, _DETUNE_CENTS)
    return float(cents) if detuned else 0.0


def _make(_tool: None, job: tuple[str, int, int, str, float]) -> AnnotatedSong:
    split, index, rate, soundfont, length_s = job
    return make_song(split, index, rate=rate, soundfont=soundfont, length_s=length_s)


def _nothing() -> None:
    """A maker of songs needs no preparation: its SoundFonts stay open once they are."""


def build(
    folder: Path,
    split: str,
    count: int,
    *,
    rate: int = 44100,
    soundfonts: Sequence[str] = (TRAINING,),
    length_s: float = 24.0,
    crew: Crew | None = None,
    first: int = 0,
) -> Iterator[str]:
    """Makes songs `first`..`count`-1 of a split in `folder`, yielding each name as it is done.

    Song `i` is rendered with SoundFont `i` modulo their number. The folder need be here only: songs
    come back from wherever they were made.
    """
    jobs = [
        (split, index, rate, soundfonts[index % len(soundfonts)], length_s)
        for index in range(first, count)
        if not (folder / f"{split}-{index:05d}.json").exists()
    ]
    for song in run_jobs(_make, jobs, _nothing, crew):
        save_song(song, folder)
        yield song.name

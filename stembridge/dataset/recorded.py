"""Songs of a band (`band`) played on a kit's instruments (`kit`, `sampler`) in a studio (`studio`).

`make_song` is the one function training needs: song `index` of a split with everything known
about it, in about a second of one core, from nothing but the package and a kit. Song `i` of a
split is the same on every machine with the same kit.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from stembridge.dataset.annotated import AnnotatedSong, save_song
from stembridge.dataset.band import compose_band
from stembridge.dataset.compose import song_seed
from stembridge.dataset.kit import Instrument, Kit
from stembridge.dataset.sampler import PartPlayer
from stembridge.dataset.song import STEMS, Song
from stembridge.dataset.studio import as_heard, record
from stembridge.musical_time import beats_to_samples

REAL_SHARE = 0.75  # of stems whose timbre some real instrument has
_DETUNED = 0.5
_DETUNE_CENTS = 50.0


def make_song(
    split: str,
    index: int,
    kit: Kit,
    *,
    rate: int = 44100,
    length_s: float = 24.0,
    style: str | None = None,
) -> AnnotatedSong:
    """Composes, plays and records one song.

    Args:
        split: "train", "validation" or "test"; the last draws from held-out charts and drummers.
        index: number of the song in its split.
        kit: instruments; see `stembridge train kit`.
        rate: Hz.
        length_s: at least so long; whole bars.
        style: a name of `styles.STYLES`; drawn if None.
    """
    people = "held-out" if split == "test" else "train"
    song = compose_band(song_seed(split, index), people, style, length_s)
    return perform_on(song, kit, f"band-{split}-{index:05d}", rate)


def perform_on(song: Song, kit: Kit, name: str, rate: int) -> AnnotatedSong:
    """Plays and records a composed song."""
    rng = np.random.default_rng([song.seed, 72])
    cents = float(rng.uniform(-_DETUNE_CENTS, _DETUNE_CENTS)) if rng.random() < _DETUNED else 0.0
    n_samples = round(song.length_s * rate)
    dry, amps, names = {}, {}, {}
    for stem in STEMS:
        instrument = choose(kit, stem, song.programs[stem].timbre, rng)
        amps[stem] = instrument.timbres.get(song.programs[stem].timbre, "")
        names[stem] = instrument.name
        tuned = float(rng.uniform(-300, 300)) if stem == "drums" else cents
        player = PartPlayer(kit, instrument.name, rng, tuned)
        dry[stem] = player.play(song.parts[stem], song.bpm, n_samples, rate)
    wet = record(dry, amps, rate, rng)
    return AnnotatedSong(
        name=name, audio=np.stack([wet[stem] for stem in STEMS]), rate=rate, bpm=song.bpm,
        time_signature=song.time_signature, chords=song.chords, style=song.style,
        timbres=song.timbres, notes=song.parts, instruments=names,
    )  # fmt: skip


def choose(kit: Kit, stem: str, timbre: str, rng: np.random.Generator) -> Instrument:
    """An instrument with that timbre, a real one most often; any of the stem where none has it."""
    real, other = kit.for_timbre(stem, timbre)
    pool = real if real and (not other or rng.random() < REAL_SHARE) else other
    pool = pool or [i for i in kit.instruments.values() if i.stem == stem]
    return pool[int(rng.integers(len(pool)))]


def heard(song: AnnotatedSong) -> np.ndarray:
    """The song's stems `[S, n]` as a user's files of them might be (`studio.as_heard`)."""
    rng = np.random.default_rng([sum(map(ord, song.name)), 73])
    bar = 0
    if song.bpm is not None:
        bar = beats_to_samples(song.time_signature.beats_per_bar, song.bpm, song.rate)
    return as_heard(song.audio, song.rate, rng, bar)


_shared: list[Kit] = []  # what forked workers inherit


def _make_and_save(job: tuple[Path, str, int, int, float]) -> str:
    folder, split, index, rate, length_s = job
    song = make_song(split, index, _shared[0], rate=rate, length_s=length_s)
    save_song(song, folder)
    return song.name


def build(
    folder: Path,
    split: str,
    count: int,
    kit: Kit,
    *,
    rate: int = 44100,
    length_s: float = 24.0,
    workers: int = 1,
) -> Iterator[str]:
    """Makes songs 0..`count`-1 of a split in `folder`, yielding each name; skips finished ones."""
    jobs = [
        (folder, split, index, rate, length_s)
        for index in range(count)
        if not (folder / f"band-{split}-{index:05d}.json").exists()
    ]
    _shared[:] = [kit]
    if workers == 1:
        yield from map(_make_and_save, jobs)
        return
    kit.load()
    with ProcessPoolExecutor(workers, mp_context=get_context("fork")) as pool:
        yield from pool.map(_make_and_save, jobs, chunksize=4)

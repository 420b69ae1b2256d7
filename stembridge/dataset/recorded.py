"""Songs of a band (`band`) played on a kit's instruments (`kit`, `sampler`) in a studio (`studio`).

`make_song` makes song `index` of a split with everything known about it in about half a second of
one core, from nothing but the package and a kit. `KitSongs` is what the training run calls: two
songs of three are a band's, the third one of `compose` on the kit's General MIDI sounds, mixed as
ever, so that nothing the model could do is forgotten; most come with a voice that belongs to no
stem. Song `i` of a split is the same on every machine with the same kit.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from stembridge.dataset.annotated import AnnotatedSong, save_song
from stembridge.dataset.augment import Audio, mix_like
from stembridge.dataset.band import compose_band
from stembridge.dataset.compose import compose, song_seed
from stembridge.dataset.kit import Kit, KitInstrument
from stembridge.dataset.parts import STEP, Bar
from stembridge.dataset.sampler import PartPlayer
from stembridge.dataset.song import STEMS, Song
from stembridge.dataset.studio import as_heard, looped, record
from stembridge.dataset.synthetic import detune_cents
from stembridge.dataset.voice import sing, voice
from stembridge.musical_time import beats_to_samples

VOICE_SHARE, LOOP_SHARE, LOOP_BARS = 0.5, 0.1, 8
REAL_SHARE = 0.75  # of stems whose timbre some real instrument has
_UNKNOWN_BPM = 120.0
_DETUNED = 0.5
_DETUNE_CENTS = 18.0
_MOST_CENTS = 45.0  # nearer to a quarter tone nobody could say which semitone is meant


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
    drawn, off = rng.normal(0, _DETUNE_CENTS), rng.random() < _DETUNED
    cents = float(np.clip(drawn, -_MOST_CENTS, _MOST_CENTS)) if off else 0.0
    n_samples = round(song.length_s * rate)
    dry, amps, names, timbres = {}, {}, {}, {}
    for stem in STEMS:
        timbre = song.programs[stem].timbre
        instrument = choose(kit, stem, timbre, rng)
        timbres[stem] = timbre if timbre in instrument.timbres else next(iter(instrument.timbres))
        amps[stem] = instrument.timbres[timbres[stem]]
        names[stem] = instrument.name
        tuned = float(rng.uniform(-300, 300)) if stem == "drums" else cents
        player = PartPlayer(kit, instrument.name, rng, tuned)
        dry[stem] = player.play(song.parts[stem], song.bpm, n_samples, rate)
    wet = record(dry, amps, rate, rng)
    return _annotated(song, name, rate, wet, timbres, names)


def _annotated(
    song: Song, name: str, rate: int, stems: dict[str, Audio], timbres: dict[str, str],
    instruments: dict[str, str],
) -> AnnotatedSong:  # fmt: skip
    return AnnotatedSong(
        name=name, audio=np.stack([stems[stem] for stem in STEMS]), rate=rate, bpm=song.bpm,
        time_signature=song.time_signature, chords=song.chords, style=song.style,
        timbres=timbres, notes=song.parts, instruments=instruments,
    )  # fmt: skip


def choose(kit: Kit, stem: str, timbre: str, rng: np.random.Generator) -> KitInstrument:
    """An instrument with that timbre, a real one most often; any of the stem where none has it."""
    real, other = kit.for_timbre(stem, timbre)
    pool = real if real and (not other or rng.random() < REAL_SHARE) else other
    pool = pool or [i for i in kit.instruments.values() if i.stem == stem]
    return pool[int(rng.integers(len(pool)))]


@dataclass(frozen=True)
class KitSongs:
    """Songs for training by split and number; can be sent to other processes.

    Attributes:
        kit: a kit's folder; opened once a process.
        rate: Hz.
        length_s: at least so long.
    """

    kit: Path
    rate: int = 44100
    length_s: float = 24.0

    def __call__(self, split: str, index: int) -> tuple[AnnotatedSong, Audio | None]:
        """Song `index` of a split, and a voice `[n_samples]` that sings to it, or None."""
        kit = _opened(self.kit)
        if index % 3 == 2:
            composed = compose(song_seed(split, index), None, self.length_s)
            song = perform_general_midi(composed, kit, f"{split}-{index:05d}", self.rate)
        else:
            song = make_song(split, index, kit, rate=self.rate, length_s=self.length_s)
        rng = np.random.default_rng([song_seed(split, index), 75])
        song = loop_of(song) if rng.random() < LOOP_SHARE else song
        return song, voice_for(song, rng) if rng.random() < VOICE_SHARE else None


@cache
def _opened(folder: Path) -> Kit:
    return Kit(folder)


def perform_general_midi(song: Song, kit: Kit, name: str, rate: int) -> AnnotatedSong:
    """A song of `compose` on the kit's General MIDI sounds, mixed as `synthetic.perform` does."""
    n_samples = round(song.length_s * rate)
    rng, cents = np.random.default_rng([song.seed, 76]), detune_cents(song.seed)
    dry, names = {}, {}
    for stem in STEMS:
        _, sounds = kit.for_timbre(stem, song.programs[stem].timbre)
        sounds = sounds or [i for i in kit.instruments.values() if i.stem == stem]
        names[stem] = sounds[int(rng.integers(len(sounds)))].name
        player = PartPlayer(kit, names[stem], rng, 0.0 if stem == "drums" else cents)
        dry[stem] = player.play(song.parts[stem], song.bpm, n_samples, rate)
    mixed = mix_like(dry, rate, np.random.default_rng([song.seed, 8]))
    return _annotated(song, name, rate, mixed, song.timbres, names)


def voice_for(song: AnnotatedSong, rng: np.random.Generator) -> Audio:
    """A voice `[n_samples]` that sings to a song."""
    beats = song.time_signature.beats_per_bar
    bpm = song.bpm or _UNKNOWN_BPM
    length = song.audio.shape[1] / song.rate * bpm / 60
    bars = []
    for start in np.arange(0.0, length - 1e-6, beats):
        inside = [c for c in song.chords if start <= c.start_beats < start + beats]
        before = [c for c in song.chords if c.start_beats < start]
        sounding = inside or before[-1:]
        chords = [(max(0, round((c.start_beats - start) / STEP)), c.root or 0, c.symbol)
                  for c in sounding]  # fmt: skip
        if chords:
            chords[0] = (0, *chords[0][1:])
            bars.append(Bar(start, round(beats / STEP), chords, 0, "", 0.7))
    return voice(sing(bars, rng), bpm, song.audio.shape[1], song.rate, rng)


def heard(song: AnnotatedSong) -> np.ndarray:
    """The song's stems `[S, n]` as a user's files of them might be (`studio.as_heard`)."""
    rng = np.random.default_rng([sum(map(ord, song.name)), 73])
    return as_heard(song.audio, song.rate, rng)


def loop_of(song: AnnotatedSong, n_bars: int = LOOP_BARS) -> AnnotatedSong:
    """The song's first bars round and round, what rang beyond the loop's end cut off.

    Chords and notes go round with the sound; a song that is no longer than the loop stays.
    """
    beats = n_bars * song.time_signature.beats_per_bar
    length = beats_to_samples(beats, song.bpm or _UNKNOWN_BPM, song.rate)
    if length >= song.audio.shape[1]:
        return song
    rounds = range(-(-song.audio.shape[1] // length))
    notes = {stem: [n for n in part if n.start_beats < beats] for stem, part in song.notes.items()}
    return replace(
        song,
        audio=looped(song.audio, length),
        chords=tuple(
            replace(chord, start_beats=chord.start_beats + i * beats)
            for i in rounds for chord in song.chords if chord.start_beats < beats
        ),
        notes={
            stem: tuple(replace(n, start_beats=n.start_beats + i * beats) for i in rounds
                        for n in part)
            for stem, part in notes.items()
        },
    )  # fmt: skip


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

"""Every subset of the stems made for the rest, and all at once: partial and total generation.

The distance of a subset is sub-FAD's: between the true mixes and those in which the subset is made
and the rest is given (the idea is SingSong's; MSDM and MSLDM use it). Unlike theirs, the true mixes
are those of the same songs. Beside what was made stand the true stems through the codec alone, and
the true stems of another song. Sounds are the model's own, at the level serving gives them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from stembridge.audio.resample import fit_length, resample
from stembridge.dataset.annotated import AnnotatedSong
from stembridge.evaluation import pairs
from stembridge.evaluation.embedding_file import Embedding
from stembridge.evaluation.heldout import (
    LENGTH_S,
    Trial,
    song_for,
    sounds_throughout,
    take_of,
)
from stembridge.evaluation.songs import Songs
from stembridge.inference import codec
from stembridge.pool.jobs import Crew, run_jobs
from stembridge.runtime.model import StemModel

Audio = NDArray[np.float32]
Matrix = NDArray[np.float64]
Stems = Mapping[str, Audio]

MADE, CODEC, OTHER, TRUE = "made", "codec alone", "another song's", "true"
_GROUP = 2  # songs that one process takes at a time

Subset = tuple[str, ...]


@dataclass(frozen=True)
class SongTakes:
    """What remains of one song's takes; keys are subjects, then subsets or stems.

    Attributes:
        mixes: vectors of mixes `[N, E]`; the true one under the whole subset.
        alone: vectors of single stems, of all made at once, and of each made for the rest (RESTED).
        pairs: `pair3` vectors of what was made and what was given.
        beats: their beat agreements.
        seconds: subset -> seconds and processor seconds for 12 s.
    """

    mixes: dict[tuple[str, Subset], Matrix] = field(default_factory=dict)
    alone: dict[tuple[str, str], Matrix] = field(default_factory=dict)
    pairs: dict[tuple[str, Subset], Matrix] = field(default_factory=dict)
    beats: dict[tuple[str, Subset], list[float | None]] = field(default_factory=dict)
    seconds: dict[Subset, tuple[float, float]] = field(default_factory=dict)


RESTED = "made for the rest"


@dataclass(frozen=True)
class _Task:
    songs: Songs
    numbers: range
    trial: Trial
    embedding: Embedding
    seed: int


def subsets_of(stems: Subset) -> list[Subset]:
    """All but the empty one, small ones first; the last is the whole."""
    return [one for size in range(1, len(stems) + 1) for one in combinations(stems, size)]


def evaluate_subsets(
    opener: Callable[[], StemModel],
    songs: Songs,
    trial: Trial,
    embedding: Embedding,
    *,
    seed: int = 0,
    crew: Crew | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Iterator[SongTakes]:
    """Makes and measures all subsets for every song in which all of the model's stems sound.

    Args:
        opener: opens the artifact.
        songs: held-out songs at the model's rate.
        trial: how stems are made.
        embedding: what sounds are compared by.
        seed: of the noise.
        crew: who works; None is this process.
        say: told the progress.
    """
    every = range(len(songs))
    groups = [every[first : first + _GROUP] for first in every[::_GROUP]]
    tasks = [_Task(songs, group, trial, embedding, seed) for group in groups]
    for task, more in zip(tasks, run_jobs(_group, tasks, opener, crew), strict=True):
        say(f"{task.numbers.stop} of {len(songs)} songs")
        yield from more


def _group(model: StemModel, task: _Task) -> list[SongTakes]:
    # One more than the group: each song lends its stems to the one before it.
    numbers = [*task.numbers, task.numbers.stop % len(task.songs)]
    songs = [song_for(model.manifest, task.songs[number]) for number in numbers]
    return [
        _measured(model, song, other, task, task.seed * 100_003 + number)
        for number, (song, other) in zip(task.numbers, pairwise(songs), strict=False)
        if sounds_throughout(song)
    ]


def _measured(
    model: StemModel, song: AnnotatedSong, other: AnnotatedSong, task: _Task, seed: int
) -> SongTakes:
    length = song.audio.shape[1]
    true = dict(zip(song.stems, song.audio, strict=True))
    sounds: dict[str, Stems] = {
        CODEC: {s: codec.decode(model, s, codec.encode(model, s, a), length)
                for s, a in true.items()},
        OTHER: {s: fit_length(other.stem(s), length) for s in song.stems},
        TRUE: true,
    }  # fmt: skip
    measure = _Measure(song, task.embedding)
    whole = tuple(song.stems)
    for subject in (CODEC, TRUE):
        measure.alone(subject, sounds[subject])
    measure.mix(TRUE, whole, true)
    for subset in subsets_of(whole):
        took, made = made_for(model, song, subset, task.trial, seed)
        measure.found.seconds[subset] = took
        for subject, stems in {MADE: made, **sounds}.items():
            if subject != TRUE:
                measure.mix(subject, subset, {**true, **{s: stems[s] for s in subset}})
            if subject != CODEC:
                measure.pair(subject, subset, stems)
        if subset == whole or len(subset) == 1:
            measure.alone(MADE if subset == whole else RESTED, made)
    return measure.found


def made_for(
    model: StemModel, song: AnnotatedSong, subset: Subset, trial: Trial, seed: int
) -> tuple[tuple[float, float], dict[str, Audio]]:
    """Seconds and processor seconds for 12 s of music, and the stems at the song's level."""
    began_s, worked_s = time.perf_counter(), time.process_time()
    take, context = take_of(model, song, subset, trial, seed)
    share = LENGTH_S / (song.audio.shape[1] / song.rate)
    took = (time.perf_counter() - began_s) * share, (time.process_time() - worked_s) * share
    return took, {s: take.stems[s] / np.float32(context.gain) for s in subset}


class _Measure:
    """Collects what is measured on one song; `found` is what was."""

    def __init__(self, song: AnnotatedSong, embedding: Embedding) -> None:
        self.found = SongTakes()
        self._rate, self._of = song.rate, embedding.of
        self._true = dict(zip(song.stems, song.audio, strict=True))
        # Contexts and true stems come again and again.
        self._heard: dict[Subset, pairs.Listened] = {}

    def mix(self, subject: str, subset: Subset, stems: Stems) -> None:
        mixture = np.sum(list(stems.values()), axis=0)
        self.found.mixes[subject, subset] = self._of(mixture, self._rate)

    def alone(self, subject: str, stems: Stems) -> None:
        for stem, audio in stems.items():
            self.found.alone[subject, stem] = self._of(audio, self._rate)

    def pair(self, subject: str, subset: Subset, stems: Stems) -> None:
        """What was made beside what was given; of all at once, each stem beside the others."""
        if len(subset) < len(self._true):
            given = tuple(s for s in self._true if s not in subset)
            both = [(self._true_part(given), self._part(subject, subset, stems))]
        else:
            both = list(self._each_beside_the_rest(subject, stems))
        if both:
            rows = [pairs.pair_vectors(*pair) for pair in both]
            self.found.pairs[subject, subset] = np.concatenate(rows)
            self.found.beats[subject, subset] = [pairs.beat_agreement(*pair) for pair in both]

    def _each_beside_the_rest(
        self, subject: str, stems: Stems
    ) -> Iterator[tuple[pairs.Listened, pairs.Listened]]:
        """Stems of another song stand beside the true rest: nothing of it was made together."""
        for stem in stems if len(stems) > 1 else ():
            rest = tuple(s for s in stems if s != stem)
            beside = self._part(TRUE if subject == OTHER else subject, rest, stems)
            yield beside, self._part(subject, (stem,), stems)

    def _part(self, subject: str, subset: Subset, stems: Stems) -> pairs.Listened:
        if subject == TRUE:
            return self._true_part(subset)
        return self._listen({s: stems[s] for s in subset})

    def _true_part(self, subset: Subset) -> pairs.Listened:
        if subset not in self._heard:
            self._heard[subset] = self._listen({s: self._true[s] for s in subset})
        return self._heard[subset]

    def _listen(self, stems: Stems) -> pairs.Listened:
        mixture = np.sum(list(stems.values()), axis=0)
        return pairs.listen(resample(mixture, self._rate, pairs.RATE))

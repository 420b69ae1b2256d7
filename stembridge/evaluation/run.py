"""Evaluates an artifact on held-out songs: every stem given the other three.

What is compared with the true stem: the model's stem; the codec's own round trip of the truth
(the ceiling); and, as a baseline that knows nothing, the true stem of another song (retrieval).

Songs go through in groups, and a group leaves only figures behind, so memory does not grow with
the number of songs; groups may be shared by several processes. Nothing depends on which group a
song is in: a take's noise comes from the song's number.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stembridge.dataset.annotated import AnnotatedSong
from stembridge.evaluation.embedding import embeddings
from stembridge.evaluation.figures import StemFigures, measure
from stembridge.evaluation.heldout import Trial, cut, request_of, take_of
from stembridge.evaluation.parts import PartFigures, perform
from stembridge.evaluation.songs import Songs
from stembridge.inference import codec
from stembridge.pipeline.generate import Take
from stembridge.pool.jobs import Crew, run_jobs
from stembridge.runtime.model import StemModel

Array = NDArray[np.float32]
Say = Callable[[str], None]

GROUP = 4  # songs that one process takes at a time


@dataclass(frozen=True)
class StemRow:
    """What remains of one stem of one song.

    Attributes:
        song: its name.
        figures: subject -> its figures; subjects are "generated", "played" by an instrument,
            "ceiling", "truth", "retrieval".
        embeddings: subject -> vectors `[N, E]`.
        moments: of the generated and of the true latents: mean and mean square over time,
            `[2, 2, C]`; None where nothing was generated.
        seconds_per_audio_second: of hearing the context, generating and decoding; None
            likewise.
        level_gain_db: by how much serving moved the take to its role's loudness; None likewise.
        part: figures of the take's notes, where the model reads them.
        example: generated (or ceiling) and true audio, where kept.
    """

    song: str
    figures: dict[str, StemFigures]
    embeddings: dict[str, NDArray[np.float64]]
    moments: NDArray[np.float64] | None = None
    seconds_per_audio_second: float | None = None
    level_gain_db: float | None = None
    part: PartFigures | None = None
    example: tuple[Array, Array] | None = None


Results = dict[str, list[StemRow]]


@dataclass(frozen=True)
class _GroupTask:
    """A group of songs by number, and what to do with them."""

    songs: Songs
    numbers: range
    trial: Trial
    seed: int
    n_examples: int


def evaluate(
    opener: Callable[[], StemModel],
    songs: Songs,
    trial: Trial,
    *,
    seed: int = 0,
    n_examples: int = 3,
    crew: Crew | None = None,
    say: Say = lambda text: None,
) -> Results:
    """Generates and measures every stem of every song; stem -> a row for each song it plays in.

    Args:
        opener: opens the artifact.
        songs: held-out songs at the model's rate, at least one window long.
        trial: sampler, conditions.
        seed: of the noise.
        n_examples: songs whose audio is kept for the report.
        crew: who works; None is this process.
        say: told the progress.
    """
    every = range(len(songs))
    groups = [every[first : first + GROUP] for first in every[::GROUP]]
    tasks = [_GroupTask(songs, group, trial, seed, n_examples) for group in groups]
    results: Results = {}
    for task, rows in zip(tasks, run_jobs(_evaluate_group, tasks, opener, crew), strict=True):
        for stem, its in rows.items():
            results.setdefault(stem, []).extend(its)
        say(f"{task.numbers.stop} of {len(songs)} songs")
    return results


def _evaluate_group(model: StemModel, task: _GroupTask) -> Results:
    n_samples = model.manifest.window_frames * model.manifest.hop
    # One more than the group: each song lends its stems and chords to the one before it.
    numbers = [*task.numbers, task.numbers.stop % len(task.songs)]
    songs = [cut(task.songs[number], n_samples) for number in numbers]
    rows: Results = {}
    for number, (song, other) in zip(task.numbers, pairwise(songs), strict=True):
        for stem, audio in zip(song.stems, song.audio, strict=True):
            if np.abs(audio).max() >= 1e-3:  # else it rests: there is nothing to agree with
                rows.setdefault(stem, []).append(_row(model, stem, song, other, task, number))
    return rows


def _row(
    model: StemModel,
    stem: str,
    song: AnnotatedSong,
    other: AnnotatedSong,
    task: _GroupTask,
    number: int,
) -> StemRow:
    """Everything about one stem of one song; `other` lends the retrieval and the control."""
    truth = song.stem(stem)
    latents = codec.encode(model, stem, truth)
    heard: dict[str, Array] = {}
    row = StemRow(song.name, {}, {})
    if not task.trial.ceiling_only:
        started = time.perf_counter()
        seed = task.seed * 100_003 + number
        take, context = take_of(model, song, (stem,), task.trial, seed)
        spent = (time.perf_counter() - started) / (truth.size / song.rate)
        if stem in take.sounds:
            heard["generated"] = take.stems[stem] / np.float32(context.gain)
            row = replace(row, level_gain_db=take.sounds[stem].levelled_db)
        if stem in model.manifest.note_readers:
            request = request_of(song, (stem,), task.trial, seed)
            served = _served(take, model, song, stem, task.trial, seed)
            part, heard["played"] = perform(model, served, request, song, context.gain, latents)
            row = replace(row, part=part)
        made = take.latents[model.manifest.stem_index(stem)]
        row = replace(
            row,
            moments=np.stack([_moments(made), _moments(latents)]),
            seconds_per_audio_second=spent,
        )
    if not task.trial.played_only:
        heard["ceiling"] = codec.decode(model, stem, latents, truth.size)
    borrowed = other.stem(stem) if stem in other.stems else np.zeros_like(truth)
    subjects = {**heard, "truth": truth, "retrieval": borrowed}
    return replace(
        row,
        figures={subject: measure(sound, song, stem, other) for subject, sound in subjects.items()},
        embeddings={subject: embeddings(sound, song.rate) for subject, sound in subjects.items()},
        example=(next(iter(heard.values())), truth) if number < task.n_examples else None,
    )


def _served(
    take: Take, model: StemModel, song: AnnotatedSong, stem: str, trial: Trial, seed: int
) -> Take:
    """The take that notes are read in: sound may be sampled otherwise, see `shifted`."""
    if trial.played_only or model.manifest.habit("partial").shift.get(stem, 1.0) == 1:
        return take
    return take_of(model, song, (stem,), replace(trial, played_only=True), seed)[0]


def _moments(latents: Array) -> NDArray[np.float64]:
    """Mean and mean square over time of latents `[C, F]`: `[2, C]`."""
    wide = latents.astype(np.float64)
    return np.stack([wide.mean(-1), (wide**2).mean(-1)])

"""Evaluates an artifact on held-out songs: every stem given the other three.

What is compared with the true stem: the model's stem; the codec's own round trip of the truth
(the ceiling); and, as a baseline that knows nothing, the true stem of another song (retrieval).

Songs go through in groups, and a group leaves only figures behind, so memory does not grow with
the number of songs; groups may be shared by several processes. Nothing depends on which group a
song is in: a take's noise comes from the song's number.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stembridge.audio.loudness import decibels, peak
from stembridge.dataset.annotated import AnnotatedSong
from stembridge.dataset.song import STEMS
from stembridge.evaluation.embedding import embeddings
from stembridge.evaluation.figures import StemFigures, measure
from stembridge.evaluation.heldout import (
    Setting,
    conditions_of,
    cut,
    decode_all,
    encode_all,
    generate_latents,
)
from stembridge.evaluation.songs import Songs
from stembridge.evaluation.workers import Opener, run_jobs
from stembridge.pipeline.level import level_stem
from stembridge.runtime.model import StemModel

Array = NDArray[np.float32]
Say = Callable[[str], None]

GROUP = 4  # songs that go through the network together


@dataclass(frozen=True)
class StemRow:
    """What remains of one stem of one song.

    Attributes:
        song: its name.
        figures: subject -> its figures; subjects are "generated", "ceiling", "truth", "retrieval".
        embeddings: subject -> vectors `[N, E]`.
        moments: of the generated and of the true latents: mean and mean square over time,
            `[2, 2, C]`; None where nothing was generated.
        seconds_per_audio_second: of generating and decoding; None likewise.
        level_gain_db: by how much serving moved the take to its role's loudness; None likewise.
        example: generated (or ceiling) and true audio, where kept.
    """

    song: str
    figures: dict[str, StemFigures]
    embeddings: dict[str, NDArray[np.float64]]
    moments: NDArray[np.float64] | None = None
    seconds_per_audio_second: float | None = None
    level_gain_db: float | None = None
    example: tuple[Array, Array] | None = None


Results = dict[str, list[StemRow]]


@dataclass(frozen=True)
class _Task:
    """A group of songs by number, and what to do with them."""

    songs: Songs
    numbers: range
    setting: Setting
    seed: int
    n_examples: int


def evaluate(
    opener: Opener,
    songs: Songs,
    setting: Setting,
    *,
    seed: int = 0,
    n_examples: int = 3,
    workers: int = 1,
    say: Say = lambda text: None,
) -> Results:
    """Generates and measures every stem of every song; stem -> a row for each song it plays in.

    Args:
        opener: opens the artifact.
        songs: held-out songs at the model's rate, at least one window long.
        setting: sampler, conditions.
        seed: of the noise.
        n_examples: songs whose audio is kept for the report.
        workers: processes.
        say: told the progress.
    """
    every = range(len(songs))
    groups = [every[first : first + GROUP] for first in every[::GROUP]]
    tasks = [_Task(songs, group, setting, seed, n_examples) for group in groups]
    results: Results = {stem: [] for stem in STEMS}
    for task, rows in zip(tasks, run_jobs(opener, _evaluate_group, tasks, workers), strict=True):
        for stem in STEMS:
            results[stem] += rows[stem]
        say(f"{task.numbers.stop} of {len(songs)} songs")
    return results


def _evaluate_group(model: StemModel, task: _Task) -> Results:
    n_samples = model.manifest.window_frames * model.manifest.hop
    # One more than the group: each song lends its stems and chords to the one before it.
    numbers = [*task.numbers, task.numbers.stop % len(task.songs)]
    *group, last = (cut(task.songs[number], n_samples) for number in numbers)
    latents = encode_all(model, group)
    return {stem: _evaluate_stem(model, stem, [*group, last], latents, task) for stem in STEMS}


def _evaluate_stem(
    model: StemModel, stem: str, songs: Sequence[AnnotatedSong], latents: Array, task: _Task
) -> list[StemRow]:
    """Rows of one stem of all songs but the last, whose latents are `[B, S, C, F]`."""
    index = STEMS.index(stem)
    true = latents[:, index]
    n_samples = true.shape[-1] * model.manifest.hop
    sounds = {"ceiling": decode_all(model, stem, true)[:, :n_samples]}
    made, spent, gains_db = None, None, None
    if not task.setting.ceiling_only:
        started = time.perf_counter()
        made = _make(model, stem, songs[:-1], latents, task)
        raw = decode_all(model, stem, made)[:, :n_samples]
        served = np.stack([level_stem(audio, stem, model.manifest) for audio in raw])
        gains_db = [
            decibels(peak(b) / peak(a)) if peak(a) > 0 else 0.0
            for a, b in zip(raw, served, strict=True)
        ]
        sounds = {"generated": served} | sounds
        length_s = len(true) * n_samples / model.manifest.sample_rate
        spent = (time.perf_counter() - started) / length_s
    rows = []
    for i, (song, other) in enumerate(pairwise(songs)):
        if np.abs(song.audio[index]).max() < 1e-3:
            continue  # the song rests here: there is nothing to agree with
        moments = None if made is None else np.stack([_moments(made[i]), _moments(true[i])])
        heard = {subject: sound[i] for subject, sound in sounds.items()}
        row = _row(stem, song, other, heard, keep=task.numbers[i] < task.n_examples)
        gain_db = None if gains_db is None else gains_db[i]
        rows.append(
            replace(row, moments=moments, seconds_per_audio_second=spent, level_gain_db=gain_db)
        )
    return rows


def _make(
    model: StemModel, stem: str, songs: Sequence[AnnotatedSong], latents: Array, task: _Task
) -> Array:
    """Generated latents `[B, C, F]` of a stem."""
    seeds = [task.seed * 100_003 + number for number in task.numbers]
    told = [
        conditions_of(model, song, its, stem, task.setting, seed)
        for song, its, seed in zip(songs, latents, seeds, strict=True)
    ]
    made = generate_latents(model, latents, np.stack(told), [stem], task.setting, seeds)
    return made[:, STEMS.index(stem)]


def _row(
    stem: str, song: AnnotatedSong, other: AnnotatedSong, heard: dict[str, Array], keep: bool
) -> StemRow:
    index = STEMS.index(stem)
    truth = song.audio[index]
    subjects = {**heard, "truth": truth, "retrieval": other.audio[index]}
    return StemRow(
        song.name,
        {subject: measure(sound, song, stem, other) for subject, sound in subjects.items()},
        {subject: embeddings(sound, song.rate) for subject, sound in subjects.items()},
        example=(next(iter(heard.values())), truth) if keep else None,
    )


def _moments(latents: Array) -> NDArray[np.float64]:
    """Mean and mean square over time of latents `[C, F]`: `[2, C]`."""
    wide = latents.astype(np.float64)
    return np.stack([wide.mean(-1), (wide**2).mean(-1)])

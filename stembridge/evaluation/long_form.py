"""Does a long take stay on the grid, and do its windows meet without seams?

Named cases of metre and tempo are composed at full length, every stem is generated given the
other three over the whole length in several windows, and its end is compared with its beginning:
the share of onsets on the sixteenth grid in the first and last two bars, and, because two bars
hold few onsets, in the first and last quarter of the bars; and how far the onsets' distance from
the grid drifts over the song (Theil-Sen slope, so that stray onsets count little).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stembridge.audio.onsets import detect_onsets, grid_report
from stembridge.dataset.annotated import AnnotatedSong
from stembridge.dataset.compose import compose, song_seed
from stembridge.dataset.synthetic import perform
from stembridge.diffusion.windows import Windows
from stembridge.evaluation.heldout import Trial, make
from stembridge.evaluation.run import Say
from stembridge.evaluation.seams import seam_figures
from stembridge.evaluation.statistics import estimates
from stembridge.inference import codec, windows_of
from stembridge.pool.jobs import Crew, run_jobs
from stembridge.runtime.model import StemModel

Audio = NDArray[np.float32]

SUBJECTS = ("generated", "ceiling", "truth")
_STEP_BEATS, _FEW_ONSETS = 0.25, 16
_FIRST_SONG = 10_000  # of the test split: none of the other figures' songs


@dataclass(frozen=True)
class Case:
    """A kind of long song: style, metre, tempo and length in bars."""

    style: str
    metre: str
    bpm: float
    n_bars: int

    def __str__(self) -> str:
        """Its name in reports."""
        return f"{self.metre} at {self.bpm:g} bpm ({self.style}), {self.n_bars} bars"


CASES = tuple(
    Case(style, metre, bpm, n_bars)
    for style, metre, bpm in (("odd", "7/8", 174.0), ("waltz", "3/4", 174.0),
                              ("ballad", "4/4", 60.0), ("pop", "4/4", 120.0))
    for n_bars in (16, 32)
)  # fmt: skip


@dataclass(frozen=True)
class LongFigures:
    """One stem of one long song; shares are of onsets on the sixteenth grid, 0..1.

    Attributes:
        first_bars, last_bars: share in the first and in the last two bars.
        first_quarter, last_quarter: share in the first and in the last quarter of the bars.
        bars_change, quarter_change: last minus first.
        drift_ms: change of the onsets' offset from the grid over the song.
        seam_*: see `seams`.
    """

    first_bars: float | None
    last_bars: float | None
    first_quarter: float | None
    last_quarter: float | None
    bars_change: float | None
    quarter_change: float | None
    drift_ms: float | None
    seam_click_rank: float | None = None
    seam_jump_rank: float | None = None
    seam_shift_rank: float | None = None
    seam_click_ratio: float | None = None
    seam_jump_ratio: float | None = None
    seam_shift_ratio: float | None = None


LongRows = dict[str, dict[str, LongFigures]]
"""Stem -> subject -> figures of one song."""


@dataclass(frozen=True)
class _SongTask:
    case: Case
    soundfont: str
    trial: Trial
    seed: int
    number: int


def evaluate_long(
    opener: Callable[[], StemModel],
    n_songs: int,
    soundfont: str,
    trial: Trial,
    *,
    cases: Sequence[Case] = CASES,
    seed: int = 0,
    crew: Crew | None = None,
    say: Say = lambda text: None,
) -> dict[str, Any]:
    """Composes, generates and measures `n_songs` songs of every case, as JSON-able estimates.

    Returns:
        Name of the case, or "all" -> stem, or "all" -> subject -> figure -> estimate.
    """
    tasks = [
        _SongTask(case, soundfont, trial, seed, number)
        for case in cases for number in range(n_songs)
    ]  # fmt: skip
    rows: dict[str, list[LongRows]] = {}
    for task, found in zip(tasks, run_jobs(_evaluate_song, tasks, opener, crew), strict=True):
        rows.setdefault(str(task.case), []).append(found)
        say(f"{task.case}: song {task.number + 1} of {n_songs}")
    rows["all"] = [song for songs in list(rows.values()) for song in songs]
    return {name: _summary(songs) for name, songs in rows.items()}


def _evaluate_song(model: StemModel, task: _SongTask) -> LongRows:
    case = task.case
    seed = song_seed("test", _FIRST_SONG + task.number)
    composed = compose(seed, case.style, metre=case.metre, bpm=case.bpm, n_bars=case.n_bars)
    song = perform(composed, f"long-{task.number}", model.manifest.sample_rate, task.soundfont)
    return measure_long(model, song, case.n_bars, task.trial, seed + task.seed)


def measure_long(
    model: StemModel, song: AnnotatedSong, n_bars: int, trial: Trial, seed: int
) -> LongRows:
    """Generates each stem of a song of any length given the rest, and measures it."""
    rows: LongRows = {}
    for truth, stem in zip(song.audio, song.stems, strict=True):
        if np.abs(truth).max() < 1e-3:
            continue
        take, generated = make(model, song, stem, trial, seed)
        ceiling = codec.decode(model, stem, codec.encode(model, stem, truth), truth.size)
        joints = _joints(windows_of(model.manifest, take.conditions), take.latents.shape[-1])
        rows[stem] = {
            subject: _measure(sound, song, n_bars, model.manifest.hop, joints)
            for subject, sound in zip(SUBJECTS, (generated, ceiling, truth), strict=True)
        }
    return rows


def _joints(windows: Windows, n_frames: int) -> list[int]:
    """Frames where one window takes over from another: at its end, or amid their overlap."""
    return [
        (earlier.stop + later.start) // 2 if windows.together else earlier.stop
        for earlier, later in pairwise(windows.plan(n_frames))
    ]


def _measure(
    audio: Audio, song: AnnotatedSong, n_bars: int, hop: int, joints: Sequence[int]
) -> LongFigures:
    bpm = song.bpm or 120.0
    times = detect_onsets(audio, song.rate)
    bar_s = song.time_signature.beats_per_bar * 60 / bpm
    quarter = n_bars / 4

    def share(first_bar: float, last_bar: float) -> float | None:
        inside = times[(times >= first_bar * bar_s) & (times < last_bar * bar_s)]
        if not len(inside):
            return None
        return grid_report(inside, bpm, _STEP_BEATS, song.audio.shape[1] / song.rate).on_grid_share

    bars = share(0, 2), share(n_bars - 2, n_bars)
    quarters = share(0, quarter), share(n_bars - quarter, n_bars)
    seams = seam_figures(audio, song.rate, hop, joints)
    return LongFigures(
        *bars, *quarters, _change(*bars), _change(*quarters), drift_ms(times, bpm, n_bars * bar_s),
        **({} if seams is None else {f"seam_{name}": v for name, v in vars(seams).items()}),
    )  # fmt: skip


def _change(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def drift_ms(times_s: NDArray[np.float64], bpm: float, length_s: float) -> float | None:
    """How far the distance from the sixteenth grid moves over a song; None for few onsets."""
    if len(times_s) < _FEW_ONSETS:
        return None
    from scipy.stats import theilslopes

    step_s = _STEP_BEATS * 60 / bpm
    steps = times_s / step_s
    offsets_s = (steps - np.round(steps)) * step_s
    return float(theilslopes(offsets_s, times_s).slope * length_s * 1e3)


def _summary(songs: Sequence[LongRows]) -> dict[str, Any]:
    """Stem, or "all" -> subject -> figure -> estimate over songs (and stems)."""
    rows: dict[str, dict[str, list[LongFigures]]] = {}
    for song in songs:
        for stem, subjects in song.items():
            for subject, figures in subjects.items():
                for name in (stem, "all"):
                    rows.setdefault(name, {}).setdefault(subject, []).append(figures)
    return {
        stem: {subject: estimates(figures) for subject, figures in subjects.items()}
        for stem, subjects in rows.items()
    }

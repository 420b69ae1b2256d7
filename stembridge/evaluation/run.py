"""Evaluates an artifact on held-out songs: every stem given the other three.

What is compared with the true stem: the model's stem; the codec's own round trip of the truth
(the ceiling); and, as a baseline that knows nothing, the true stem of another song (retrieval).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stembridge.dataset.annotated import AnnotatedSong
from stembridge.dataset.song import STEMS
from stembridge.evaluation.figures import StemFigures, measure
from stembridge.evaluation.heldout import (
    Setting,
    batches,
    conditions_of,
    cut,
    encode_all,
    generate_latents,
)
from stembridge.evaluation.spectra import embeddings, frechet
from stembridge.evaluation.statistics import Estimate, estimate
from stembridge.runtime.model import StemModel

Array = NDArray[np.float32]
Say = Callable[[str], None]

SUBJECTS = ("generated", "ceiling", "truth", "retrieval")


@dataclass
class StemResults:
    """One stem over all songs: subject -> figures and audio per song, latents, time."""

    figures: dict[str, list[StemFigures]] = field(
        default_factory=lambda: {subject: [] for subject in SUBJECTS}
    )
    embeddings: dict[str, list[NDArray[np.float64]]] = field(
        default_factory=lambda: {subject: [] for subject in SUBJECTS}
    )
    latent_deviation: list[float] = field(default_factory=list)
    seconds_per_audio_second: list[float] = field(default_factory=list)
    examples: list[tuple[str, Array, Array]] = field(default_factory=list)


def evaluate(
    model: StemModel,
    songs: Sequence[AnnotatedSong],
    setting: Setting,
    *,
    seed: int = 0,
    n_examples: int = 3,
    say: Say = lambda text: None,
) -> dict[str, StemResults]:
    """Generates and measures every stem of every song.

    Args:
        model: the artifact.
        songs: held-out songs at the model's rate, at least one window long.
        setting: sampler, conditions.
        seed: of the noise.
        n_examples: songs whose audio is kept for the report.
        say: told the progress.
    """
    n_samples = model.manifest.window_frames * model.manifest.hop
    songs = [cut(song, n_samples) for song in songs if song.audio.shape[1] >= n_samples]
    results, done = {stem: StemResults() for stem in STEMS}, 0
    for group in batches(songs):
        latents = encode_all(model, group)
        told = [conditions_of(model, song, latents.shape[-1], setting) for song in group]
        conditions = np.stack(told)
        for stem in STEMS:
            seeds = [seed * 100_003 + done + i for i in range(len(group))]
            started = time.perf_counter()
            made = generate_latents(model, latents, conditions, [stem], setting, seeds)
            index = STEMS.index(stem)
            audio = model.decode(stem, made[:, index])[:, :n_samples]
            spent = (time.perf_counter() - started) / len(group)
            ceiling = model.decode(stem, latents[:, index])[:, :n_samples]
            _collect(results[stem], stem, songs, done, audio, ceiling, n_examples)
            results[stem].latent_deviation.append(_deviation(made[:, index], latents[:, index]))
            rate = model.manifest.sample_rate
            results[stem].seconds_per_audio_second.append(spent * rate / n_samples)
        done += len(group)
        say(f"{done} of {len(songs)} songs")
    return results


def _deviation(made: Array, true: Array) -> float:
    return float(made.std(axis=(0, 2)).mean() / true.std(axis=(0, 2)).mean())


def _collect(
    into: StemResults,
    stem: str,
    songs: Sequence[AnnotatedSong],
    first: int,
    audio: Array,
    ceiling: Array,
    n_examples: int,
) -> None:
    index = STEMS.index(stem)
    for i in range(len(audio)):
        song = songs[first + i]
        other = songs[(first + i + 1) % len(songs)]
        truth = song.audio[index]
        if np.abs(truth).max() < 1e-3:
            continue  # the song rests here: there is nothing to agree with
        subjects = {
            "generated": audio[i], "ceiling": ceiling[i], "truth": truth,
            "retrieval": other.audio[index],
        }  # fmt: skip
        for subject, sound in subjects.items():
            into.figures[subject].append(measure(sound, song, stem, other))
            into.embeddings[subject].append(embeddings(sound, song.rate))
        if len(into.examples) < n_examples:
            into.examples.append((song.name, audio[i], truth))


def summary(results: dict[str, StemResults]) -> dict[str, Any]:
    """All figures as JSON-able values: stem -> subject -> figure -> estimate."""
    return {stem: _stem_summary(stem, results) for stem in results}


def _stem_summary(stem: str, results: dict[str, StemResults]) -> dict[str, Any]:
    mine = results[stem]
    out: dict[str, Any] = {
        subject: {name: asdict(value) for name, value in _estimates(mine.figures[subject]).items()}
        for subject in SUBJECTS
    }
    real = np.concatenate(mine.embeddings["truth"])
    own = {s: frechet(np.concatenate(mine.embeddings[s]), real) for s in SUBJECTS if s != "truth"}
    made = np.concatenate(mine.embeddings["generated"])
    wrong = [
        frechet(made, np.concatenate(other.embeddings["truth"]))
        for name, other in results.items()
        if name != stem
    ]
    out["frechet_logmel40_1s"] = own | {"nearest_wrong_stem": min(wrong)}
    out["latent_deviation_ratio"] = float(np.mean(mine.latent_deviation))
    out["seconds_per_audio_second"] = float(np.mean(mine.seconds_per_audio_second))
    out["on_grid_share_of_ceiling"] = _ratio(out, "on_sixteenth")
    out["on_eighth_share_of_ceiling"] = _ratio(out, "on_eighth")
    out["onset_rate_of_truth"] = _ratio(out, "onsets_per_s", "truth")
    return out


def _ratio(out: dict[str, Any], figure: str, of: str = "ceiling") -> float:
    """NaN where one of the two has no value, because it was always silent, or is 0."""
    made, other = (out[subject].get(figure, {}).get("mean") for subject in ("generated", of))
    return float(made / other) if made is not None and other else float("nan")


def _estimates(rows: Sequence[StemFigures]) -> dict[str, Estimate]:
    result = {}
    for column in fields(StemFigures):
        values = [getattr(row, column.name) for row in rows]
        if any(value is not None for value in values):
            result[column.name] = estimate(values)
    return result

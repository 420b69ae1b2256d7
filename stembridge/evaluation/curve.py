"""Quality against steps: the same songs at several numbers of sampler steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stembridge.evaluation.summary import FRECHET

# Figure -> what it is called; the lines of the picture and the columns of the table.
FIGURES = {
    "on_grid_share_of_ceiling": "on-grid share, of the ceiling's",
    "onset_rate_of_truth": "onset rate, of the truth's",
    "root": "root",
    "in_chord": "in chord",
    "loudness_difference_lu": "loudness against the truth, LU",
    "latent_deviation_ratio": "latent deviation, of the truth's",
    "frechet": "Fréchet distance",
    "seconds": "seconds per stem",
}


def curve(
    steps: Sequence[int], figures_at: Callable[[int], Mapping[str, Any]], window_s: float
) -> dict[str, list[dict[str, Any]]]:
    """Stem -> a row of `FIGURES` (and "steps") for each number of steps, sorted.

    Args:
        steps: numbers of sampler steps.
        figures_at: `evaluation.summary.summary` at a number of steps.
        window_s: length of a take, for the time it takes.
    """
    rows: dict[str, list[dict[str, Any]]] = {}
    for count in sorted(set(steps)):
        for stem, values in figures_at(count).items():
            rows.setdefault(stem, []).append({"steps": count} | _row(values, window_s))
    return rows


def _row(values: Mapping[str, Any], window_s: float) -> dict[str, Any]:
    made = values["generated"]
    means = {name: made[name]["mean"] for name in FIGURES if name in made}
    ratios = {name: values[name] for name in FIGURES if isinstance(values.get(name), float)}
    return means | ratios | {
        "frechet": values[FRECHET]["generated"],
        "seconds": values["seconds_per_audio_second"] * window_s,
    }  # fmt: skip

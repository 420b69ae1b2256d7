"""From the rows of all songs to the figures of a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stembridge.evaluation.embedding import NAME, frechet
from stembridge.evaluation.run import Results, StemRow
from stembridge.evaluation.statistics import estimate, estimates

Matrix = NDArray[np.float64]

SUBJECTS = ("generated", "played", "ceiling", "truth", "retrieval")
FRECHET = f"frechet_{NAME}"
_TREBLE_DB = -70.0  # power above 10 kHz below this share of all is not heard


def summary(results: Results) -> dict[str, Any]:
    """All figures as JSON-able values: stem -> subject -> figure -> estimate."""
    return {stem: _stem_summary(stem, results) for stem, rows in results.items() if rows}


def _stem_summary(stem: str, results: Results) -> dict[str, Any]:
    rows = results[stem]
    present = [subject for subject in SUBJECTS if subject in rows[0].figures]
    out: dict[str, Any] = {}
    for subject in present:
        out[subject] = estimates([row.figures[subject] for row in rows])
    out[FRECHET] = frechet_distances(stem, results)
    out["ceiling_treble_difference_db"] = _treble(rows) if "ceiling" in present else None
    if rows[0].part is not None:
        out["part"] = estimates([row.part for row in rows if row.part is not None])
        out["notes_per_s_of_truth"] = _of_truth(out["part"])
    if "played" in present:
        out["played_offset_beyond_truth_ms"] = _beyond_truth(rows, "played", "offset_ms")
        out["played_rise_beyond_truth_ms"] = _beyond_truth(rows, "played", "rise_ms")
    if rows[0].moments is not None:
        out["latent_deviation_ratio"] = _deviation_ratio(rows)
    if "generated" in present:
        out["seconds_per_audio_second"] = float(
            np.mean([row.seconds_per_audio_second or 0.0 for row in rows])
        )
        out["level_gain_db"] = float(np.mean([row.level_gain_db or 0.0 for row in rows]))
        out["on_grid_share_of_ceiling"] = _ratio(out, "on_sixteenth")
        out["on_eighth_share_of_ceiling"] = _ratio(out, "on_eighth")
        out["onset_rate_of_truth"] = _ratio(out, "onsets_per_s", "truth")
        out["offset_beyond_truth_ms"] = _beyond_truth(rows, "generated", "offset_ms")
    return out


def _of_truth(part: dict[str, Any]) -> float:
    made, true = (part[name]["mean"] for name in ("notes_per_s", "notes_per_s_truth"))
    return float(made / true) if true else float("nan")


def frechet_distances(stem: str, results: Results) -> dict[str, float]:
    """Distances to the true stem, of every subject and of what tells their scale.

    `nearest_wrong_stem` is from the best subject (generated, else ceiling) to the other stems'
    true sound; `truth_halves` between the odd and the even songs of the true stem: as near as
    different music by the same instruments comes with half the songs.
    """
    rows = results[stem]
    real = _pooled(rows, "truth")
    subjects = [subject for subject in SUBJECTS if subject in rows[0].figures]
    distances = {s: frechet(_pooled(rows, s), real) for s in subjects if s != "truth"}
    wrong = (_pooled(others, "truth") for name, others in results.items() if name != stem)
    ours = _pooled(rows, subjects[0])
    distances["nearest_wrong_stem"] = min(frechet(ours, other) for other in wrong)
    distances["truth_halves"] = frechet(_pooled(rows[::2], "truth"), _pooled(rows[1::2], "truth"))
    return distances


def _pooled(rows: Sequence[StemRow], subject: str) -> Matrix:
    return np.concatenate([row.embeddings[subject] for row in rows])


def _treble(rows: Sequence[StemRow]) -> dict[str, float] | None:
    """How much more treble the ceiling has than the truth, dB; None where the truth has none."""
    pairs = [(row.figures["ceiling"].treble_db, row.figures["truth"].treble_db) for row in rows]
    differences = [ceiling - truth for ceiling, truth in pairs if truth > _TREBLE_DB]
    return asdict(estimate(differences)) if differences else None


def _deviation_ratio(rows: Sequence[StemRow]) -> float:
    """Mean over channels of the latents' deviation over all songs, generated against true."""
    means, squares = np.mean(
        [row.moments for row in rows if row.moments is not None], axis=0
    ).swapaxes(0, 1)
    made, true = np.sqrt(np.maximum(squares - means**2, 0.0)).mean(-1)
    return float(made / true)


def _beyond_truth(rows: Sequence[StemRow], subject: str, figure: str) -> float | None:
    """Median over songs of made minus true figure: an instrument's own slow attack is in both."""
    pairs = [
        (getattr(row.figures[subject], figure), getattr(row.figures["truth"], figure))
        for row in rows
    ]
    both = [made - true for made, true in pairs if made is not None and true is not None]
    return float(np.median(both)) if both else None


def _ratio(out: dict[str, Any], figure: str, of: str = "ceiling") -> float:
    """NaN where one of the two has no value, because it was always silent, or is 0."""
    made, other = (out[subject].get(figure, {}).get("mean") for subject in ("generated", of))
    return float(made / other) if made is not None and other else float("nan")

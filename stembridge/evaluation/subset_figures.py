"""Takes of all subsets as figures: distances, agreement of pairs, seconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stembridge.evaluation import pairs
from stembridge.evaluation.embedding import frechet
from stembridge.evaluation.embedding_file import Embedding
from stembridge.evaluation.subsets import (
    CODEC,
    MADE,
    OTHER,
    RESTED,
    TRUE,
    SongTakes,
    Subset,
    subsets_of,
)

Matrix = NDArray[np.float64]
Figures = dict[str, Any]

ALL = "all"


def label(subset: Subset, stems: Subset) -> str:
    """`BD` for bass and drums, `all` for every stem; whole names where initials are the same."""
    if subset == stems:
        return ALL
    apart = len({stem[0] for stem in stems}) == len(stems)
    return "".join(s[0].upper() for s in subset) if apart else "+".join(subset)


def subset_figures(found: Sequence[SongTakes], embedding: Embedding, stems: Subset) -> Figures:
    """JSON-able figures of takes of at least two songs; None where there is nothing to tell."""
    subsets = subsets_of(stems)
    name = {subset: label(subset, stems) for subset in subsets}
    true = [one.mixes[TRUE, stems] for one in found]
    parts = [subset for subset in subsets if subset != stems]
    mixes = {name[s]: _distances(found, s, _joined(true), whole=s == stems) for s in subsets}
    return {
        "songs": len(found),
        "embedding": embedding.words,
        "distance": embedding.distance,
        "vectors": len(_joined(true)),
        "true_halves": _rounded(frechet(_joined(true[::2]), _joined(true[1::2]))),
        "mixes": mixes,
        "mean_of_partial": {
            subject: _mean(mixes[name[subset]][subject] for subset in parts)
            for subject in (MADE, CODEC, OTHER)
        },
        "stems": {stem: _stem_distances(found, stem) for stem in stems},
        "pairs": {name[s]: _agreement(found, s) for s in subsets if (MADE, s) in found[0].pairs},
        "seconds": {name[s]: _seconds(found, s) for s in subsets},
    }


def _distances(found: Sequence[SongTakes], subset: Subset, true: Matrix, *, whole: bool) -> Figures:
    # All stems of other songs are the same songs again.
    return {
        subject: _rounded(frechet(_joined(one.mixes[subject, subset] for one in found), true))
        for subject in (MADE, CODEC, *(() if whole else (OTHER,)))
    }


def _stem_distances(found: Sequence[SongTakes], stem: str) -> Figures:
    true = _joined(one.alone[TRUE, stem] for one in found)
    subjects = [s for s in (MADE, RESTED, CODEC) if (s, stem) in found[0].alone]
    return {
        subject: _rounded(frechet(_joined(one.alone[subject, stem] for one in found), true))
        for subject in subjects
    }


def _agreement(found: Sequence[SongTakes], subset: Subset) -> Figures:
    vectors = {
        subject: _joined(one.pairs[subject, subset] for one in found)
        for subject in (MADE, TRUE, OTHER)
    }
    beats = {
        subject: _mean(value for one in found for value in one.beats[subject, subset])
        for subject in vectors
    }
    adherence = pairs.adherence(vectors[MADE], vectors[TRUE], vectors[OTHER])
    return {
        "apa": None if adherence is None else _rounded(adherence),
        "beats": beats,
        **{
            name: {subject: _mean(rows[:, column]) for subject, rows in vectors.items()}
            for column, name in enumerate(pairs.FEATURES)
        },
    }


def _seconds(found: Sequence[SongTakes], subset: Subset) -> Figures:
    wall, processor = zip(*(one.seconds[subset] for one in found), strict=True)
    return {"wall": _rounded(float(np.median(wall))), "cpu": _rounded(float(np.median(processor)))}


def _joined(parts: Iterable[Matrix]) -> Matrix:
    return np.concatenate(list(parts))


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None and np.isfinite(value)]
    return _rounded(float(np.mean(known))) if known else None


def _rounded(value: float) -> float | None:
    return round(value, 3) if np.isfinite(value) else None

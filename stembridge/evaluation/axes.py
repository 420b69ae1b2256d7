"""Fits the embedding's axes on true stems: `python -m stembridge.evaluation.axes FOLDER [COUNT]`.

FOLDER holds rendered training songs (`stembridge train songs`). Fisher's discriminant analysis for
many classes (Rao 1948): the axes along which the timbres' means lie furthest apart, measured in
deviations within a timbre. A class is a stem with its timbre; every class weighs the same. The
within-class covariance of the standardised features gets a tenth of the identity added, so that
no axis lives on a feature that hardly varies (Friedman 1989).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from scipy.linalg import eigh

from stembridge.dataset.annotated import AnnotatedSong, load_song
from stembridge.evaluation.embedding import AXES_FILE, N_FEATURES, Axes, Matrix, features

_SHRINKAGE, _N_AXES = 0.1, 12
_FEW_SECONDS = 10  # a class needs more to have a covariance
_LENGTH_S = 12


def by_timbre(songs: Iterable[AnnotatedSong]) -> dict[tuple[str, str], Matrix]:
    """(stem, timbre) -> features `[N, 84]` of the songs' first 12 s."""
    rows: dict[tuple[str, str], list[Matrix]] = {}
    for song in songs:
        for stem, audio in zip(song.stems, song.audio[:, : _LENGTH_S * song.rate], strict=True):
            key = stem, song.timbres.get(stem, "")
            rows.setdefault(key, []).append(features(audio, song.rate))
    return {key: np.concatenate(parts) for key, parts in rows.items()}


def fit(classes: Iterable[Matrix], n_axes: int = _N_AXES) -> Axes:
    """The discriminant axes of classes of feature vectors."""
    enough = [rows for rows in classes if len(rows) > _FEW_SECONDS]
    every = np.concatenate(enough)
    mean, scale = every.mean(0), np.maximum(every.std(0), 1e-6)
    standard = [(rows - mean) / scale for rows in enough]
    within = np.mean([np.cov(rows, rowvar=False) for rows in standard], axis=0)
    between = np.cov([rows.mean(0) for rows in standard], rowvar=False)
    values, vectors = eigh(between, within + _SHRINKAGE * np.eye(N_FEATURES))
    best = vectors[:, np.argsort(values)[::-1][:n_axes]]
    return Axes(mean, best / scale[:, None])


def main(folder: Path, count: int) -> None:
    """Fits on the first `count` songs of a folder and replaces the stated axes."""
    axes = fit(
        by_timbre(load_song(path) for path in sorted(folder.glob("*.json"))[:count]).values()
    )
    np.savez(AXES_FILE, mean=axes.mean.astype(np.float32), matrix=axes.matrix.astype(np.float32))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 200)

"""A stated embedding of one second of an instrument, and the Fréchet distance in it.

`timbre12`: 84 features of every sounding second, and the 12 linear discriminant axes of them that
tell the true training stems' timbres apart best, whitened within a timbre (Rao 1948), so that a
distance of 1 is one deviation among seconds of the same timbre. The features are

- mean and deviation over time of 32 log-mel bands, floored 50 dB below an average stem;
- flatness of the spectrum in 8 octaves (geometric against arithmetic mean): harmonic or noise;
- in 6 bands of a 12 ms window: RMS rise over 6 ms (attacks) and mean fall over 41 ms (decay).

Seconds quieter than -64 dBFS are left out: silence is another figure. The axes were fitted on true
stems only (see `axes`) and know no model. The distance follows FID (Heusel et al. 2017) and FAD
(Kilgour et al. 2019), and is not comparable with VGGish or CLAP figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stembridge.evaluation.spectra import LEVEL_FLOOR_DB, log_mel_db, magnitudes, mel_bands

Audio = NDArray[np.float32]
Matrix = NDArray[np.float64]

NAME = "timbre12"
N_FEATURES = 84
AXES_FILE = Path(__file__).with_name("timbre_axes.npz")

_QUIET = 10 ** (-64 / 20)  # RMS
_OCTAVES_HZ = (60, 120, 250, 500, 1000, 2000, 4000, 8000, 16000)
_RISE_LAG, _FALL_LAG = 2, 14  # frames of a quarter of a 12 ms window


@dataclass(frozen=True)
class Axes:
    """A linear map of features: `(features - mean) @ matrix`; mean `[84]`, matrix `[84, E]`."""

    mean: Matrix
    matrix: Matrix


@cache
def stated_axes() -> Axes:
    """The axes that come with stembridge."""
    with np.load(AXES_FILE) as file:
        return Axes(file["mean"].astype(np.float64), file["matrix"].astype(np.float64))


def embeddings(audio: Audio, rate: int) -> Matrix:
    """One vector for every sounding second, `[N, 12]`."""
    axes = stated_axes()
    return (features(audio, rate) - axes.mean) @ axes.matrix


def features(audio: Audio, rate: int) -> Matrix:
    """The features of every sounding second, `[N, 84]`; the axes expect 44,100 Hz."""
    n = 2 ** round(np.log2(rate * 0.0464))  # 2048 at 44,100 Hz
    slow = log_mel_db(audio, rate, n, n // 4)
    flat = _flatness_db(audio, rate, 2 * n)
    fast = _fast_db(audio, rate, n // 4)
    rows = []
    for second in range(len(audio) // rate):
        if np.sqrt(np.mean(audio[second * rate : (second + 1) * rate] ** 2)) < _QUIET:
            continue
        levels, flatness, quick = (
            frames[int(second * rate / hop) : int((second + 1) * rate / hop)]
            for frames, hop in ((slow, n // 4), (flat, n // 2), (fast, n // 16))
        )
        rows.append(
            np.concatenate([levels.mean(0), levels.std(0), flatness.mean(0), *_slopes(quick)])
        )
    return np.array(rows).reshape(len(rows), N_FEATURES)


def _flatness_db(audio: Audio, rate: int, n: int) -> Matrix:
    """Arithmetic over geometric mean of the power spectrum in each octave, dB, `[J, 8]`."""
    # Bins are narrower than bands: the same noise leaves less in each.
    power = magnitudes(audio, n, n // 4) ** 2 + 10 ** (LEVEL_FLOOR_DB / 10) / 30
    hz = np.fft.rfftfreq(n, 1 / rate)
    bands = [power[:, (hz >= low) & (hz < high)] for low, high in pairwise(_OCTAVES_HZ)]
    return np.stack(
        [10 * (np.log10(band.mean(1)) - np.log10(band).mean(1)) for band in bands], axis=1
    )


def _fast_db(audio: Audio, rate: int, n: int) -> Matrix:
    """Levels in 6 bands of a short window, dB, `[J, 6]`."""
    power = magnitudes(audio, n, n // 4) ** 2 @ mel_bands(n, rate, 6, 80.0)
    return 10 * np.log10(power + 10 ** (LEVEL_FLOOR_DB / 10))


def _slopes(levels: Matrix) -> tuple[Matrix, Matrix]:
    """RMS rise and mean fall of levels `[J, 6]`: each `[6]`."""
    rise = np.maximum(levels[_RISE_LAG:] - levels[:-_RISE_LAG], 0.0)
    fall = np.minimum(levels[_FALL_LAG:] - levels[:-_FALL_LAG], 0.0)
    return np.sqrt((rise**2).mean(0)), fall.mean(0)


def frechet(a: Matrix, b: Matrix) -> float:
    """Fréchet distance of the Gaussians fitted to two sets of vectors `[N, E]`.

    NaN where a set has fewer than two vectors.
    """
    if min(len(a), len(b)) < 2:
        return float("nan")
    mean = a.mean(0) - b.mean(0)
    cov_a, cov_b = (np.cov(x, rowvar=False) + 1e-6 * np.eye(x.shape[1]) for x in (a, b))
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    # tr (A B)^(1/2) = tr (A^(1/2) B A^(1/2))^(1/2), whose matrix is symmetric.
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ cov_b @ root), 0.0)).sum()
    return float(mean @ mean + np.trace(cov_a) + np.trace(cov_b) - 2 * cross)

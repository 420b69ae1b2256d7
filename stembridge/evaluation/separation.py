"""How well mixtures are taken apart: scale-invariant SDR beyond the mixture's own, in dB.

The protocol of MSDM (arXiv 2302.02257): windows of 4 s, one every 2 s, in which two stems or more
sound (RMS above -47 dBFS); no mean is removed. A window counts for the stems that sound in it;
MSDM's code counts silent ones as well, for which the measure says nothing. Mixtures are separated
from a file, as served, at the model's own rate.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.dataset.annotated import AnnotatedSong
from stembridge.evaluation.heldout import song_for
from stembridge.evaluation.songs import Songs
from stembridge.inference import codec
from stembridge.runtime.model import StemModel
from stembridge.separation import Mixture, in_parts, method_for, open_mixture, separator
from stembridge.separation.masked import Masked
from stembridge.separation.parts import Separate

Array = NDArray[np.float32]

WINDOW_S, HOP_S, SOUNDING_DBFS = 4.0, 2.0, -47.0
CEILING = "ceiling"
"""Masks of the true stems as the codecs hold them: what a perfect network would reach."""


def si_sdr(estimate: Array, reference: Array) -> float:
    """Scale-invariant signal-to-distortion ratio of `[n]`, dB."""
    estimate, reference = estimate.astype(np.float64), reference.astype(np.float64)
    scale = float(estimate @ reference) / (float(reference @ reference) + 1e-8)
    target = scale * reference
    error = estimate - target
    return 10 * float(np.log10((target @ target + 1e-8) / (error @ error + 1e-8)))


def improvements(made: Array, stems: Array, mixture: Array, rate: int) -> NDArray[np.float64]:
    """SI-SDR of separated stems beyond that of the mixture.

    Args:
        made: separated stems `[S, n]`.
        stems: the true ones.
        mixture: `[n]`.
        rate: Hz.

    Returns:
        `[windows, S]` dB, NaN for stems that do not sound there.
    """
    length, hop = round(WINDOW_S * rate), round(HOP_S * rate)
    least = 10 ** (SOUNDING_DBFS / 20)
    rows = []
    for start in range(0, stems.shape[1] - length + 1, hop):
        at = slice(start, start + length)
        sounding = np.sqrt(np.square(stems[:, at]).mean(1)) > least
        if sounding.sum() < 2:
            continue
        rows.append(
            [
                si_sdr(one[at], true[at]) - si_sdr(mixture[at], true[at]) if sounds else np.nan
                for one, true, sounds in zip(made, stems, sounding, strict=True)
            ]
        )
    return np.array(rows, np.float64).reshape(-1, len(stems))


def evaluate_separation(
    model: StemModel, songs: Songs, seed: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """Each method that the model can go, and the ceiling, on songs.

    Returns:
        The method's name -> mean dB of each stem and of all, number of windows, and seconds that a
        minute of sound took.
    """
    own = method_for(model.manifest, None)
    methods = [own] if own == "mask" else ["dirac", "gaussian"]
    found: dict[str, list[NDArray[np.float64]]] = {}
    took: dict[str, float] = {}
    length_s = 0.0
    for i in range(len(songs)):
        song = song_for(model.manifest, songs[i])
        length_s += song.audio.shape[1] / song.rate
        for method in [*methods, *([CEILING] if own == "mask" else [])]:
            began_s = time.monotonic()
            made = taken_apart(model, song, method, seed)
            took[method] = took.get(method, 0.0) + time.monotonic() - began_s
            rows = improvements(made, song.audio, song.audio.sum(0), song.rate)
            found.setdefault(method, []).append(rows)
        say(f"{i + 1} of {len(songs)} songs")
    return {
        method: _figures(rows, model.manifest.stems)
        | {"seconds_per_minute": round(60 * took[method] / length_s, 2)}
        for method, rows in found.items()
    }


def taken_apart(model: StemModel, song: AnnotatedSong, method: str, seed: int) -> Array:
    """The stems `[S, n]` of a song's mixture, in the model's order."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mix.wav"
        soundfile.write(path, song.audio.sum(0), song.rate, subtype="FLOAT")
        with open_mixture(str(path), model.manifest, AllowedRoots.anywhere()) as mixture:
            work: Separate
            if method == CEILING:
                work = _true_masks(model, song, mixture)
            else:
                work = separator(model, mixture, method, lambda stage, share: None, seed=seed)
            parts = [part.stems[:, 0] for part in in_parts(mixture.file, work)]
    return np.concatenate(parts, axis=-1)


def _true_masks(model: StemModel, song: AnnotatedSong, mixture: Mixture) -> Masked:
    gain = np.float32(mixture.gain)
    rows = [codec.encode(model, s, song.stem(s) * gain) for s in model.manifest.stems]
    return Masked(model, mixture, np.stack(rows), lambda share: None)


def _figures(rows: Sequence[NDArray[np.float64]], stems: Sequence[str]) -> dict[str, Any]:
    every = np.concatenate(rows)
    per_stem: Mapping[str, float] = {
        stem: round(float(np.nanmean(column)), 2)
        for stem, column in zip(stems, every.T, strict=True)
        if np.isfinite(column).any()
    }
    mean = float(np.nanmean(every)) if np.isfinite(every).any() else float("nan")
    return {"stems": dict(per_stem), "mean": round(mean, 2), "windows": len(every)}

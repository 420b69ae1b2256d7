"""Do stems that a model makes from nothing belong together? Systems of the papers side by side.

Takes of one window are made, told nothing. What is measured of each:

- its pairs: every stem beside the sum of the others, by `pair3` (harmony, onsets, level; see
  `pairs`), less the same stem beside the other stems of another take. That is 0 for stems made
  apart (ISLDM), however good each of them is;
- its mix, which MixLDM has too: the share of chroma in the best of twelve scales (`scale`), and how
  steady a pulse its attacks have (`pulse`);
- the distance of all mixes to true ones (Fréchet, `embedding`), and APA of all pairs (`pairs`).

True songs and true stems of different songs are the anchors. Powers of stems add up, so sums of
stems are heard as sums of what was heard of each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stembridge.audio.resample import resample
from stembridge.conditions import Conditions
from stembridge.diffusion.inpaint import Known
from stembridge.evaluation import pairs
from stembridge.evaluation.embedding import embeddings, frechet
from stembridge.evaluation.harmony import chromagram
from stembridge.evaluation.spectra import LEVEL_FLOOR_DB, magnitudes, mel_bands
from stembridge.evaluation.statistics import drawn_means, estimate, known_values
from stembridge.inference import codec, infer, settings_of
from stembridge.runtime.model import StemModel

Audio = NDArray[np.float32]
Matrix = NDArray[np.float64]

BATCH, DRAWS = 8, 4000
MEASURES = (*pairs.FEATURES, "scale", "pulse")
_EMBEDDING_RATE, _FRAME, _BAND_HZ = 44_100, 256, (60.0, 2000.0)
_MAJOR = np.isin(np.arange(12), (0, 2, 4, 5, 7, 9, 11)).astype(np.float64)
_SLOWEST_S, _FASTEST_S = 1.0, 0.25  # of a pulse
_TINY = 1e-9


class Heard:
    """What is heard of a sound, such that sums of sounds are sums of it.

    `chroma` `[J, 12]` and `bands` `[J', 32]` are powers.
    """

    def __init__(self, chroma: Matrix, bands: Matrix) -> None:
        self.chroma, self.bands = chroma, bands

    @classmethod
    def of(cls, audio: Audio, rate: int) -> Heard:
        """Of a sound `[n]`."""
        sound = np.asarray(resample(audio, rate, pairs.RATE), np.float32)
        bands = magnitudes(sound, 4 * _FRAME, _FRAME) ** 2
        bands = bands @ mel_bands(4 * _FRAME, pairs.RATE, 32, 40.0)
        return cls(chromagram(sound, pairs.RATE, _BAND_HZ), bands)

    def __add__(self, other: Heard) -> Heard:
        """Of both at once."""
        return Heard(self.chroma + other.chroma, self.bands + other.bands)

    def listened(self) -> pairs.Listened:
        """As pairs are compared by; without beats."""
        levels = 10 * np.log10(self.bands + 10 ** (LEVEL_FLOOR_DB / 10))
        return pairs.listened(levels, self.chroma, None)


Take = Sequence[Heard]


def summed(parts: Iterable[Heard]) -> Heard:
    """All at once."""
    first, *rest = parts
    return sum(rest, first)


def scale_share(mix: Heard) -> float:
    """Share of the chroma in the best of the twelve diatonic scales; white noise has .58."""
    chroma = mix.chroma.sum(0) ** 0.5
    return max(float(chroma @ np.roll(_MAJOR, k)) for k in range(12)) / float(chroma.sum() + _TINY)


def pulse(mix: Heard) -> float:
    """Greatest correlation of the attacks with themselves, delayed by a quarter to one second."""
    rises = mix.listened().rises
    rises = rises - rises.mean()
    per_s = pairs.RATE / _FRAME
    lags = range(round(_FASTEST_S * per_s), min(round(_SLOWEST_S * per_s), len(rises) // 2))
    found = [float(rises[lag:] @ rises[:-lag]) / (len(rises) - lag) for lag in lags]
    return max(found, default=0.0) / float(rises.var() + _TINY)


def made(
    model: StemModel, count: int, seed: int, steps: int | None, say: Callable[[str], None]
) -> list[Audio]:
    """Takes of one window, told nothing: each `[S, n]` at the model's rate."""
    manifest = model.manifest
    frames, takes = manifest.window_frames, []
    settings = settings_of(manifest, steps=steps)
    for first in range(0, count, BATCH):
        seeds = [seed * 100_003 + first + i for i in range(min(BATCH, count - first))]
        shape = (len(seeds), manifest.n_stems, manifest.latent_channels, frames)
        nothing = Known(np.zeros(shape, np.float32), np.zeros((*shape[:2], frames), np.float32))
        told = Conditions(np.zeros((len(seeds), manifest.condition_channels, frames), np.float32))
        for latents in infer(model, told, nothing, settings, seeds):
            sounds = [
                codec.decode(model, stem, own, frames * manifest.hop)
                for stem, own in zip(manifest.stems, latents, strict=True)
            ]
            takes.append(np.stack(sounds))
        say(f"{len(takes)} of {count} takes")
    return takes


def pair_gain(takes: Sequence[Take]) -> tuple[list[Matrix], list[Matrix]]:
    """`pair3` of every take's stems beside its others `[N, 3]`, and beside another take's."""
    own: list[Matrix] = []
    foreign: list[Matrix] = []
    for take, other in zip(takes, [*takes[1:], takes[0]], strict=True):
        for rows, rest_of in ((own, take), (foreign, other)):
            found = [
                pairs.pair_vectors(
                    summed(h for j, h in enumerate(rest_of) if j != i).listened(), stem.listened()
                )
                for i, stem in enumerate(take)
            ]
            rows.append(np.concatenate(found))
    return own, foreign


def mixed_up(takes: Sequence[Take]) -> list[Take]:
    """Every stem from another take: what mixes of stems made apart are like."""
    return [[takes[at][i] for i, at in enumerate(row)] for row in _elsewhere(takes)]


def _elsewhere(takes: Sequence[Any]) -> list[list[int]]:
    # Two takes on: beside the next mix, which pairs are compared with, none meets its own again.
    size = len(takes)
    return [[(t + 2 * i) % size for i in range(len(takes[0]))] for t in range(size)]


def rows_of(takes: Sequence[Take]) -> dict[str, list[float | None]]:
    """`MEASURES` of every take; None where nothing is to be compared."""
    mixes = [summed(take) for take in takes]
    rows: dict[str, list[float | None]] = {
        "scale": [scale_share(mix) for mix in mixes], "pulse": [pulse(mix) for mix in mixes],
    }  # fmt: skip
    if len(takes[0]) > 1:
        own, foreign = pair_gain(takes)
        for k, name in enumerate(pairs.FEATURES):
            rows[name] = [
                float(a[:, k].mean() - b[:, k].mean()) if len(a) and len(b) else None
                for a, b in zip(own, foreign, strict=True)
            ]
    return rows


def coherence(takes: Sequence[Audio], rate: int, true: Sequence[Audio]) -> dict[str, Any]:
    """JSON-able figures of takes `[S, n]` beside true songs `[4, n]` at the same rate."""
    ours, theirs = ([[Heard.of(s, rate) for s in take] for take in some] for some in (takes, true))
    figures: dict[str, Any] = {"takes": len(takes), "rows": rows_of(ours)}
    figures["anchors"] = {"true": rows_of(theirs), "mixed up": rows_of(mixed_up(theirs))}
    vectors = [_mix_vectors(some, rate) for some in (takes, true)]
    figures["distance"] = round(frechet(*vectors), 3)
    if len(takes[0]) > 1:
        figures["rows mixed up"] = rows_of(mixed_up(ours))
        mixed = [np.stack([takes[at][i] for i, at in enumerate(r)]) for r in _elsewhere(takes)]
        figures["distance mixed up"] = round(frechet(_mix_vectors(mixed, rate), vectors[1]), 3)
        (own, _), (right, wrong) = pair_gain(ours), pair_gain(theirs)
        apa = pairs.adherence(*(np.concatenate(rows) for rows in (own, right, wrong)))
        figures["apa"] = None if apa is None else round(apa, 3)
    return figures


def _mix_vectors(takes: Sequence[Audio], rate: int) -> Matrix:
    sounds = (resample(take.sum(0), rate, _EMBEDDING_RATE) for take in takes)
    rows = [embeddings(np.asarray(sound, np.float32), _EMBEDDING_RATE) for sound in sounds]
    return np.concatenate(rows)


def spread(rows: Sequence[float | None]) -> tuple[float, float, float] | None:
    """Mean and the 95 % interval of it, by bootstrap over takes; None for fewer than two."""
    if sum(row is not None and np.isfinite(row) for row in rows) < 2:
        return None
    found = estimate(rows, resamples=DRAWS)
    return found.mean, found.low, found.high


def chance_above(one: Sequence[float | None], other: Sequence[float | None]) -> float:
    """Bootstrap chance that the mean of one is above that of the other."""
    ours, theirs = (
        drawn_means(known_values(rows), seed, DRAWS) for rows, seed in ((one, 1), (other, 2))
    )
    return float((ours > theirs).mean())

"""Which drums sound at each onset: log-mel spectra around it, and a linear classifier per drum.

What decides is how the spectrum stands to the one before the onset, how it goes on 45 and 120 ms
later, and how both compare with this recording's other onsets: that last part takes out the
kit's colour and the mix's equalisation. The weights (`drums.json`) were fitted to the synthetic
training songs by `python -m stembridge.training.drums`, which also prints the note F measure.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stembridge.audio.buffer import FloatArray
from stembridge.audio.onsets import detect_onsets
from stembridge.audio.resample import resample
from stembridge.transcription.notes import TimedNote

RATE = 22_050
WINDOW = 1024
N_BANDS = 24
LOW_HZ, HIGH_HZ = 30.0, 10_500.0
BEFORE_S, AT_S, AFTER_S, LATER_S = -WINDOW / RATE - 0.002, -0.002, 0.045, 0.12
"""Where the four windows begin, relative to the onset."""

FLOOR = 1e-8
HIT_S = 0.1
WEIGHTS = Path(__file__).with_name("drums.json")

DRUMS = (36, 38, 42, 46, 51, 49, 45)
"""General MIDI: kick, snare, closed hat, open hat, ride, crash, tom. Classifier order."""

DRUM_OF = {
    **{35: 36, 36: 36, 37: 38, 38: 38, 39: 38, 40: 38, 42: 42, 44: 42, 46: 46},
    **{51: 51, 53: 51, 59: 51, 49: 49, 52: 49, 55: 49, 57: 49},
    **dict.fromkeys((41, 43, 45, 47, 48, 50), 45),
}
"""The drum that stands for each General MIDI drum (rim and clap are snares)."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Weights:
    """A linear classifier: `((features - mean) / scale, 1) @ matrix > 0`.

    Attributes:
        mean: [features].
        scale: [features].
        matrix: [features + 1, drums].
    """

    mean: Floats
    scale: Floats
    matrix: Floats

    def scores(self, features: Floats) -> Floats:
        """Log odds [onsets, drums]."""
        whitened = (features - self.mean) / self.scale
        odds: Floats = whitened @ self.matrix[:-1] + self.matrix[-1]
        return odds


@lru_cache(maxsize=1)
def load_weights() -> Weights:
    """The fitted classifier."""
    stored = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    return Weights(*(np.array(stored[name]) for name in ("mean", "scale", "matrix")))


def transcribe_drums(samples: FloatArray, rate: int) -> list[TimedNote]:
    """Hits of a drum stem `[n]`, by start; empty for silence."""
    onsets = detect_onsets(samples, rate)
    if not len(onsets):
        return []
    slow = resample(samples, rate, RATE)
    odds = load_weights().scores(features(slow, onsets))
    hit = odds > 0
    silent = ~hit.any(axis=1)  # every onset is some drum
    hit[silent, odds[silent].argmax(axis=1)] = True
    velocities = _velocities(slow, onsets)
    return [
        TimedNote(float(onsets[row]), HIT_S, DRUMS[column], int(velocities[row]))
        for row, column in np.argwhere(hit)
    ]


def features(slow: FloatArray, onsets: Floats) -> Floats:
    """What the classifier sees of each onset, `[onsets, 9 x N_BANDS]`, from `[n]` at RATE."""
    reference = float(np.percentile(slow.astype(np.float64) ** 2, 99.5)) * WINDOW + 1e-12
    before, at, after, later = (
        _log_mel(slow, onsets + shift, FLOOR * reference)
        for shift in (BEFORE_S, AT_S, AFTER_S, LATER_S)
    )
    level = np.log10(reference)
    rise = np.maximum(at - before, 0.0)
    parts = [rise, at - level, after - level, after - at, later - level, later - after]
    own_level = [part - part.mean() for part in parts]
    own_colour = [part - part.mean(axis=0) for part in own_level[:3]]
    return np.concatenate(own_level + own_colour, axis=1)


def _log_mel(slow: FloatArray, starts_s: Floats, floor: float) -> Floats:
    """Log10 mel energies `[onsets, N_BANDS]` of the windows that begin at `starts_s`."""
    margin = 8 * WINDOW
    padded = np.pad(slow.astype(np.float64), margin)
    first = np.round(starts_s * RATE).astype(int) + margin
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[first]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW))) ** 2
    energies: Floats = np.log10(power @ _mel_bands().T + floor)
    return energies


@lru_cache(maxsize=1)
def _mel_bands() -> Floats:
    """Triangles `[N_BANDS, bins]` of unit sum, equally spaced in mel (O'Shaughnessy's formula)."""
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (LOW_HZ, HIGH_HZ))
    edges = 700 * (10 ** (np.linspace(low, high, N_BANDS + 2) / 2595) - 1)
    bins = np.arange(WINDOW // 2 + 1) * RATE / WINDOW
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    bands: Floats = triangles / np.maximum(triangles.sum(axis=1, keepdims=True), 1e-9)
    return bands


def _velocities(slow: FloatArray, onsets: Floats) -> NDArray[np.int64]:
    """Loud hits about 110, 20 dB quieter ones about 50."""
    n = round(0.03 * RATE)
    padded = np.pad(np.abs(slow), (0, n))
    first = np.clip(np.round(onsets * RATE).astype(int), 0, len(slow) - 1)
    peaks = np.array([padded[at : at + n].max() for at in first])
    level_db = 20 * np.log10(np.maximum(peaks, 1e-6) / max(float(np.percentile(peaks, 90)), 1e-6))
    velocities: NDArray[np.int64] = np.clip(np.round(110 + 3 * level_db), 1, 127).astype(np.int64)
    return velocities

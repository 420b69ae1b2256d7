"""Does a stem agree with the chords? Chroma per chord, its strongest pitch class, its share.

Conventions: audio is mono float32 at `rate` Hz; chord spans count beats from the first sample;
pitch class 0 is C.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stembridge.chords import ChordSpan
from stembridge.roles import role

Audio = NDArray[np.float32]
Chroma = NDArray[np.float64]

_WINDOW_S, _HOP_S = 0.37, 0.05
_MIN_SPAN_S = 0.4


@dataclass(frozen=True)
class Harmony:
    """Agreement with a chord track, each the share of sounding chord spans, 0..1.

    Attributes:
        root: spans whose strongest pitch class is the chord's root.
        in_chord: spans whose strongest pitch class belongs to the chord.
        chroma: mean share of chroma energy on the chord's pitch classes.
        spans: number of sounding spans.
    """

    root: float
    in_chord: float
    chroma: float
    spans: int


def chromagram(audio: Audio, rate: int, band_hz: tuple[float, float]) -> Chroma:
    """Energy per pitch class `[J, 12]`, one row every 50 ms."""
    n = 2 ** int(np.ceil(np.log2(_WINDOW_S * rate)))
    hop = int(_HOP_S * rate)
    padded = np.pad(audio, n // 2)
    starts = np.arange(0, len(audio), hop)
    frames = np.stack([padded[start : start + n] for start in starts]) * np.hanning(n)
    power = np.abs(np.fft.rfft(frames.astype(np.float32), axis=1)) ** 2
    frequencies = np.fft.rfftfreq(n, 1 / rate)
    inside = (frequencies >= band_hz[0]) & (frequencies <= band_hz[1])
    pitch = 69 + 12 * np.log2(np.maximum(frequencies, 1.0) / 440.0)
    nearest = np.round(pitch)
    # Bins between two semitones belong to neither; low notes fall on the closest bin.
    weight = inside * np.exp(-0.5 * ((pitch - nearest) / 0.2) ** 2)
    fold = np.zeros((len(frequencies), 12))
    fold[np.arange(len(frequencies)), nearest.astype(int) % 12] = weight
    result: Chroma = power @ fold
    return result


def harmony(
    audio: Audio, rate: int, bpm: float, chords: Sequence[ChordSpan], stem: str
) -> Harmony | None:
    """Compares a stem with chords; None where no chord span sounds."""
    chroma = chromagram(audio, rate, role(stem).band_hz)
    loud = chroma.sum(1).max(initial=0.0)
    if loud < 1e-6:
        return None
    ends = [*(chord.start_beats for chord in chords[1:]), len(audio) / rate * bpm / 60]
    rows = []
    for chord, end in zip(chords, ends, strict=True):
        first, last = (int(beats * 60 / bpm / _HOP_S) for beats in (chord.start_beats, end))
        total = chroma[first:last].sum(0)
        if (last - first) * _HOP_S < _MIN_SPAN_S or total.sum() < 1e-3 * loud * (last - first):
            continue
        strongest = int(total.argmax())
        share = float(total[list(chord.pitch_classes)].sum() / total.sum())
        rows.append((strongest == chord.root, strongest in chord.pitch_classes, share))
    if not rows:
        return None
    root, inside, share = np.mean(np.array(rows, float), axis=0)
    return Harmony(float(root), float(inside), float(share), len(rows))

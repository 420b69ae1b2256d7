"""The key that a progression is in: for file names, and for programs that transpose loops.

Durations of pitch classes, correlated with the key profiles of Krumhansl and Kessler (Krumhansl,
"Cognitive Foundations of Musical Pitch", 1990, table 2.1); roots weigh twice, since a chord says
more about its key by its root.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stembridge.chords.symbols import ChordSpan, with_lengths

_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
_NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_FIRST, _LAST = 0.15, 0.1  # for the key whose tonic triad a progression starts or ends with


def key_of(chords: Sequence[ChordSpan], length_beats: float) -> str | None:
    """The key of chords over `length_beats`, such as "Am" or "F#"; None without any chord."""
    weights = np.zeros(12)
    for chord, beats in with_lengths(chords, length_beats):
        length = max(0.0, beats)
        weights[list(chord.pitch_classes)] += length
        if chord.root is not None:
            weights[chord.root] += length
    if not weights.any():
        return None
    scores = {
        name + mode: float(np.corrcoef(np.roll(weights, -tonic), profile)[0, 1])
        for tonic, name in enumerate(_NAMES)
        for mode, profile in (("", _MAJOR), ("m", _MINOR))
    }
    for chord, bonus in ((chords[0], _FIRST), (chords[-1], _LAST)):
        if chord.root is not None:
            minor = (chord.root + 3) % 12 in chord.pitch_classes
            scores[_NAMES[chord.root] + "m" * minor] += bonus
    return max(scores, key=lambda key: scores[key])


def minor_lead(durations: NDArray[np.float64]) -> float:
    """How much better the best minor key fits durations of pitch classes [12] than a major one."""
    if not durations.any():
        return 0.0
    best = [
        max(float(np.corrcoef(np.roll(durations, -tonic), profile)[0, 1]) for tonic in range(12))
        for profile in (_MINOR, _MAJOR)
    ]
    return best[0] - best[1]


def tonic_of(key: str) -> int:
    """Pitch class of a key's tonic."""
    return _NAMES.index(key.removesuffix("m"))

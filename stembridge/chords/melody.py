"""Whether one note sounds at a time: a voice, a lead, a bass line. Its chords can only be guessed.

Short frames are explained as notes with harmonics (`pitches`), and the strength of the strongest
pitch class, with what slides into its neighbour, is compared with that of all.
"""

from __future__ import annotations

import numpy as np

from stembridge.chords.pitches import LOWEST, Audio, decimated, note_strengths, spectra

_WINDOW_S = 0.19  # of which fast melodies fill more than one; parts thirds from 110 Hz upwards
_LOUD = 0.1  # of the loud frames' level; below, what is heard is what rings on
_MOST_FRAMES = 128


def one_note_share(audio: Audio, rate: int) -> float:
    """Power of one pitch class in that of all `[n_samples]`, the median over frames; 0 if silent.

    Melodies have 0.75 and more, chords less.
    """
    magnitudes, _, bin_hz = spectra(*decimated(audio, rate), _WINDOW_S, 1)
    levels = magnitudes.max(1)
    loud = np.flatnonzero(levels > _LOUD * np.percentile(levels, 95))
    if not loud.size:
        return 0.0
    kept = loud[:: 1 + loud.size // _MOST_FRAMES]
    powers = note_strengths(magnitudes[kept], bin_hz) ** 2
    classes = np.zeros((len(kept), 12))
    for pitch in range(powers.shape[1]):
        classes[:, (LOWEST + pitch) % 12] += powers[:, pitch]
    beside = np.maximum(np.roll(classes, 1, axis=1), np.roll(classes, -1, axis=1))
    shares = (classes + beside).max(1) / np.maximum(classes.sum(1), 1e-12)
    order = np.argsort(shares)
    weights = np.cumsum(levels[kept][order])
    return float(shares[order][np.searchsorted(weights, weights[-1] / 2)])

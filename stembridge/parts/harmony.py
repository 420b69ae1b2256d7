"""What is known of the chords beside what is heard: a note outside them must be surer of itself.

A take's notes are read with a low threshold, since what a denoiser makes is paler than recorded
sound. Most of what is faint and wrong lies outside the chord, most of what is faint and right in
it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stembridge.chords import ChordSpan
from stembridge.parts.reader import ONSET, ReaderFacts

OUTSIDE = 4.0
"""How many times the evidence a note outside a chord needs that is certain."""

_AHEAD_BEATS = 0.1  # a note that anticipates its chord by a hair belongs to it


def in_harmony(
    answer: NDArray[np.float32], facts: ReaderFacts, chords: Sequence[ChordSpan], bpm: float
) -> NDArray[np.float32]:
    """A note reader's answer `[4, P, F]` with onsets outside the chords made less likely.

    Args:
        answer: of the network.
        facts: of the network.
        chords: over the take, from its first beat on; none leaves the answer as it is.
        bpm: tempo.
    """
    starts = [chord.start_beats for chord in chords]
    pitches, frames = answer.shape[1:]
    classes = (np.arange(pitches) + facts.lowest) % 12
    shares = np.ones((pitches, frames), np.float32)
    centres = (np.arange(frames) + 0.5) * (facts.frame_s * bpm / 60) + _AHEAD_BEATS
    at = np.array([bisect_right(starts, beats) - 1 for beats in centres])
    for index, chord in enumerate(chords):
        if chord.pitch_classes:
            outside = ~np.isin(classes, chord.pitch_classes)
            shares[np.ix_(outside, at == index)] = 1 / (1 + (OUTSIDE - 1) * chord.confidence)
    harmonised = answer.copy()
    harmonised[ONSET] *= shares
    return harmonised

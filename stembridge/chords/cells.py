"""Time as chord estimators cut it: cells of a beat, and what a change of chord costs where.

Cells are beats, or eighths where a bar is not a whole number of beats. Smoothing over beats that
knows about bar lines goes back to Mauch & Dixon, "Simultaneous estimation of chords and musical
context from audio" (IEEE TASLP 2010).
"""

from __future__ import annotations

import numpy as np

from stembridge.chords.pitches import Array
from stembridge.musical_time import TimeSignature

_AT_BAR, _AT_HALF, _ELSEWHERE = 0.12, 0.2, 0.8


def cell_edges(signature: TimeSignature, length_beats: float, start_beats: float) -> Array:
    """Borders of the cells in beats from the request's start, `[T + 1]`."""
    cell = 4.0 / signature.denominator if signature.denominator > 4 else 1.0
    first = np.ceil(start_beats / cell + 1e-6) * cell - start_beats
    inner = np.arange(first, length_beats - 1e-6, cell)
    return np.concatenate([[0.0], inner, [length_beats]])


def change_costs(beats: Array, signature: TimeSignature) -> Array:
    """What a change of chord costs at each session position, in beats that agree perfectly."""
    bar = signature.beats_per_bar
    inside = np.mod(beats + 1e-6, bar)
    # A quarter beat of room, for bars whose half is on no cell, such as 7/8.
    half = np.abs(inside - bar / 2) <= 0.25 + 1e-5
    elsewhere = np.where(half, _AT_HALF, _ELSEWHERE)
    return np.where(inside < 1e-5, _AT_BAR, elsewhere)


def best_path(score: Array, change: Array) -> Array:
    """Chords `[T]` with the best summed score `[T, K]` less the costs of changes `[T - 1]`."""
    best, before = score[0], []
    for row, cost in zip(score[1:], change, strict=True):
        # Every change costs the same, so it can only come from the best chord so far.
        leader = int(best.argmax())
        stay = best > best[leader] - cost
        before.append(np.where(stay, np.arange(len(best)), leader))
        best = np.maximum(best, best[leader] - cost) + row
    path = [int(best.argmax())]
    for step in reversed(before):
        path.append(int(step[path[-1]]))
    return np.array(path[::-1])

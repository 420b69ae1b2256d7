"""How much music swings, so that its timing is measured against what it plays.

A pair of eighths (or sixteenths) swings when its second note comes late: the first takes a share of
the pair from 0.5 (straight) to 2/3 (triplets). The share is found by trying some: the one whose
grid most onsets lie on, if it is clearly better than the straight one.
"""

from __future__ import annotations

import numpy as np

from stembridge.audio.onsets import Times, grid_report
from stembridge.parts.groove import Swing

SHARES = (0.54, 0.58, 0.62, 2 / 3)
PAIRS_BEATS = (1.0, 0.5)  # swung eighths, swung sixteenths
CLEARLY, FEWEST = 0.1, 8
_STEP_BEATS = 0.25


def straightened(swing: Swing, times_s: Times, bpm: float, start_beats: float = 0.0) -> Times:
    """Where onsets would be if they did not swing, in s."""
    straight = swing.straight(times_s * bpm / 60 + start_beats)
    times: Times = (straight - start_beats) * 60 / bpm
    return times


def find_swing(
    times_s: Times, bpm: float, length_s: float, start_beats: float = 0.0
) -> Swing | None:
    """The swing of onsets; None where they are straight, or nobody can tell."""
    if times_s.size < FEWEST:
        return None

    def on_grid(times: Times) -> float:
        report = grid_report(times, bpm, _STEP_BEATS, length_s, start_beats)
        return report.on_grid_share - (report.spread_ms or 0.0) / 500  # between equals the closer

    tried = [Swing(share, pair) for pair in PAIRS_BEATS for share in SHARES]
    found = [on_grid(straightened(one, times_s, bpm, start_beats)) for one in tried]
    best = int(np.argmax(found))
    return tried[best] if found[best] > on_grid(times_s) + CLEARLY else None

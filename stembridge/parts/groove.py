"""Where a part's notes lie on the grid: its swing, and how near they are drawn to it.

A swung pair is two equal halves of which the first is held longer: `share` of the pair (0.5 is
straight, 2/3 a triplet). Notes that sound as one, as a strummed chord does, are moved together: it
is their middle that is heard on the beat.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stembridge.parts.part import DRUMS, Note, Part

STEP_BEATS = 0.25
TOGETHER_BEATS = 0.06
_SHARES = np.arange(0.5, 0.705, 0.01)
_WORTH = 0.8
"""A swing must leave at most this share of the straight grid's deviation to be believed."""

_FEW = 6
Beats = NDArray[np.float64]


@dataclass(frozen=True)
class Swing:
    """How pairs are divided.

    Attributes:
        share: of the pair that its first half takes.
        unit_beats: length of the pair: 1 for swung eighths, 0.5 for sixteenths.
    """

    share: float = 0.5
    unit_beats: float = 1.0

    def swung(self, straight: Beats) -> Beats:
        """Straight positions, in beats, as they are played."""
        pair, inside = np.divmod(straight / self.unit_beats, 1.0)
        first = inside * self.share / 0.5
        second = self.share + (inside - 0.5) * (1 - self.share) / 0.5
        moved: Beats = (pair + np.where(inside < 0.5, first, second)) * self.unit_beats
        return moved

    def straight(self, swung: Beats) -> Beats:
        """The inverse of `swung`."""
        pair, inside = np.divmod(swung / self.unit_beats, 1.0)
        first = inside * 0.5 / self.share
        second = 0.5 + (inside - self.share) * 0.5 / (1 - self.share)
        moved: Beats = (pair + np.where(inside < self.share, first, second)) * self.unit_beats
        return moved


STRAIGHT = Swing()


def swing_of(part: Part) -> Swing:
    """The swing that explains a part's onsets best; straight where none clearly does."""
    starts = np.array([group[0].start_beats for group in groups(part)])
    if len(starts) < _FEW:
        return STRAIGHT
    best = (_WORTH * _deviation(starts, STRAIGHT), 0.0, STRAIGHT)
    for unit in (1.0, 0.5):
        for share in _SHARES[1:]:
            swing = Swing(float(round(share, 2)), unit)
            best = min(best, (_deviation(starts, swing), share, swing), key=lambda found: found[:2])
    return best[2]


def _deviation(starts: Beats, swing: Swing) -> float:
    """Mean distance of onsets to the swung sixteenths, all a little late or early, beats."""
    straight = swing.straight(starts)
    grid = swing.swung(np.round(straight / STEP_BEATS) * STEP_BEATS)
    late = starts - grid
    return float(np.abs(late - np.median(late)).mean())


def groups(part: Part) -> list[list[Note]]:
    """Notes that sound as one, by their starts."""
    found: list[list[Note]] = []
    for note in part.notes:
        if found and note.start_beats - found[-1][0].start_beats < TOGETHER_BEATS:
            found[-1].append(note)
        else:
            found.append([note])
    return found


def _heard_at(group: list[Note], stem: str) -> float:
    """Where what sounds as one is heard, beats: a strum in its middle, drums at the first."""
    first = group[0].start_beats
    return first if stem == DRUMS else float(np.mean([note.start_beats for note in group]))


def snapped(part: Part, strength: float, swing: Swing | None = None) -> Part:
    """Every note drawn towards the sixteenth grid, swung as the part is.

    Args:
        part: the notes.
        strength: 0 leaves them, 1 puts them on the grid.
        swing: of the grid; None takes the part's own.
    """
    if strength <= 0 or not part.notes:
        return part
    own = swing_of(part)
    target, moved = swing or own, []
    for group in groups(part):
        middle = _heard_at(group, part.stem)
        step = np.round(own.straight(np.array(middle)) / STEP_BEATS) * STEP_BEATS
        shift = strength * (float(target.swung(step)) - middle)
        shift = max(shift, -max(0.0, group[0].start_beats))  # none begins before the take
        moved += [replace(n, start_beats=max(0.0, n.start_beats + shift)) for n in group]
    return part.with_notes(note for note in moved if note.start_beats < part.length_beats)

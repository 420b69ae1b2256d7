"""The kinds of chord that the chord network tells apart, and which of them a chord counts as."""

from __future__ import annotations

from collections.abc import Iterable

HEARD_QUALITIES = ("", "m", "7", "maj7", "m7", "sus4", "dim", "5")
N_HEARD = 12 * len(HEARD_QUALITIES) + 1  # the last: no chord


def heard_quality(pitch_classes: Iterable[int], root: int) -> int:
    """Index in `HEARD_QUALITIES` of the kind nearest to a chord's."""
    steps = {(pitch_class - root) % 12 for pitch_class in pitch_classes}
    if 3 in steps and 4 not in steps:
        if 7 not in steps and 6 in steps:
            return HEARD_QUALITIES.index("dim")
        return HEARD_QUALITIES.index("m7" if 10 in steps else "m")
    if 4 in steps:
        seventh = "7" if 10 in steps else "maj7" if 11 in steps else ""
        return HEARD_QUALITIES.index(seventh)
    return HEARD_QUALITIES.index("sus4" if steps & {2, 5} else "5")

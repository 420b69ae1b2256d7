"""Whether ticks come from two clocks at once: two programs send, or one is looped back.

Their ticks mix into one stream whose count says the sum of both tempi. Two clocks of one tempo
alternate between a short and a long pause for ever; two of different tempi drift through each
other, so that pauses of every length come, yet none longer than the faster clock's own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

ENOUGH = 48
"""Pauses to judge by: two beats of one clock."""

_AT_ONCE_S = 0.0005
"""Pauses shorter than this are ticks that were held up and delivered together."""

_ALTERNATES = 0.15
_SIGMAS = 6.0
_SHORT, _SHORT_SHARE, _LONGEST = 0.35, 0.1, 2.3


def are_two(times: Sequence[float]) -> bool:
    """Judge the latest arrival times, in s, rising.

    What cannot be seen: two clocks that are exactly half a tick apart.
    """
    pauses = np.diff(np.asarray(times[-2 * ENOUGH - 1 :], dtype=np.float64))
    if len(pauses) < ENOUGH:
        return False
    mean = float(pauses.mean())
    if mean <= 0:
        return False
    for period in (2, 3):  # one tempo; or one twice as fast
        every = [pauses[at::period] for at in range(period)]
        medians = [float(np.median(turn)) for turn in every]
        means = [float(np.mean(turn)) for turn in every]
        scatter = float(np.mean([np.std(turn) for turn in every]))
        # A sound server hands ticks over in blocks: medians are whole blocks, and one block apart
        # without a reason; a single long pause moves a mean, but no median.
        apart = min(max(medians) - min(medians), max(means) - min(means))
        enough = max(_ALTERNATES * mean, _SIGMAS * scatter * np.sqrt(2.0 * period / len(pauses)))
        if apart > enough and min(medians) > _AT_ONCE_S:
            return True
    short = float(np.mean((pauses < _SHORT * mean) & (pauses > _AT_ONCE_S)))
    return short > _SHORT_SHARE and float(pauses.max()) < _LONGEST * mean

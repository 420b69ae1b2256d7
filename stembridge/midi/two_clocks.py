"""Whether ticks come from two clocks at once: two programs send, or one is looped back.

Their ticks mix into one stream whose count says the sum of both tempi. Two clocks of one tempo
alternate between a short and a long pause for ever; two of different tempi drift through each
other, so that pauses of every length come, yet none longer than the faster clock's own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

ENOUGH = 48
"""Pauses to judge by: two beats of one clock."""

_AT_ONCE_S = 0.0005
"""Pauses shorter than this are ticks that were held up and delivered together."""

_ALTERNATES = 0.15
_SIGMAS = 6.0
_FAR, _BLOCK = 1.7, 1.3
_SHORTEST_BLOCK_S, _BESIDE_S, _MOST = 0.004, 0.00025, 0.9
_FAST_S, _FASTEST_S = 2.5 / 150, 2.5 / 195
"""Pauses of a clock of 150 bpm, of one of 195."""

_SHORT, _SHORT_SHARE, _LONGEST = 0.35, 0.1, 2.3


def are_two(times: Sequence[float]) -> bool:
    """Judge the latest arrival times, in s, rising.

    What cannot be seen: two clocks that are exactly half a tick apart, and, where a sound server's
    blocks are about as long as the pauses, two that never fall into one block.
    """
    pauses = np.diff(np.asarray(times[-2 * ENOUGH - 1 :], dtype=np.float64))
    if len(pauses) < ENOUGH:
        return False
    mean = float(pauses.mean())
    if mean <= 0:
        return False
    block = _block(pauses)
    for period in (2, 3):  # one tempo; or one twice as fast
        every = [pauses[at::period] for at in range(period)]
        medians = [float(np.median(turn)) for turn in every]
        means = [float(np.mean(turn)) for turn in every]
        scatter = float(np.mean([np.std(turn) for turn in every]))
        # A sound server hands ticks over in blocks: medians are whole blocks, and one block apart
        # without a reason; a single long pause moves a mean, but no median.
        apart = min(max(medians) - min(medians), max(means) - min(means))
        enough = max(_ALTERNATES * mean, _SIGMAS * scatter * np.sqrt(2.0 * period / len(pauses)),
                     1.5 * block)  # fmt: skip
        if apart > enough and min(medians) > _AT_ONCE_S:
            return True
    if _through_blocks(pauses, mean):
        return True
    short = float(np.mean((pauses < _SHORT * mean) & (pauses > _AT_ONCE_S)))
    return short > _SHORT_SHARE and float(pauses.max()) < _LONGEST * mean


def _block(pauses: NDArray[np.float64]) -> float:
    """Length of a sound server's blocks, if all pauses are whole numbers of them, s; or 0."""
    apart = pauses[pauses > _AT_ONCE_S]
    block = float(np.percentile(apart, 10)) if apart.size else 0.0
    if block < _SHORTEST_BLOCK_S:
        return 0.0
    beside = np.abs(pauses - np.round(pauses / block) * block)
    return block if float(np.mean(beside < _BESIDE_S)) > _MOST else 0.0


def _through_blocks(pauses: NDArray[np.float64], mean: float) -> bool:
    """Whether ticks that a sound server hands over in large blocks are more than one clock's.

    One clock comes in two neighbouring numbers of blocks; two give, again and again, none and more
    than that. Where a block is longer than a pause, one fast clock comes in pairs as well: only
    sums of tempi that hardly any music has are taken for two.
    """
    apart = pauses[pauses > _AT_ONCE_S]
    if mean > _FAST_S or not apart.size:
        return False
    few = min(float(np.mean(pauses <= _AT_ONCE_S)), float(np.mean(pauses > _FAR * mean)))
    near = float(np.percentile(apart, 10)) < _BLOCK * mean
    return few > _SHORT_SHARE and (near or mean < _FASTEST_S)

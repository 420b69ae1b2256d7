"""Can one hear where the windows of a long take meet?

Three measures on log-mel spectra of blocks as long as a latent frame, at every boundary of blocks:

- click: by how much a block around the boundary exceeds both its neighbours;
- jump: difference of the block after to the block before, which a cut note raises;
- shift: difference of the mean spectra 1.5 s after and before, which a change of sound or level
  from one window to the next raises.

A boundary's rank is the share of the same take's other boundaries that differ less. Without seams
joints are boundaries like any other: their ranks average one half, as the true stem's must at the
same places (it is the control: music, too, changes on some boundaries more than on others).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stembridge.evaluation.spectra import log_mel_db

Audio = NDArray[np.float32]
Values = NDArray[np.float64]

_SHIFT_S = 1.5


@dataclass(frozen=True)
class SeamFigures:
    """Joints of one take against its other boundaries.

    Attributes:
        click_rank, jump_rank, shift_rank: mean rank of the joints, 0..1; without seams 0.5.
        click_ratio, jump_ratio, shift_ratio: mean at joints over the mean elsewhere.
    """

    click_rank: float
    jump_rank: float
    shift_rank: float
    click_ratio: float
    jump_ratio: float
    shift_ratio: float


def seam_figures(audio: Audio, rate: int, hop: int, joints: Sequence[int]) -> SeamFigures | None:
    """Compares the boundaries at frames `joints` with all others; None if none of them sounds.

    Args:
        audio: `[n_samples]`.
        rate: Hz.
        hop: samples per latent frame.
        joints: frames at which a later window takes over.
    """
    measures = boundary_measures(audio, rate, hop)
    boundaries = np.arange(len(measures[0]))
    reach = _reach(rate, hop)
    # At the ends there is no second and a half; between two silences there is nothing to hear.
    valid = (boundaries >= reach) & (boundaries <= len(boundaries) - reach) & (measures[1] > 0)
    joint = np.isin(boundaries, joints) & valid
    other = ~np.isin(boundaries, joints) & valid
    if not joint.any() or not other.any():
        return None
    ranks = (_rank(values[joint], values[other]) for values in measures)
    ratios = (values[joint].mean() / max(values[other].mean(), 1e-9) for values in measures)
    return SeamFigures(*ranks, *map(float, ratios))


def boundary_measures(audio: Audio, rate: int, hop: int) -> tuple[Values, Values, Values]:
    """Click, jump and shift, dB, at the boundary before every block: each `[J]`, first 0."""
    levels = log_mel_db(audio, rate, hop, hop)
    around = log_mel_db(audio[hop // 2 :], rate, hop, hop)[: len(levels) - 1]
    neighbours = np.maximum(levels[1:], levels[:-1])
    click = np.pad(np.maximum(around - neighbours[: len(around)], 0.0).mean(1), (1, 0))
    click = np.pad(click, (0, len(levels) - len(click)))
    jump = np.pad(np.sqrt((np.diff(levels, axis=0) ** 2).mean(1)), (1, 0))
    total = np.cumsum(np.pad(levels, ((1, 0), (0, 0))), axis=0)
    at, reach = np.arange(len(levels)), _reach(rate, hop)
    low, high = np.maximum(at - reach, 0), np.minimum(at + reach, len(levels))
    after = (total[high] - total[at]) / np.maximum(high - at, 1)[:, None]
    before = (total[at] - total[low]) / np.maximum(at - low, 1)[:, None]
    shift = np.sqrt(((after - before) ** 2).mean(1))
    return click, jump, shift


def _reach(rate: int, hop: int) -> int:
    """Blocks in 1.5 s."""
    return max(1, round(_SHIFT_S * rate / hop))


def _rank(values: Values, others: Values) -> float:
    ordered = np.sort(others)
    below, upto = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    return float(np.mean((below + upto) / 2 / len(ordered)))

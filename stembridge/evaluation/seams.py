"""Can one hear where the windows of a long take meet?

Two measures on log-mel spectra of blocks as long as a latent frame, at every boundary of blocks:

- jump: difference of the block after to the block before, which a click or a cut note raises;
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
        jump_rank, shift_rank: mean rank of the joints, 0..1; 0.5 is what no seam gives.
        jump_ratio, shift_ratio: mean difference at joints over the mean elsewhere.
        joints: number of joints between sounding blocks.
    """

    jump_rank: float
    shift_rank: float
    jump_ratio: float
    shift_ratio: float
    joints: int


def seam_figures(
    audio: Audio, rate: int, hop: int, joints: Sequence[int]
) -> SeamFigures | None:  # fmt: skip
    """Compares the boundaries at frames `joints` with all others; None if none of them sounds.

    Args:
        audio: `[n_samples]`.
        rate: Hz.
        hop: samples per latent frame.
        joints: frames at which a later window takes over.
    """
    levels = log_mel_db(audio, rate, hop, hop)
    reach = max(1, round(_SHIFT_S * rate / hop))
    inner = np.arange(reach, len(levels) - reach)
    jump = np.sqrt(((levels[inner] - levels[inner - 1]) ** 2).mean(1))
    total = np.cumsum(np.pad(levels, ((1, 0), (0, 0))), axis=0)
    after = (total[inner + reach] - total[inner]) / reach
    before = (total[inner] - total[inner - reach]) / reach
    shift = np.sqrt(((after - before) ** 2).mean(1))
    # Between two silences there is nothing to hear, and many equal ranks.
    sounding = jump > 0
    joint = np.isin(inner, joints) & sounding
    if not joint.any():
        return None
    other = ~np.isin(inner, joints) & sounding
    return SeamFigures(
        _rank(jump[joint], jump[other]),
        _rank(shift[joint], shift[other]),
        float(jump[joint].mean() / jump[other].mean()),
        float(shift[joint].mean() / shift[other].mean()),
        int(joint.sum()),
    )


def _rank(values: Values, others: Values) -> float:
    return float(np.mean(np.searchsorted(np.sort(others), values) / len(others)))

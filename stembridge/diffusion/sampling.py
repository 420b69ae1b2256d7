"""One thing to be sampled: what is told, given and heard, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stembridge.conditions import Conditions
from stembridge.diffusion.inpaint import Known
from stembridge.diffusion.noise import FrameNoise
from stembridge.diffusion.types import Array
from stembridge.diffusion.windows import Windows


@dataclass(frozen=True)
class Sampling:
    """What is sampled, and how; B items of S stems, C channels, F frames.

    Attributes:
        conditions: of all stems together, over all frames.
        known: given latents.
        noise: the takes'; its number of seeds is B, its number of stems that of the chains.
        sigmas: falling noise levels, ending in 0.
        windows: how the frames are shared out.
        sampler: name in `SAMPLERS`. What follows a mixture knows "ancestral" and "adpm2", which
            GMSDI used; any other name is the churned Euler method of MSDM there.
        churn, eta: amount of fresh noise, see `samplers.solver`; None is the sampler's own.
        start: latents [B or 1, S, C, F] to start from instead of noise alone, for `generate`.
        mixture: [B or 1, C, F] of what is to be taken apart.
        chains: conditions of each chain, for a network of single stems; the mixture's last where
            it is a chain itself. For `extract` stems, then what each is heard against. Empty: the
            network makes all stems together.
        negatives: conditions each chain is guided away from; None is from being told nothing.
        guidance: how far, for chains with negatives.
        leftover: which stem Dirac makes of what the others leave; the last by default.
    """

    conditions: Conditions
    known: Known
    noise: FrameNoise
    sigmas: Sequence[float]
    windows: Windows
    sampler: str = "dpmpp_2m"
    churn: float | None = None
    eta: float | None = None
    start: Array | None = None
    mixture: Array | None = None
    chains: tuple[Conditions, ...] = ()
    negatives: tuple[Conditions | None, ...] = ()
    guidance: float = 1.0
    leftover: int = -1

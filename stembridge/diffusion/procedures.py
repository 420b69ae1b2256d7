"""What can be sampled with one denoiser: stems that are made, or stems a mixture is taken apart in.

    generate            stems given what is known (inpainting of whole stems or stretches of time)
    listen              the stems of a mixture that the conditions tell of, as a network trained to
                        hear mixtures makes them out: the mean of one answer for each noise level
    separate_dirac      the stems of a mixture, whose sum is kept exactly (MSDM, GMSDI's separator)
    separate_gaussian   the same, the sum drawn towards the mixture
    coupled             stems and their mixture as chains side by side that pull at each other
                        (GMSDI), with or without given stems in the mixture
    extract             every stem of a mixture by itself, against all others (GMSDI's extractor)
    ensemble            of the separator and the extractor, for each stem whichever is better

Each takes a denoiser and a `Sampling`, works in windows, and tells its callback before every
network call. What follows a mixture is always made with all windows together: the mixture holds
them to one piece. It takes a fine schedule as well (MSDM: 150 steps): the pull of the mixture is
stiff, and coarse steps overshoot it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol, TypeAlias

from stembridge.diffusion.chains import couple, ensemble, extracted, listen, separate
from stembridge.diffusion.samplers import solver
from stembridge.diffusion.sampling import Sampling as Sampling
from stembridge.diffusion.types import Array, Callback, Denoiser
from stembridge.diffusion.windows import sample_in_windows

Need: TypeAlias = Literal["mixture", "chains", "sum"]
NEEDS: dict[Need, str] = {
    "mixture": "the latents of a mixture",
    "chains": "a network of single stems, told for each chain what it is to sound like",
    "sum": "latents that add up as sounds do",
}
"""What a procedure may ask for beyond a denoiser, in words."""


class ProcedureRun(Protocol):
    """What a procedure does."""

    def __call__(self, D: Denoiser, sampling: Sampling, callback: Callback | None) -> Array:
        """Latents [B, S, C, F]."""
        ...


@dataclass(frozen=True)
class Procedure:
    """One way to sample, and what it needs."""

    run: ProcedureRun
    needs: tuple[Need, ...] = ()

    def lacking(self, sampling: Sampling, latents_add_up: bool) -> list[Need]:
        """Needs that a sampling with a model does not meet."""
        met: dict[Need, bool] = {
            "mixture": sampling.mixture is not None,
            "chains": bool(sampling.chains),
            "sum": latents_add_up,
        }
        return [need for need in self.needs if not met[need]]


def generate(D: Denoiser, sampling: Sampling, callback: Callback | None = None) -> Array:
    """Stems given what is known."""
    return sample_in_windows(
        D,
        sampling.conditions,
        sampling.known,
        sampler=solver(sampling.sampler, sampling.churn, sampling.eta),
        sigmas=sampling.sigmas,
        noise=sampling.noise,
        windows=sampling.windows,
        start=sampling.start,
        callback=callback,
    )


PROCEDURES: dict[str, Procedure] = {
    "generate": Procedure(generate),
    "listen": Procedure(listen),
    "separate_dirac": Procedure(partial(separate, exact=True), ("mixture", "sum")),
    "separate_gaussian": Procedure(partial(separate, exact=False), ("mixture", "sum")),
    "coupled": Procedure(couple, ("chains", "sum")),
    "extract": Procedure(extracted, ("mixture", "chains", "sum")),
    "ensemble": Procedure(ensemble, ("mixture", "chains", "sum")),
}

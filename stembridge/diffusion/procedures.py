"""What can be sampled with one denoiser: stems that are made, or stems a mixture is taken apart in.

    generate            stems given what is known (inpainting of whole stems or stretches of time)
    listen              the stems of a mixture that the conditions tell of, as a network trained to
                        hear mixtures makes them out: the mean of one answer for each noise level
    separate_dirac      the stems of a mixture, whose sum is kept exactly (MSDM, GMSDI's extractor)
    separate_gaussian   the same, the sum drawn towards the mixture
    coupled             stems and their mixture as chains side by side that pull at each other
                        (GMSDI), with or without given stems in the mixture

Each takes a denoiser and a `Sampling`, works in windows, and tells its callback before every
network call. What follows a mixture is always made with all windows together: the mixture holds
them to one piece. It takes a fine schedule as well (MSDM: 150 steps): the pull of the mixture is
stiff, and coarse steps overshoot it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import sqrt
from typing import Literal, Protocol, TypeAlias

from stembridge.conditions import Conditions, stretched
from stembridge.diffusion.inpaint import Known
from stembridge.diffusion.noise import FrameNoise
from stembridge.diffusion.samplers import solver
from stembridge.diffusion.separate import (
    Derivative,
    constrain,
    coupled,
    dirac,
    gaussian,
    independent,
    prior,
    sample_derivative,
)
from stembridge.diffusion.types import Array, Callback, Denoiser, StepInfo
from stembridge.diffusion.windows import JoinedWindows, Windows, sample_in_windows

Need: TypeAlias = Literal["mixture", "chains", "sum"]
NEEDS: dict[Need, str] = {
    "mixture": "the latents of a mixture",
    "chains": "a network of single stems, told for each chain what it is to sound like",
    "sum": "latents that add up as sounds do",
}
"""What a procedure may ask for beyond a denoiser, in words."""


@dataclass(frozen=True)
class Sampling:
    """What is sampled, and how; B items of S stems, C channels, F frames.

    Attributes:
        conditions: of all stems together, over all frames.
        known: given latents.
        noise: the takes'; its number of seeds is B, its number of stems that of the chains.
        sigmas: falling noise levels, ending in 0.
        windows: how the frames are shared out.
        sampler: name in `SAMPLERS`, for `generate`; mixtures have a solver of their own.
        churn, eta: amount of fresh noise, see `samplers.solver`; None is the sampler's own.
        start: latents [B or 1, S, C, F] to start from instead of noise alone, for `generate`.
        mixture: [B or 1, C, F] of what is to be taken apart.
        chains: conditions of each chain, for a network of single stems; the mixture's last where
            it is a chain itself. Empty: the network makes all stems together.
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


class _Chains:
    """One run along a derivative: all windows of all chains, and their noise."""

    def __init__(self, D: Denoiser, sampling: Sampling, callback: Callback | None) -> None:
        n_frames = sampling.conditions.n_frames
        places = sampling.windows.plan(n_frames)
        self._n_frames, self._sampling = n_frames, sampling
        self.batch, self.reach = len(sampling.noise.seeds), max(n_frames, places[-1].stop)
        passes = max(1, len(sampling.chains))
        self._joined = JoinedWindows(D, places, sampling.windows.overlap, callback, passes)

    def derivative(self) -> Derivative:
        """Of all chains, without anything that holds them together."""
        chains = [c.stretched(self.batch, self.reach) for c in self._sampling.chains]
        if chains:
            return independent(self._joined, chains)
        return prior(self._joined, self._sampling.conditions.stretched(self.batch, self.reach))

    def stretched(self, latents: Array) -> Array:
        """Latents of the whole piece for every item and window."""
        return stretched(latents, self.batch, self.reach)

    def sample(
        self, derivative: Derivative, project: Callable[[Array], Array] | None, corrections: int
    ) -> Array:
        """Latents [B, chains, C, F]."""
        sampling = self._sampling
        made = sample_derivative(
            derivative,
            sampling.sigmas[0] * sampling.noise.at(0, 0, self.reach),
            list(sampling.sigmas),
            noise=sampling.noise.stream(0, self.reach),
            s_churn=20.0 if sampling.churn is None else sampling.churn,
            corrections=corrections,
            project=project,
            callback=self._joined.tell,
        )
        return made[..., : self._n_frames]

    def mean_answer(self) -> Array:
        """The mean of the network's answers to noise of every level alone [B, S, C, F]."""
        levels = list(self._sampling.sigmas[:-1])
        conditions = self._sampling.conditions.stretched(self.batch, self.reach)
        total = 0.0
        for i, sigma in enumerate(levels):
            self._joined.tell(StepInfo(i, len(levels), sigma))
            x = sigma * self._sampling.noise.at(i, 0, self.reach)
            total = total + self._joined(x, x[:, :, 0] * 0.0 + sigma, conditions)
        return (total / len(levels))[..., : self._n_frames]


def listen(D: Denoiser, sampling: Sampling, callback: Callback | None = None) -> Array:
    """What the network makes out in a mixture that it is told of.

    Noise alone tells nothing, so each answer is the network's expectation given the mixture; its
    errors differ between levels, and the mean of five is a tenth nearer to the truth than the best.
    """
    return _Chains(D, sampling, callback).mean_answer()


def separate(
    D: Denoiser,
    sampling: Sampling,
    callback: Callback | None = None,
    *,
    exact: bool,
    corrections: int = 2,
) -> Array:
    """The stems of `sampling.mixture`: exact is Dirac, with the last stem for what is left over."""
    chains = _Chains(D, sampling, callback)
    y, last = chains.stretched(sampling.mixture), sampling.noise.n_stems - 1
    if not exact:
        return chains.sample(gaussian(chains.derivative(), y), None, corrections)
    project = partial(constrain, y=y, stem=last)
    return chains.sample(dirac(chains.derivative(), y, last), project, corrections)


def couple(
    D: Denoiser,
    sampling: Sampling,
    callback: Callback | None = None,
    *,
    width_stems: float = 1.0,
    width_mixture: float = 1.0,
    corrections: int = 2,
) -> Array:
    """Chains of stems and, last, of their mixture, which holds the known whole stems as well."""
    chains, known = _Chains(D, sampling, callback), sampling.known
    given_stems = known.mask[:, :, :1] > 0  # [B, S, 1]
    total = chains.stretched((known.latents * given_stems[..., None]).sum(1))
    n_given = float(given_stems.sum(1).max())
    noise, draw = sampling.noise, iter(range(1 << 20, 1 << 30))

    def given(sigma: float) -> Array:
        # Fresh noise of level sigma in every given stem adds up to one of sqrt(n) sigma. Its draws
        # lie far from those of the solver.
        fresh = noise.at(next(draw), 0, chains.reach)[:, 0]
        return total + sqrt(n_given) * sigma * fresh

    drawn = coupled(chains.derivative(), width_stems, width_mixture, given if n_given else None)
    return chains.sample(drawn, None, corrections)


PROCEDURES: dict[str, Procedure] = {
    "generate": Procedure(generate),
    "listen": Procedure(listen),
    "separate_dirac": Procedure(partial(separate, exact=True), ("mixture", "sum")),
    "separate_gaussian": Procedure(partial(separate, exact=False), ("mixture", "sum")),
    "coupled": Procedure(couple, ("chains", "sum")),
}

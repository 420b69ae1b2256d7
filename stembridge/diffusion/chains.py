"""Procedures that follow a derivative: chains of stems held together by a mixture.

They are `procedures` like any other; here because they share their windows, noise and guidance.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import sqrt

from stembridge.conditions import Conditions, stretched
from stembridge.diffusion.guidance import classifier_free
from stembridge.diffusion.sampling import Sampling
from stembridge.diffusion.separate import (
    Derivative,
    constrain,
    coupled,
    dirac,
    extract,
    gaussian,
    independent,
    prior,
    sample_derivative,
)
from stembridge.diffusion.types import Array, Callback, Denoiser, StepInfo
from stembridge.diffusion.windows import JoinedWindows


class _Chains:
    """One run along a derivative: all windows of all chains, and their noise."""

    def __init__(
        self, D: Denoiser, sampling: Sampling, callback: Callback | None, rounds: float = 1.0
    ) -> None:
        n_frames = sampling.conditions.n_frames
        places = sampling.windows.plan(n_frames)
        self._n_frames, self._sampling = n_frames, sampling
        reach = n_frames if sampling.windows.circular else max(n_frames, places[-1].stop)
        self.batch, self.reach = len(sampling.noise.seeds), reach
        sides = 2 if sampling.negatives and sampling.guidance != 1 else 1
        passes = round(max(1, len(sampling.chains)) * sides * rounds)
        self._joined = JoinedWindows(D, places, sampling.windows.overlap, callback, passes)

    def derivative(self, chosen: slice = slice(None)) -> Derivative:
        """Of all chains (or some), without anything that holds them together."""
        told = self._sampling.chains[chosen]
        if not told:
            return prior(self._joined, self._sampling.conditions.stretched(self.batch, self.reach))
        chains = [one.stretched(self.batch, self.reach) for one in told]
        negatives = self._sampling.negatives[chosen]
        return independent([self._guided(one) for one in negatives] or self._joined, chains)

    def _guided(self, negative: Conditions | None) -> Denoiser:
        """The denoiser of a chain that is led away from something."""
        away = None if negative is None else negative.stretched(self.batch, self.reach)
        return classifier_free(
            self._joined, self._sampling.guidance,
            unconditional=lambda told: told.unknown() if away is None else away,
        )  # fmt: skip

    def stretched(self, latents: Array) -> Array:
        """Latents of the whole piece for every item and window."""
        return stretched(latents, self.batch, self.reach)

    def sample(
        self,
        derivative: Derivative,
        project: Callable[[Array], Array] | None,
        corrections: int,
        n_chains: int | None = None,
    ) -> Array:
        """Latents [B, chains, C, F], of the first `n_chains` of the noise's."""
        sampling, kept = self._sampling, slice(n_chains)
        noise = sampling.noise.stream(0, self.reach)
        is_ancestral = sampling.sampler in ("ancestral", "adpm2")
        made = sample_derivative(
            derivative,
            sampling.sigmas[0] * sampling.noise.at(0, 0, self.reach)[:, kept],
            list(sampling.sigmas),
            noise=lambda: noise()[:, kept],
            s_churn=20.0 if sampling.churn is None else sampling.churn,
            eta=(1.0 if sampling.eta is None else sampling.eta) if is_ancestral else None,
            midpoint=sampling.sampler == "adpm2",
            corrections=corrections,
            project=project,
            callback=self._joined.tell,
        )
        return made[..., : self._n_frames]

    def mean_answer(self) -> Array:
        """The mean of the network's answers to noise of every level alone [B, S, C, F]."""
        levels = list(self._sampling.sigmas[:-1])
        conditions = self._sampling.conditions.stretched(self.batch, self.reach)
        answers = []
        for i, sigma in enumerate(levels):
            self._joined.tell(StepInfo(i, len(levels), sigma))
            x = sigma * self._sampling.noise.at(i, 0, self.reach)
            answers.append(self._joined(x, x[:, :, 0] * 0.0 + sigma, conditions))
        mean: Array = sum(answers[1:], answers[0]) / len(levels)
        return mean[..., : self._n_frames]


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
    """The stems of `sampling.mixture`: exact is Dirac, with one stem for what is left over."""
    chains = _Chains(D, sampling, callback)
    y = chains.stretched(sampling.mixture)
    last = sampling.leftover % sampling.noise.n_stems
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
    """Chains of stems and, last, of their mixture, which holds the known whole stems as well.

    A chain alone is held by nothing.
    """
    chains, known = _Chains(D, sampling, callback), sampling.known
    if len(sampling.chains) == 1:
        return chains.sample(chains.derivative(), None, 1)
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


def extracted(
    D: Denoiser, sampling: Sampling, callback: Callback | None = None, *, corrections: int = 2
) -> Array:
    """Each stem of `sampling.mixture` against the others: the second half of the chains."""
    chains, half = _Chains(D, sampling, callback), len(sampling.chains) // 2
    stems, rests = chains.derivative(slice(half)), chains.derivative(slice(half, None))
    drawn = extract(stems, rests, chains.stretched(sampling.mixture))
    return chains.sample(drawn, None, corrections, half)


def ensemble(
    D: Denoiser, sampling: Sampling, callback: Callback | None = None, *, separated: int = 1,
    corrections: int = 2,
) -> Array:  # fmt: skip
    """The extractor's stems, but the one `separated`, which is the separator's.

    In GMSDI's table the separator is better for the drums, the extractor for the other stems.
    """
    half = len(sampling.chains) // 2
    chains = _Chains(D, sampling, callback, 1 + half / len(sampling.chains))
    stems, rests = chains.derivative(slice(half)), chains.derivative(slice(half, None))
    y = chains.stretched(sampling.mixture)
    apart, alone = dirac(stems, y, separated), extract(stems, rests, y)

    def drawn(x: Array, sigma: float) -> Array:
        d = x * 0.0
        d[:, :half], d[:, half:] = apart(x[:, :half], sigma), alone(x[:, half:], sigma)
        return d

    def project(x: Array) -> Array:
        projected = x * 1.0
        projected[:, :half] = constrain(x[:, :half], y, separated)
        return projected

    made = chains.sample(drawn, project, corrections)
    made[:, half + separated] = made[:, separated]
    return made[:, half:]

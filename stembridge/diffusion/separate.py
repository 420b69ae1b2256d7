"""Take a mixture apart, or keep chains of diffusion together, by changing the derivative.

Conventions: the stems' signals add up to the mixture (waveforms do, most latents do not), x is
[B, S, C, F], the mixture y is [B, C, F] and clean. A derivative is dx/dsigma = -sigma * score as
a function of (x, sigma); `s` below is (x - D(x)) / sigma, the derivative without a mixture.

Sources: MSDM (arXiv 2302.02257, section 4.3 and its appendix) for Dirac and Gaussian; GMSDI
(arXiv 2403.11706, eq. 4, 8-14) for coupled chains and the extractor. Of GMSDI no code was released,
and its formulas are lost in the text at hand: those below are reconstructed from its prose.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import sqrt
from typing import TypeAlias

from stembridge.conditions import Conditions
from stembridge.diffusion.ancestral import split
from stembridge.diffusion.types import Array, Callback, Denoiser, Noise, StepInfo

Derivative: TypeAlias = Callable[[Array, float], Array]


def prior(D: Denoiser, conditions: Conditions) -> Derivative:
    """Without a mixture: s, of all stems together [B, S, C, F]."""

    def derivative(x: Array, sigma: float) -> Array:
        return (x - D(x, x[:, :, 0] * 0.0 + sigma, conditions)) / sigma

    return derivative


def independent(D: Denoiser | Sequence[Denoiser], conditions: Sequence[Conditions]) -> Derivative:
    """One single-stem denoiser (S = 1) for every chain, each told its own conditions.

    D may be one for all chains, or one for each (guided away from a negative prompt of its own).

    The prior of MSDM's weakly supervised separator and of GMSDI, where `conditions` say which
    stem (or, for a mixture chain, which stems) the chain is to sound like.
    """

    def derivative(x: Array, sigma: float) -> Array:
        d = x * 0.0
        for k, own in enumerate(conditions):
            one = x[:, k : k + 1]
            its = D if callable(D) else D[k]
            d[:, k : k + 1] = (one - its(one, one[:, :, 0] * 0.0 + sigma, own)) / sigma
        return d

    return derivative


def constrain(x: Array, y: Array, stem: int) -> Array:
    """Return x with one stem replaced by what the others leave of y, so that the sum is y."""
    constrained = x * 1.0
    constrained[:, stem] = y - (x.sum(1) - x[:, stem])
    return constrained


def dirac(s: Derivative, y: Array, stem: int) -> Derivative:
    """Dirac separator: stem c is what the others leave, d_k = s_k - s_c (so d_c = 0).

    With `independent` chains, one per stem, this is GMSDI's separator (eq. 13, reconstructed); with
    two, a stem and "all others", its extractor (eq. 14); `extract` does all stems at once.
    """

    def derivative(x: Array, sigma: float) -> Array:
        d = s(constrain(x, y, stem), sigma)
        return d - d[:, stem : stem + 1]

    return derivative


def extract(stems: Derivative, rests: Derivative, y: Array) -> Derivative:
    """GMSDI's extractor (eq. 14, reconstructed), of every stem by itself.

        d_k = s_k(x_k) - s_rest(y - x_k)

    Args:
        stems: derivative of single chains, one per stem.
        rests: of as many chains, each told all stems but its own.
        y: the mixture. Stems do not know of each other, and need not add up to it.
    """

    def derivative(x: Array, sigma: float) -> Array:
        return stems(x, sigma) - rests(y[:, None] - x, sigma)

    return derivative


def gaussian(s: Derivative, y: Array, width: float = 0.75) -> Derivative:
    """Gaussian separator: d_k = s_k - sigma / (2 gamma^2) (y - sum_j x_j), gamma = width * sigma.

    The factor 2 is that of the authors' code; the likelihood N(y; sum x, gamma^2) itself has none.
    """

    def derivative(x: Array, sigma: float) -> Array:
        missing = (y - x.sum(1))[:, None]
        return s(x, sigma) - missing / (2 * width**2 * sigma)

    return derivative


def coupled(
    s: Derivative,
    width_stems: float,
    width_mixture: float,
    given: Callable[[float], Array] | None = None,
) -> Derivative:
    """GMSDI's parallel chains (eq. 8-11; 12 with `given`): stems, then their mixture, in x[:, -1].

        stems    s_k - (y - sum) / (width_stems^2 sigma)
        mixture  s_y - (sum - y) / (width_mixture^2 sigma)

    Reconstructed: each chain's likelihood of the others is an isotropic Gaussian (eq. 8), the
    mixture's has the opposite gradient (9). A chain may also be a part of the mixture, such as
    "bass and drums" (11): the chains then are the parts of any partition of the stems.

    Args:
        s: derivative of all chains without coupling, the mixture's last.
        width_stems: gamma_x / sigma.
        width_mixture: gamma_y / sigma.
        given: sum of the given stems [B, C, F] with fresh noise of level sigma in each (partial
            generation), or None.
    """

    def derivative(x: Array, sigma: float) -> Array:
        total = x[:, :-1].sum(1) + (given(sigma) if given is not None else 0.0)
        missing = x[:, -1] - total
        d = s(x, sigma)
        d[:, :-1] = d[:, :-1] - missing[:, None] / (width_stems**2 * sigma)
        d[:, -1] = d[:, -1] + missing / (width_mixture**2 * sigma)
        return d

    return derivative


def sample_derivative(
    derivative: Derivative,
    x: Array,
    sigmas: list[float],
    *,
    noise: Noise | None = None,
    s_churn: float = 20.0,
    eta: float | None = None,
    midpoint: bool = False,
    corrections: int = 2,
    project: Callable[[Array], Array] | None = None,
    callback: Callback | None = None,
) -> Array:
    """Stochastic Euler with correction steps, along any derivative; or an ancestral step.

    Every level is passed `corrections` times (MSDM: 2), with the noise of the step added back in
    between.

    Args:
        derivative: one of this module's; the array it returns must be its own.
        x: start at level sigmas[0].
        sigmas: falling levels ending in 0 (MSDM separates from 1 to 1e-4).
        noise: source of noise like x; not needed with s_churn = 0, no eta and one correction.
        s_churn: as in `samplers.sample_euler`.
        eta: ancestral steps (see `ancestral`) with this share of fresh noise, instead of churn.
        midpoint: ancestral steps are ADPM2's, with two evaluations.
        corrections: passes per level.
        project: re-imposes a hard constraint after every step, such as `constrain` for Dirac;
            without it the constrained stem would lag one step behind.
        callback: told before each evaluation of the derivative.
    """
    run = _Steps(derivative, sigmas, noise, callback, corrections, midpoint)
    gamma = min(s_churn / (len(sigmas) - 1), sqrt(2) - 1)
    for sigma, sigma_next in pairwise(sigmas):
        for left in reversed(range(corrections)):
            if eta is None:
                x = run.churned(x, sigma, sigma_next, gamma)
            else:
                x = run.ancestral(x, sigma, sigma_next, eta)
            x = project(x) if project is not None else x
            if left:
                x = x + run.fresh(sqrt(sigma**2 - sigma_next**2))
    return x


class _Steps:
    """One run along a derivative: its steps, its noise, and who is told."""

    def __init__(
        self, derivative: Derivative, sigmas: list[float], noise: Noise | None,
        callback: Callback | None, corrections: int, midpoint: bool,
    ) -> None:  # fmt: skip
        self._derivative, self._noise, self._callback = derivative, noise, callback
        self._midpoint, self._done = midpoint, 0
        per_pass = [2 if midpoint and low > 0 else 1 for low in sigmas[1:]]
        self._n_calls = corrections * sum(per_pass)

    def fresh(self, level: float) -> Array:
        """New noise of a level."""
        if level == 0:
            return 0.0
        if self._noise is None:
            raise ValueError("churn and correction steps need a source of noise")
        return level * self._noise()

    def churned(self, x: Array, sigma: float, sigma_next: float, gamma: float) -> Array:
        """Raise the noise a little, then step down."""
        sigma_hat = sigma * (1 + gamma)
        x = x + self.fresh(sqrt(sigma_hat**2 - sigma**2))
        return x + (sigma_next - sigma_hat) * self._slope(x, sigma_hat)

    def ancestral(self, x: Array, sigma: float, sigma_next: float, eta: float) -> Array:
        """Step below the next level, then come back with fresh noise."""
        down, up = split(sigma, sigma_next, eta)
        slope = self._slope(x, sigma)
        if self._midpoint and sigma_next > 0:
            middle = (sigma + down) / 2
            slope = self._slope(x + (middle - sigma) * slope, middle)
        return x + (down - sigma) * slope + self.fresh(up)

    def _slope(self, x: Array, sigma: float) -> Array:
        if self._callback is not None:
            self._callback(StepInfo(self._done, self._n_calls, sigma))
        self._done += 1
        return self._derivative(x, sigma)

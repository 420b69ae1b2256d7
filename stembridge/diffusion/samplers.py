"""Samplers: solvers of dx/dsigma = (x - D(x; sigma)) / sigma from noise to latents.

Each is one function over the levels of a schedule, told apart by accuracy per network call:

    euler     stochastic first order; MSDM's and MSLDM's sampler (150 steps, churn 20)
    heun      second order, two calls a step (Karras et al. 2022, Algorithms 1 and 2)
    dpmpp_2m  second order, one call a step (Lu et al. 2022, DPM-Solver++(2M)); the default
    dpmpp_2m_sde  the same with fresh noise while the music takes shape
    ancestral, adpm2  with fresh noise in every step (see `ancestral`); 200 steps are MSG-LD's

All updates are written as x' = D + (sigma'/sigma) (x - D), which equals the Euler step and gives
exactly D where sigma' is 0.
"""

from __future__ import annotations

from functools import partial
from math import inf, log, sqrt
from typing import Any

from stembridge.conditions import Conditions
from stembridge.diffusion.ancestral import sample_adpm2, sample_ancestral
from stembridge.diffusion.inpaint import Hold, Known
from stembridge.diffusion.types import Array, Callback, Denoiser, Noise, Sampler


def sample_euler(
    D: Denoiser,
    x: Array,
    sigmas: list[float],
    conditions: Conditions,
    *,
    known: Known | None = None,
    noise: Noise | None = None,
    callback: Callback | None = None,
    s_churn: float = 20.0,
    sigma_hat_max: float = inf,
) -> Array:
    """Stochastic Euler: raise the noise a little, then step down.

    With s_churn = 20 and 150 steps from 3 to 0.01 (rho 7) this is the sampler of MSLDM
    (arXiv 2409.06190, after MSDM's code): gamma = min(s_churn / N, sqrt(2) - 1) at every step,
    given stems imputed before the noise is raised.

    Args:
        D: denoiser.
        x: latents at level sigmas[0], [B, S, C, F].
        sigmas: falling levels, usually ending in 0.
        conditions: for D.
        known: what is given, or None.
        noise: source of noise; needed if s_churn > 0.
        callback: told before each network call.
        s_churn: amount of fresh noise over the whole run; 0 is the deterministic Euler method.
        sigma_hat_max: the raised level stays below this (the papers' own runs exceed the trained
            range by 13 % at first: no limit is parity).
    """
    hold = Hold(D, x, conditions, known, noise, callback)
    gamma = min(s_churn / (len(sigmas) - 1), sqrt(2) - 1)
    for step in hold.steps(sigmas):
        x_hat, sigma_hat = _churn(hold, hold.put(x, step.sigma), step.sigma, gamma, sigma_hat_max)
        denoised = hold.denoise(x_hat, sigma_hat)
        x = denoised + (step.sigma_next / sigma_hat) * (x_hat - denoised)
        x = hold.again(x, step)
    return hold.finish(x)


def _churn(
    hold: Hold, x: Array, sigma: float, gamma: float, sigma_hat_max: float
) -> tuple[Array, float]:
    """Raise the noise of x from sigma to sigma_hat (Karras et al. 2022, Algorithm 2, l. 4-6)."""
    sigma_hat = max(sigma, min(sigma * (1 + gamma), sigma_hat_max))
    if sigma_hat == sigma:
        return x, sigma
    return x + sqrt(sigma_hat**2 - sigma**2) * hold.noise(), sigma_hat


def sample_heun(
    D: Denoiser,
    x: Array,
    sigmas: list[float],
    conditions: Conditions,
    *,
    known: Known | None = None,
    noise: Noise | None = None,
    callback: Callback | None = None,
    s_churn: float = 0.0,
    sigma_hat_max: float = inf,
) -> Array:
    """Heun's method (Karras et al. 2022, Algorithm 2; Algorithm 1 where s_churn = 0).

    Arguments as in `sample_euler`; noise is needed if s_churn > 0 or stems are imputed.
    """
    hold = Hold(D, x, conditions, known, noise, callback)
    gamma = min(s_churn / (len(sigmas) - 1), sqrt(2) - 1)
    for step in hold.steps(sigmas, calls_per_step=2):
        x_hat, sigma_hat = _churn(hold, hold.put(x, step.sigma), step.sigma, gamma, sigma_hat_max)
        denoised = hold.denoise(x_hat, sigma_hat)
        x = denoised + (step.sigma_next / sigma_hat) * (x_hat - denoised)
        if step.sigma_next > 0:
            # The slope at the end of the step; its mean with the first one is second order.
            x = hold.put(x, step.sigma_next)
            d = (x_hat - denoised) / sigma_hat
            d_next = (x - hold.denoise(x, step.sigma_next)) / step.sigma_next
            x = x_hat + (step.sigma_next - sigma_hat) * 0.5 * (d + d_next)
        x = hold.again(x, step)
    return hold.finish(x)


def sample_dpmpp_2m(
    D: Denoiser,
    x: Array,
    sigmas: list[float],
    conditions: Conditions,
    *,
    known: Known | None = None,
    noise: Noise | None = None,
    callback: Callback | None = None,
    eta: float = 0.0,
    eta_above: float = 2.0,
) -> Array:
    """DPM-Solver++(2M) (Lu et al. 2022, arXiv 2211.01095, Algorithm 2) in terms of sigma.

    With h = ln(sigma / sigma') the step is exact for a D that is linear in ln(sigma); the slope
    comes from the previous step, so each step costs one call. The first step, the one to 0 and
    repeated ones (`Known.resamples`) are first order.

    With eta > 0 it is the solver of the reverse SDE (ibid., SDE-DPM-Solver++): each step removes
    more noise than it must and adds as much anew, which takes back errors of the steps before. It
    does so above `eta_above` only: what is added late, few steps are left to remove.

    Other arguments as in `sample_euler`; noise is needed if eta > 0 or stems are imputed.
    """
    hold = Hold(D, x, conditions, known, noise, callback)
    previous: Array | None = None
    h_previous = 0.0
    for step in hold.steps(sigmas):
        x = hold.put(x, step.sigma)
        denoised = extrapolated = hold.denoise(x, step.sigma)
        h = log(step.sigma / step.sigma_next) if step.sigma_next > 0 else inf
        if previous is not None and h < inf:
            extrapolated = denoised + (0.5 * h / h_previous) * (denoised - previous)
        ratio = step.sigma_next / step.sigma
        churn = eta if step.sigma_next > eta_above else 0.0
        x = extrapolated + ratio ** (1 + churn) * (x - extrapolated)
        if churn > 0:
            x = x + step.sigma_next * sqrt(1 - ratio ** (2 * churn)) * hold.noise()
        # A repeated step starts from fresh noise: the last D then tells nothing about the slope,
        # and to extrapolate from it would let repeats amplify each other.
        previous, h_previous = (None, 0.0) if hold.repeats > 1 else (denoised, h)
        x = hold.again(x, step)
    return hold.finish(x)


SAMPLERS: dict[str, Sampler] = {
    "dpmpp_2m": sample_dpmpp_2m,
    "dpmpp_2m_sde": partial(sample_dpmpp_2m, eta=0.5),
    "heun": sample_heun,
    "euler": sample_euler,
    "ancestral": sample_ancestral,
    "adpm2": sample_adpm2,
}
DEFAULT_STEPS = {
    "dpmpp_2m": 20, "dpmpp_2m_sde": 20, "heun": 18, "euler": 150, "ancestral": 200, "adpm2": 100,
}  # fmt: skip
"""Steps with which each sampler is at home; "euler" is the papers' own setting."""

CHURNED = ("euler", "heun")
"""Samplers that take an amount of churn; the others take eta, a share of fresh noise."""


def solver(name: str, churn: float | None = None, eta: float | None = None) -> Sampler:
    """A sampler with a model's own amount of fresh noise; None leaves the sampler's."""
    amount = {"s_churn": churn} if name in CHURNED else {"eta": eta}
    told: dict[str, Any] = {key: value for key, value in amount.items() if value is not None}
    return partial(SAMPLERS[name], **told) if told else SAMPLERS[name]

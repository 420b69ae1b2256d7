"""Ancestral samplers: every step goes below its level and comes back with fresh noise.

    up   = eta sigma' sqrt((sigma^2 - sigma'^2) / sigma^2)      (noise drawn anew)
    down = sqrt(sigma'^2 - up^2)                                (where the step goes)

With eta = 1 the noise of a step is that of the reverse Markov chain. The same eta is DDIM's (Song
et al. 2021, arXiv 2010.02502, eq. 16): with x = z / sqrt(a), sigma^2 = (1 - a) / a, its step is
this one, number for number.
"""

from __future__ import annotations

from math import sqrt

from stembridge.conditions import Conditions
from stembridge.diffusion.inpaint import Hold, Known
from stembridge.diffusion.types import Array, Callback, Denoiser, Noise


def split(sigma: float, sigma_next: float, eta: float) -> tuple[float, float]:
    """(down, up) of a step, see the module; squares add up to sigma_next^2."""
    up = min(sigma_next, eta * sigma_next * sqrt(max(0.0, 1 - (sigma_next / sigma) ** 2)))
    return sqrt(sigma_next**2 - up**2), up


def sample_ancestral(
    D: Denoiser,
    x: Array,
    sigmas: list[float],
    conditions: Conditions,
    *,
    known: Known | None = None,
    noise: Noise | None = None,
    callback: Callback | None = None,
    eta: float = 1.0,
) -> Array:
    """First-order ancestral sampling; DDIM where the levels are a DDPM's.

    MT-MusicLDM and MSG-LD use it with 200 steps and eta = 1, GMSDI to separate ("ancestral Euler").
    Arguments as in `samplers.sample_euler`; noise is needed if eta > 0 or stems are imputed. eta is
    the share of fresh noise, and 0 the deterministic Euler method.
    """
    hold = Hold(D, x, conditions, known, noise, callback)
    for step in hold.steps(sigmas):
        x = hold.put(x, step.sigma)
        denoised = hold.denoise(x, step.sigma)
        down, up = split(step.sigma, step.sigma_next, eta)
        x = _with_noise(denoised + (down / step.sigma) * (x - denoised), up, hold)
        x = hold.again(x, step)
    return hold.finish(x)


def sample_adpm2(
    D: Denoiser,
    x: Array,
    sigmas: list[float],
    conditions: Conditions,
    *,
    known: Known | None = None,
    noise: Noise | None = None,
    callback: Callback | None = None,
    eta: float = 1.0,
    rho: float = 1.0,
) -> Array:
    """Ancestral midpoint method (ADPM2), two calls a step; GMSDI generates with it.

    The middle level is the mean of sigma^(1/rho) at both ends; rho = 1 is the default of the
    library that GMSDI was made with (the paper's own value is lost). A step that goes all the way
    to 0 has no middle and is Euler's.
    """
    hold = Hold(D, x, conditions, known, noise, callback)
    for step in hold.steps(sigmas, calls_per_step=2):
        x = hold.put(x, step.sigma)
        denoised = hold.denoise(x, step.sigma)
        down, up = split(step.sigma, step.sigma_next, eta)
        if step.sigma_next > 0:
            middle = ((step.sigma ** (1 / rho) + down ** (1 / rho)) / 2) ** rho
            between = denoised + (middle / step.sigma) * (x - denoised)
            slope = (between - hold.denoise(between, middle)) / middle
            x = x + (down - step.sigma) * slope
        else:
            x = denoised
        x = hold.again(_with_noise(x, up, hold), step)
    return hold.finish(x)


def _with_noise(x: Array, level: float, hold: Hold) -> Array:
    return x + level * hold.noise() if level > 0 else x

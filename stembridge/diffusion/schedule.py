"""Noise levels to step through."""

from __future__ import annotations

from itertools import accumulate
from math import sqrt


def karras_sigmas(n: int, sigma_min: float, sigma_max: float, rho: float = 7.0) -> list[float]:
    """Noise levels of Karras et al. 2022, eq. 5: even steps of sigma^(1/rho).

        sigma_i = (sigma_max^(1/rho) + i/(n-1) (sigma_min^(1/rho) - sigma_max^(1/rho)))^rho

    Args:
        n: number of steps; n + 1 levels come back, since the last step goes to 0.
        sigma_min: last level before 0.
        sigma_max: first level.
        rho: 1 spreads the levels evenly, more of it crowds them towards 0.

    Returns:
        n falling levels, then 0.0; with n = 1 only sigma_max, then 0.0.
    """
    if n < 1 or not 0 < sigma_min <= sigma_max:
        raise ValueError(f"no schedule of {n} steps from {sigma_max} to {sigma_min}")
    if n == 1:
        return [float(sigma_max), 0.0]
    high, low = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    between = [(high + i / (n - 1) * (low - high)) ** rho for i in range(1, n - 1)]
    # The ends are exact: a level a rounding error above sigma_max would be outside the range.
    return [float(sigma_max), *between, float(sigma_min), 0.0]


def ddpm_levels(n: int = 1000, low: float = 0.0015, high: float = 0.0195) -> list[float]:
    """Noise levels of a DDPM's n steps, rising, as sigma = sqrt((1 - a) / a).

    Its beta rises so that its square root is even between those of `low` and `high` (latent
    diffusion's "linear" schedule), a is the product of all 1 - beta up to a step.
    """
    first, last = sqrt(low), sqrt(high)
    kept = [1 - (first + i / (n - 1) * (last - first)) ** 2 for i in range(n)]
    return [sqrt((1 - a) / a) for a in accumulate(kept, lambda a, one: a * one)]


def ddim_sigmas(n: int) -> list[float]:
    """N of a DDPM's thousand levels as DDIM visits them (every so many, plus one), then 0.0."""
    levels = ddpm_levels()
    if not 1 <= n < len(levels):
        raise ValueError(f"a schedule of DDIM has 1 to {len(levels) - 1} steps, not {n}")
    stride = len(levels) // n
    return [levels[1 + i * stride] for i in reversed(range(n))] + [0.0]

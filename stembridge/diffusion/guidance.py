"""Guidance: follow the conditions more, or less, than a network was trained to."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from stembridge.conditions import Conditions
from stembridge.diffusion.types import Array, Denoiser


def classifier_free(
    D: Denoiser,
    w: float,
    *,
    unconditional: Callable[[Conditions], Conditions] = Conditions.unknown,
    sigma_low: float = 0.0,
    sigma_high: float = inf,
) -> Denoiser:
    """Classifier-free guidance (Ho & Salimans 2022): D_u + w (D_c - D_u).

    Args:
        D: denoiser.
        w: 1 leaves D as it is (and costs nothing), 0 forgets the conditions, more exaggerates.
        unconditional: makes from the conditions those to move away from.
        sigma_low: guidance acts only at or above this noise level ...
        sigma_high: ... and at or below this one (Kynkäänniemi et al. 2024): at high noise it
            narrows the variety, at low noise it changes nothing but the cost.

    Returns:
        A denoiser that calls D twice where guidance acts.
    """
    if w == 1:
        return D

    def guided(x: Array, sigma: Array, conditions: Conditions) -> Array:
        conditional = D(x, sigma, conditions)
        # Given frames announce a lower level; the highest is the one being sampled at.
        if not sigma_low <= float(sigma.max()) <= sigma_high:
            return conditional
        free = D(x, sigma, unconditional(conditions))
        return free + w * (conditional - free)

    return guided

"""Guidance: follow the conditions or the context more, or less, than a network was trained to."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from stembridge.diffusion.types import Array, Denoiser


def nothing_known(conditions: Array) -> Array:
    """Conditions [B, K, F] that say nothing: every block's "known" flag and values are 0."""
    return conditions * 0.0


def classifier_free(
    D: Denoiser,
    w: float,
    *,
    unconditional: Callable[[Array], Array] = nothing_known,
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

    def guided(x: Array, sigma: Array, conditions: Array) -> Array:
        conditional = D(x, sigma, conditions)
        # Given frames announce a lower level; the highest is the one being sampled at.
        if not sigma_low <= float(sigma.max()) <= sigma_high:
            return conditional
        free = D(x, sigma, unconditional(conditions))
        return free + w * (conditional - free)

    return guided


def follow_context(D: Denoiser, w: float, noise: Callable[[Array], Array]) -> Denoiser:
    """Guidance towards the given latents: D_noisy + w (D_clean - D_noisy).

    What is given is recognised by its lower announced level (clean mode, see `inpaint`). The
    second call hears it drowned in noise of the level being sampled at, as imputation would show
    it; the difference between the two is what hearing it clearly adds.

    Args:
        D: denoiser trained with a noise level per stem.
        w: 1 leaves D as it is, less plays more freely, more clings to the context.
        noise: unit Gaussian noise shaped like its argument, from the caller's generator.

    Returns:
        A denoiser that calls D twice, or once where nothing is given.
    """
    if w == 1:
        return D

    def guided(x: Array, sigma: Array, conditions: Array) -> Array:
        clear = D(x, sigma, conditions)
        level = float(sigma.max())
        if float(sigma.min()) == level:
            return clear
        # Adding the missing variance brings every frame to the same level.
        missing = (level**2 - sigma**2) ** 0.5
        drowned = x + missing[:, :, None] * noise(x)
        dull = D(drowned, sigma * 0.0 + level, conditions)
        return dull + w * (clear - dull)

    return guided

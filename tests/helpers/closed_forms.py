"""Priors whose denoiser has a closed form, for checking samplers against the exact answer."""

from __future__ import annotations

import numpy as np


def white(sd):
    """D of independent N(0, sd^2) latents: x sd^2 / (sd^2 + sigma^2)."""

    def denoise(x, sigma, conditions):
        return x * sd**2 / (sd**2 + sigma[:, :, None] ** 2)

    return denoise


def joint_stems(covariance, mean=0.0):
    """D of stems correlated with each other at every frame: mu + P (P + diag(sigma^2))^-1 ..."""

    def denoise(x, sigma, conditions):
        noise = np.square(sigma).swapaxes(1, 2)[..., None] * np.eye(len(covariance))
        gain = covariance @ np.linalg.inv(covariance + noise + 1e-12 * np.eye(len(covariance)))
        return mean + np.einsum("bfst,btcf->bscf", gain, x - mean)

    return denoise


def joint_frames(correlation):
    """D of one stem whose frames are correlated: correlation(F) gives the F x F covariance."""

    def denoise(x, sigma, conditions):
        covariance = correlation(x.shape[-1])
        # All items of these tests announce the same levels, so one inverse serves them all.
        noise = np.diag(np.square(sigma[0, 0]))
        gain = covariance @ np.linalg.inv(covariance + noise + 1e-9 * np.eye(len(covariance)))
        return x @ gain.T

    return denoise


def counted(denoise):
    """D, and the list of the sigmas it was called with."""
    seen = []

    def spy(x, sigma, conditions):
        seen.append(np.array(sigma))
        return denoise(x, sigma, conditions)

    return spy, seen

"""Diffusion as pure functions on a denoiser D(x, sigma, conditions).

Conventions, kept by every module here:

    x           latents [B, S, C, F]: batch, stems, channels per stem, latent frames
    sigma       standard deviation of the noise in latent units. Samplers step through Python
                floats; the network is told [B, S, F], one per frame of each stem, because given
                frames carry less noise than the ones being made.
    conditions  `Conditions`, handed through to the network; windows take their frames of them
    D           the preconditioned denoiser: an estimate of the clean latents

Sampling solves dx/dsigma = (x - D(x)) / sigma from sigma_max down to 0 (Karras et al. 2022,
eq. 1 with sigma(t) = t). Nothing here holds state, draws from a global generator or writes into a
caller's array; randomness is an argument. The samplers use operators and slicing only, so numpy
arrays and torch tensors both work.
"""

from stembridge.diffusion.ancestral import sample_adpm2, sample_ancestral
from stembridge.diffusion.guidance import classifier_free
from stembridge.diffusion.inpaint import Known
from stembridge.diffusion.noise import FrameNoise
from stembridge.diffusion.procedures import PROCEDURES, Procedure, Sampling
from stembridge.diffusion.samplers import (
    DEFAULT_STEPS,
    SAMPLERS,
    sample_dpmpp_2m,
    sample_euler,
    sample_heun,
)
from stembridge.diffusion.schedule import karras_sigmas
from stembridge.diffusion.types import StepInfo
from stembridge.diffusion.windows import Windows, plan_windows, sample_in_windows

__all__ = [
    "DEFAULT_STEPS",
    "PROCEDURES",
    "SAMPLERS",
    "FrameNoise",
    "Known",
    "Procedure",
    "Sampling",
    "StepInfo",
    "Windows",
    "classifier_free",
    "karras_sigmas",
    "plan_windows",
    "sample_adpm2",
    "sample_ancestral",
    "sample_dpmpp_2m",
    "sample_euler",
    "sample_heun",
    "sample_in_windows",
]

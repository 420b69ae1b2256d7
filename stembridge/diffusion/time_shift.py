"""Tell a network less noise than there is: what few steps and a blurred answer lose comes back."""

from __future__ import annotations

from stembridge.conditions import Conditions
from stembridge.diffusion.types import Array, Denoiser


def time_shifted(D: Denoiser, shift: float, above: float) -> Denoiser:
    """A denoiser that is told `shift` of each noise level from `above` on.

    While sampling, a network meets its own answers instead of noised data. They are smoother than
    data, so that a latent whose noise is sigma looks noisier than one of training: onsets that it
    is not sure of are wiped out. Told a lower level, it keeps them (Li et al. 2024, "Alleviating
    Exposure Bias in Diffusion Models through Sampling with Shifted Time Steps", arXiv 2305.15583;
    there the shift is chosen by the latents' variance, here it is a constant).

    Args:
        D: denoiser.
        shift: share of the level that is told; 1 leaves D as it is.
        above: levels below this are told as they are; so are those of given frames.
    """
    if shift == 1:
        return D

    def shifted(x: Array, sigma: Array, conditions: Conditions) -> Array:
        return D(x, sigma - (1.0 - shift) * sigma * (sigma >= above), conditions)

    return shifted

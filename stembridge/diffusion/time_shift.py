"""Tell a network less noise than there is: what few steps and a blurred answer lose comes back."""

from __future__ import annotations

from collections.abc import Sequence

from stembridge.conditions import Conditions
from stembridge.diffusion.types import Array, Denoiser


def time_shifted(D: Denoiser, shares: Sequence[float], above: float) -> Denoiser:
    """A denoiser that is told a share of each noise level from `above` on, another of each stem.

    While sampling, a network meets its own answers instead of noised data. They are smoother than
    data, so that a latent whose noise is sigma looks noisier than one of training: onsets that it
    is not sure of are wiped out. Told a lower level, it keeps them (Li et al. 2024, "Alleviating
    Exposure Bias in Diffusion Models through Sampling with Shifted Time Steps", arXiv 2305.15583;
    there the shift is chosen by the latents' variance, here it is a constant of the stem).

    Args:
        D: denoiser.
        shares: of the level, `[S]`, that are told; 1 is the level as it is.
        above: levels below this are told as they are; so are those of given frames.
    """
    if all(share == 1 for share in shares):
        return D

    def shifted(x: Array, sigma: Array, conditions: Conditions) -> Array:
        told = sigma * 1.0
        for row, share in enumerate(shares):
            told[:, row] *= 1.0 - (1.0 - share) * (sigma[:, row] >= above)
        return D(x, told, conditions)

    return shifted

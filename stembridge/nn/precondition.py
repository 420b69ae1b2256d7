"""EDM preconditioning: the one place that knows c_skip, c_out and c_in.

Training loss and export both go through `Preconditioned`, so what is served is what was trained.

Source: Karras et al. 2022, "Elucidating the Design Space of Diffusion-Based Generative Models",
table 1 and eq. 7-8, with sigma given per latent frame of every stem instead of per item.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

# ln(sigma) and the loss weight are singular at 0; below this no noise is heard or learned.
SMALLEST_SIGMA = 1e-4


class Scalings(NamedTuple):
    """D(x) = c_skip x + c_out F(c_in x), each [B, S, 1, F]."""

    c_skip: Tensor
    c_out: Tensor
    c_in: Tensor


def scalings(sigma: Tensor, sigma_data: float) -> Scalings:
    """Scalings for noise sigma [B, S, F] on data of standard deviation sigma_data.

    They keep the network's input and target at unit variance, and let its error fade with sigma:
    at sigma = 0 the output is the input.
    """
    sigma = sigma.unsqueeze(2)
    total = sigma**2 + sigma_data**2
    return Scalings(sigma_data**2 / total, sigma * sigma_data * total.rsqrt(), total.rsqrt())


def loss_weight(sigma: Tensor, sigma_data: float) -> Tensor:
    """lambda(sigma) = 1 / c_out^2, [B, S, 1, F]: the network's own error counts the same at all."""
    return scalings(sigma.clamp_min(SMALLEST_SIGMA), sigma_data).c_out.square().reciprocal()


def noise_level(sigma: Tensor) -> Tensor:
    """c_noise = ln(sigma) / 4, the network's own reading of sigma, any shape."""
    return sigma.clamp_min(SMALLEST_SIGMA).log() / 4


class Preconditioned(nn.Module):
    """The denoiser D(x, sigma, conditions) around a network F.

    Args:
        network: called as F(c_in x [B, S, C, F], sigma [B, S, F], conditions [B, K, F]) and
            returning [B, S, C, F].
        sigma_data: standard deviation of the clean latents.
        output_limit: clamp of the denoised latents to +-limit (MSDM: 1, on waveforms).
    """

    def __init__(
        self, network: nn.Module, sigma_data: float, output_limit: float | None = None
    ) -> None:
        super().__init__()
        self.network = network
        self.sigma_data = sigma_data
        self.output_limit = output_limit

    def scalings(self, sigma: Tensor) -> Scalings:
        """Scalings at noise sigma [B, S, F]."""
        return scalings(sigma, self.sigma_data)

    def loss_weight(self, sigma: Tensor) -> Tensor:
        """Weight of the squared error at sigma [B, S, F], [B, S, 1, F]."""
        return loss_weight(sigma, self.sigma_data)

    def forward(self, x: Tensor, sigma: Tensor, conditions: Tensor) -> Tensor:
        """Denoise x [B, S, C, F] at sigma [B, S, F] under conditions [B, K, F]."""
        scale = self.scalings(sigma)
        output = self.network(scale.c_in * x, sigma, conditions)
        denoised = scale.c_skip * x + scale.c_out * output
        if self.output_limit is not None:
            denoised = denoised.clamp(-self.output_limit, self.output_limit)
        return denoised


class EpsilonPreconditioned(Preconditioned):
    """A network that tells the noise in z = x / sqrt(1 + sigma^2), as DDPM's do (MSG-LD).

    With x = z / sqrt(a) and sigma^2 = (1 - a) / a, z is what the network saw in training, and
    D = x - sigma epsilon. Its loss, the squared error of epsilon, is that of D over sigma^2.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network, sigma_data=1.0)

    def scalings(self, sigma: Tensor) -> Scalings:
        """See the class."""
        sigma = sigma.unsqueeze(2)
        return Scalings(torch.ones_like(sigma), -sigma, (1 + sigma**2).rsqrt())

    def loss_weight(self, sigma: Tensor) -> Tensor:
        """See the class."""
        return sigma.clamp_min(SMALLEST_SIGMA).unsqueeze(2).square().reciprocal()


def denoising_loss(
    denoiser: Preconditioned,
    clean: Tensor,
    noise: Tensor,
    sigma: Tensor,
    conditions: Tensor,
    counted: Tensor | None = None,
) -> Tensor:
    """Mean of lambda(sigma) (D(clean + sigma noise) - clean)^2; a scalar.

    Args:
        denoiser: the preconditioned network.
        clean: latents [B, S, C, F].
        noise: standard normal, like clean.
        sigma: noise standard deviation [B, S, F].
        conditions: [B, K, F].
        counted: [B, S, F], 1 where the error counts, 0 where latents were given as context (their
            sigma is near 0 and their weight near infinity); None counts all.
    """
    x = clean + sigma.unsqueeze(2) * noise
    error = (denoiser(x, sigma, conditions) - clean).square()
    weighted = denoiser.loss_weight(sigma) * error
    if counted is None:
        return weighted.mean()
    mask = counted.unsqueeze(2)
    # torch.where, not a product: an infinite weight times 0 would be NaN.
    total = torch.where(mask > 0, weighted * mask, torch.zeros_like(weighted)).sum()
    return total / (mask.sum() * clean.shape[2]).clamp_min(1)

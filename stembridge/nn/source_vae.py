"""SourceVAE: descript-audio-codec's encoder and decoder as a variational autoencoder.

Architecture of DAC (Kumar et al. 2023) as MSLDM uses it: no vector quantiser, a mean and a
log-variance head, no final tanh. Module names and shapes equal those of `dac.model.dac.Encoder`
and `Decoder`, so the published weights load into it; the parity test holds this against the
package's own classes. The package itself is not needed: beside onnx and a current ONNX Runtime it
cannot be installed with its dependencies.

Lengths: the encoder makes n / hop frames of n samples (n a multiple of hop). A transposed
convolution of odd stride s with padding ceil(s / 2) loses samples, so the paper's decoder (strides
8, 5, 4, 2) makes 320 F - 8 samples of F frames: 1024 frames are 327,672 samples. With
`exact_length` an output padding restores 320 F without changing a parameter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from stembridge.nn.normed_conv import NormedConv1d, NormedConvTranspose1d

LOG_VARIANCE_RANGE = (-30.0, 20.0)
DILATIONS = (1, 3, 9)


@dataclass(frozen=True)
class SourceVAEConfig:
    """Shape of a SourceVAE.

    Attributes:
        sample_rate: Hz.
        encoder_width: channels after the first convolution; doubled at every stride.
        encoder_strides: down-sampling factors; their product is the hop in samples.
        latent_channels: C.
        decoder_width: channels before the first up-sampling; halved at every stride.
        decoder_strides: up-sampling factors, with the same product.
        exact_length: whether F frames decode to exactly F * hop samples (the papers' do not).
    """

    sample_rate: int = 22050
    encoder_width: int = 64
    encoder_strides: tuple[int, ...] = (2, 4, 5, 8)
    latent_channels: int = 80
    decoder_width: int = 1536
    decoder_strides: tuple[int, ...] = (8, 5, 4, 2)
    exact_length: bool = False

    def __post_init__(self) -> None:
        if math.prod(self.encoder_strides) != math.prod(self.decoder_strides):
            raise ValueError("encoder and decoder strides have different products")

    @property
    def hop(self) -> int:
        """Samples per latent frame."""
        return math.prod(self.encoder_strides)

    def decoded_samples(self, n_frames: int) -> int:
        """Samples that n_frames latent frames decode to."""
        length = n_frames
        for stride in self.decoder_strides:
            lost = 0 if self.exact_length else stride % 2
            length = length * stride - lost
        return length


class Snake1d(nn.Module):
    """Snake(x) = x + sin^2(alpha x) / alpha, alpha per channel (Ziyin et al. 2020, eq. 3)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Apply to [B, channels, T]."""
        return x + (self.alpha + 1e-9).reciprocal() * torch.sin(self.alpha * x).square()


class ResidualUnit(nn.Module):
    """x + conv1(snake(conv7(snake(x)))), the first convolution dilated."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            Snake1d(channels),
            NormedConv1d(channels, channels, 7, dilation=dilation, padding=3 * dilation),
            Snake1d(channels),
            NormedConv1d(channels, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Apply to [B, channels, T]."""
        return x + self.block(x)


class _Stage(nn.Module):
    """One encoder or decoder stage, under DAC's name `block`."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.block = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.block(x)


def _residual_units(channels: int) -> list[nn.Module]:
    return [ResidualUnit(channels, dilation) for dilation in DILATIONS]


class Encoder(nn.Module):
    """Audio [B, 1, n] -> [B, head_channels, n / hop]."""

    def __init__(self, config: SourceVAEConfig, head_channels: int) -> None:
        super().__init__()
        width = config.encoder_width
        layers: list[nn.Module] = [NormedConv1d(1, width, 7, padding=3)]
        for stride in config.encoder_strides:
            down = NormedConv1d(
                width, 2 * width, 2 * stride, stride=stride, padding=math.ceil(stride / 2)
            )
            layers.append(_Stage(*_residual_units(width), Snake1d(width), down))
            width *= 2
        layers += [Snake1d(width), NormedConv1d(width, head_channels, 3, padding=1)]
        self.block = nn.Sequential(*layers)

    def forward(self, audio: Tensor) -> Tensor:
        """Encode."""
        return self.block(audio)


class Decoder(nn.Module):
    """Latents [B, C, F] -> audio [B, 1, n]."""

    def __init__(self, config: SourceVAEConfig) -> None:
        super().__init__()
        width = config.decoder_width
        layers: list[nn.Module] = [NormedConv1d(config.latent_channels, width, 7, padding=3)]
        for stride in config.decoder_strides:
            up = NormedConvTranspose1d(width, width // 2, stride, config.exact_length)
            width //= 2
            layers.append(_Stage(Snake1d(2 * width), up, *_residual_units(width)))
        layers += [Snake1d(width), NormedConv1d(width, 1, 7, padding=3)]
        self.model = nn.Sequential(*layers)

    def forward(self, latents: Tensor) -> Tensor:
        """Decode."""
        return self.model(latents)


class Posterior(NamedTuple):
    """Diagonal Gaussian over latents, both [B, C, F]."""

    mean: Tensor
    log_variance: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """Mean + standard deviation * noise (standard normal, like mean)."""
        return self.mean + (0.5 * self.log_variance).exp() * noise

    def kl(self) -> Tensor:
        """KL divergence to the standard normal, mean over batch, channel and time (MSLDM)."""
        per_element = self.mean**2 + self.log_variance.exp() - 1 - self.log_variance
        return 0.5 * per_element.mean()


class SourceVAE(nn.Module):
    """Variational autoencoder of one stem's waveform.

    `latent_mean` and `latent_std` [C, 1] standardise latents for the denoiser; they are 0 and 1
    (the papers' choice) until `training.autoencoder.standardise` measures them.
    """

    def __init__(self, config: SourceVAEConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config, 2 * config.latent_channels)
        self.decoder = Decoder(config)
        self.latent_mean: Tensor
        self.latent_std: Tensor
        self.register_buffer("latent_mean", torch.zeros(config.latent_channels, 1))
        self.register_buffer("latent_std", torch.ones(config.latent_channels, 1))

    def posterior(self, audio: Tensor) -> Posterior:
        """Posterior of audio [B, n], n a multiple of hop."""
        mean, log_variance = self.encoder(audio.unsqueeze(1)).chunk(2, dim=1)
        return Posterior(mean, log_variance.clamp(*LOG_VARIANCE_RANGE))

    def decode(self, latents: Tensor) -> Tensor:
        """Audio [B, n] of unscaled latents [B, C, F]."""
        return self.decoder(latents).squeeze(1)

    def codec_pair(self) -> tuple[nn.Module, nn.Module]:
        """Encoder audio [B, n] -> scaled latents [B, C, F] and its decoder, for serving."""
        return _ScaledMean(self), _ScaledDecoder(self)


class _ScaledMean(nn.Module):
    def __init__(self, vae: SourceVAE) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, audio: Tensor) -> Tensor:
        vae = self.vae
        return (vae.posterior(audio).mean - vae.latent_mean) / vae.latent_std


class _ScaledDecoder(nn.Module):
    def __init__(self, vae: SourceVAE) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, latents: Tensor) -> Tensor:
        vae = self.vae
        return vae.decode(latents * vae.latent_std + vae.latent_mean)

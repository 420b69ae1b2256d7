"""The mel autoencoder of MT-MusicLDM and MSG-LD: AutoencoderKL on log-mel spectra.

Architecture of latent diffusion's AutoencoderKL (Rombach et al. 2022) as MusicLDM configures it:
width 128, multipliers 1, 2, 4, two residual blocks a level, attention in the middle, 8 latent
channels at a quarter of the resolution in time and in frequency. 1024 spectra of 64 bands become
[8, 256, 16]; here the 8 channels and 16 frequencies of a latent frame are one axis of 128.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from stembridge.nn.mel import Mel, MelConfig
from stembridge.nn.source_vae import LOG_VARIANCE_RANGE, Posterior


@dataclass(frozen=True)
class MelVAEConfig(MelConfig):
    """Shape of spectra and autoencoder.

    Attributes:
        width: channels of the first level.
        multipliers: of the levels' widths; each level but the first halves time and frequency.
        n_blocks: residual blocks of a level.
        depth: latent channels.
    """

    width: int = 128
    multipliers: tuple[int, ...] = (1, 2, 4)
    n_blocks: int = 2
    depth: int = 8

    @property
    def factor(self) -> int:
        """By how much time and frequency shrink."""
        return 2 ** (len(self.multipliers) - 1)

    @property
    def frequencies(self) -> int:
        """Latent frequencies."""
        return self.bands // self.factor

    @property
    def latent_hop(self) -> int:
        """Samples per latent frame."""
        return self.hop * self.factor

    @property
    def latent_channels(self) -> int:
        """C: depth and frequency as one axis."""
        return self.depth * self.frequencies


def normed(channels: int) -> nn.GroupNorm:
    """Group norm of 32 groups, or of as many as a narrow layer has room for."""
    return nn.GroupNorm(math.gcd(32, channels), channels)


class _Residual(nn.Module):
    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            normed(n_in), nn.SiLU(), nn.Conv2d(n_in, n_out, 3, padding=1),
            normed(n_out), nn.SiLU(), nn.Conv2d(n_out, n_out, 3, padding=1),
        )  # fmt: skip
        self.past = nn.Conv2d(n_in, n_out, 1) if n_in != n_out else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.past(x) + self.body(x)


class _Attention(nn.Module):
    """One head over all positions of [B, channels, T, F], with a residual."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = normed(channels)
        self.to_qkv = nn.Linear(channels, 3 * channels)
        self.leave = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        rows = self.norm(x).flatten(2).transpose(1, 2)
        query, key, value = self.to_qkv(rows).chunk(3, dim=-1)
        heard = functional.scaled_dot_product_attention(
            query[:, None], key[:, None], value[:, None]
        )
        return x + self.leave(heard[:, 0]).transpose(1, 2).unflatten(2, (-1, x.shape[3]))


class _Halve(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(functional.pad(x, (0, 1, 0, 1)))


class _Double(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(functional.interpolate(x, scale_factor=2.0, mode="nearest"))


def _middle(channels: int) -> list[nn.Module]:
    return [_Residual(channels, channels), _Attention(channels), _Residual(channels, channels)]


def _encoder(config: MelVAEConfig) -> nn.Sequential:
    widths = [config.width * m for m in (config.multipliers[0], *config.multipliers)]
    layers: list[nn.Module] = [nn.Conv2d(1, widths[0], 3, padding=1)]
    for level, (n_in, n_out) in enumerate(pairwise(widths)):
        layers += [_Halve(n_in)] if level else []
        layers += [_Residual(n_in if i == 0 else n_out, n_out) for i in range(config.n_blocks)]
    top = widths[-1]
    head = nn.Conv2d(top, 2 * config.depth, 3, padding=1)
    quantised = nn.Conv2d(2 * config.depth, 2 * config.depth, 1)
    return nn.Sequential(*layers, *_middle(top), normed(top), nn.SiLU(), head, quantised)


def _decoder(config: MelVAEConfig) -> nn.Sequential:
    widths = [config.width * m for m in reversed((config.multipliers[0], *config.multipliers))]
    top = widths[0]
    layers: list[nn.Module] = [
        nn.Conv2d(config.depth, config.depth, 1), nn.Conv2d(config.depth, top, 3, padding=1),
        *_middle(top),
    ]  # fmt: skip
    for level, (n_in, n_out) in enumerate(pairwise(widths)):
        layers += [_Residual(n_in if i == 0 else n_out, n_out) for i in range(config.n_blocks + 1)]
        layers += [_Double(n_out)] if level < len(widths) - 2 else []
    last = widths[-1]
    return nn.Sequential(*layers, normed(last), nn.SiLU(), nn.Conv2d(last, 1, 3, padding=1))


class MelVAE(nn.Module):
    """Audio to latents and back through log-mel spectra; `scale` makes latents of unit deviation.

    The paper divides by the deviation of the first training batch; so does `training.mel_vae`.
    """

    scale: Tensor

    def __init__(self, config: MelVAEConfig) -> None:
        super().__init__()
        self.config = config
        self.mel = Mel(config)
        self.encoder_network = _encoder(config)
        self.decoder_network = _decoder(config)
        self.register_buffer("scale", torch.ones(()))

    def posterior(self, spectra: Tensor) -> Posterior:
        """Of log-mel spectra [B, J, bands]: both [B, depth, J / factor, frequencies]."""
        mean, log_variance = self.encoder_network(spectra[:, None]).chunk(2, dim=1)
        return Posterior(mean, log_variance.clamp(*LOG_VARIANCE_RANGE))

    def decode(self, latents: Tensor) -> Tensor:
        """Log-mel spectra of unscaled latents [B, depth, F, frequencies]."""
        return self.decoder_network(latents)[:, 0]

    def encoder(self, audio: Tensor) -> Tensor:
        """Audio [B, F latent_hop] to scaled latents [B, C, F]."""
        mean = self.posterior(self.mel(audio)).mean * self.scale
        return mean.transpose(2, 3).flatten(1, 2)

    def decoder(self, latents: Tensor) -> Tensor:
        """Scaled latents [B, C, F] to audio [B, F latent_hop]."""
        config = self.config
        folded = latents.unflatten(1, (config.depth, config.frequencies)).transpose(2, 3)
        return self.mel.audio(self.decode(folded / self.scale))

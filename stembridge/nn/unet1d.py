"""The 1-D U-Net of MSDM and MSLDM over all stems' latents at once.

The stems' channels are stacked ([B, S, C, F] -> [B, S C, F]), 16 frames at a time are folded into
channels, and a U-Net with self-attention runs over the folded frames. It reads one sigma per item.
Structure: audio-diffusion-pytorch 0.0.43 `UNet1d`; configurations: the papers' released files.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor, nn

from stembridge.nn.precondition import noise_level
from stembridge.nn.unet_blocks import (
    Attention,
    ChannelsLast,
    NoiseEmbedding,
    Patch,
    ResNetBlock,
    Transformer,
    Unpatch,
)

SKIP_SCALE = 2**-0.5


@dataclass(frozen=True)
class UNet1dConfig:
    """Shape of the U-Net.

    Attributes:
        n_stems: S.
        latent_channels: C per stem.
        condition_channels: K, joined to the input channels (the papers: 0).
        width: channels after patching.
        patch_factor: frames folded into channels.
        multipliers: level widths as multiples of `width`, one more than levels.
        factors: down-sampling of every level.
        n_blocks: ResNet blocks of every level.
        attentions: whether a level has a transformer block.
        heads: attention heads.
        head_features: features per head.
        multiplier: widening of the feed-forward networks.
        groups: groups of the group norms.
    """

    n_stems: int = 4
    latent_channels: int = 80
    condition_channels: int = 0
    width: int = 512
    patch_factor: int = 16
    multipliers: tuple[int, ...] = (1, 2, 2, 2, 1, 1, 1)
    factors: tuple[int, ...] = (1, 1, 2, 1, 1, 2)
    n_blocks: tuple[int, ...] = (2, 2, 2, 2, 2, 4)
    attentions: tuple[bool, ...] = (False, True, True, True, True, True)
    heads: int = 12
    head_features: int = 64
    multiplier: int = 2
    groups: int = 8

    def __post_init__(self) -> None:
        levels = len(self.factors)
        if not len(self.multipliers) - 1 == len(self.n_blocks) == len(self.attentions) == levels:
            raise ValueError("multipliers, factors, n_blocks and attentions disagree on the levels")

    @property
    def mapping_features(self) -> int:
        """Width of the noise mapping that modulates every block."""
        return 4 * self.width

    @property
    def frame_multiple(self) -> int:
        """The number of frames must be a multiple of this."""
        return self.patch_factor * math.prod(self.factors)


class Down(nn.Module):
    """One level down: strided convolution, ResNet blocks, transformer; collects the skips."""

    def __init__(self, config: UNet1dConfig, level: int, n_in: int, n_out: int) -> None:
        super().__init__()
        factor = config.factors[level]
        self.downsample = nn.Conv1d(n_in, n_out, 2 * factor + 1, factor, factor)
        self.blocks = nn.ModuleList(
            ResNetBlock(n_out, n_out, config.groups, config.mapping_features)
            for _ in range(config.n_blocks[level])
        )
        self.transformer = _transformer(config, level, n_out)

    def forward(self, x: Tensor, mapping: Tensor) -> list[Tensor]:
        """Every skip of the level, the last being its output."""
        x = self.downsample(x)
        skips = []
        for block in self.blocks:
            x = block(x, mapping)
            skips.append(x)
        if self.transformer is not None:
            skips.append(self.transformer(x))
        return skips


class Up(nn.Module):
    """One level up: a ResNet block per skip, transformer, up-sampling."""

    def __init__(self, config: UNet1dConfig, level: int, n_in: int, n_out: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            ResNetBlock(2 * n_in, n_in, config.groups, config.mapping_features)
            for _ in range(config.n_blocks[level] + int(config.attentions[level]))
        )
        self.transformer = _transformer(config, level, n_in)
        self.upsample = _upsample(n_in, n_out, config.factors[level])

    def forward(self, x: Tensor, skips: list[Tensor], mapping: Tensor) -> Tensor:
        """Consume the level's skips, the latest first."""
        for block, skip in zip(self.blocks, reversed(skips), strict=True):
            x = block(torch.cat((x, skip * SKIP_SCALE), dim=1), mapping)
        if self.transformer is not None:
            x = self.transformer(x)
        return self.upsample(x)


def _transformer(config: UNet1dConfig, level: int, channels: int) -> Transformer | None:
    if not config.attentions[level]:
        return None
    return Transformer(channels, config.heads, config.head_features, config.multiplier)


def _upsample(n_in: int, n_out: int, factor: int) -> nn.Module:
    if factor == 1:
        return nn.Conv1d(n_in, n_out, 3, padding=1)
    odd = factor % 2
    return nn.ConvTranspose1d(
        n_in, n_out, 2 * factor, factor, padding=factor // 2 + odd, output_padding=odd
    )


class Bottleneck(nn.Module):
    """ResNet block, attention (here without a residual, as in the reference), ResNet block."""

    def __init__(self, config: UNet1dConfig, channels: int) -> None:
        super().__init__()
        features, groups = config.mapping_features, config.groups
        self.pre_block = ResNetBlock(channels, channels, groups, features)
        self.attention = ChannelsLast(Attention(channels, config.heads, config.head_features))
        self.post_block = ResNetBlock(channels, channels, groups, features)

    def forward(self, x: Tensor, mapping: Tensor) -> Tensor:
        """Apply to [B, channels, T]."""
        return self.post_block(self.attention(self.pre_block(x, mapping)), mapping)


class _PatchList(nn.Module):
    """The reference nests its one patch block in a list; kept for its parameter names."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.module_list = nn.ModuleList([block])

    def forward(self, x: Tensor, mapping: Tensor) -> Tensor:
        return self.module_list[0](x, mapping)


class UNet1d(nn.Module):
    """F(x, sigma, conditions) for `precondition.Preconditioned`."""

    def __init__(self, config: UNet1dConfig) -> None:
        super().__init__()
        self.config = config
        width, features = config.width, config.mapping_features
        widths = [width * multiplier for multiplier in config.multipliers]
        n_out = config.n_stems * config.latent_channels
        n_in = n_out + config.condition_channels
        embedding = nn.Sequential(NoiseEmbedding(width), nn.Linear(width + 1, features))
        self.to_mapping = nn.Sequential(
            nn.Linear(features, features), nn.GELU(), nn.Linear(features, features), nn.GELU()
        )
        self.to_time = nn.Sequential(embedding, nn.GELU())
        self.to_in = _PatchList(Patch(n_in, width, config.patch_factor, features))
        levels = list(enumerate(pairwise(widths)))
        self.downsamples = nn.ModuleList(
            Down(config, level, above, below) for level, (above, below) in levels
        )
        self.bottleneck = Bottleneck(config, widths[-1])
        self.upsamples = nn.ModuleList(
            Up(config, level, below, above) for level, (above, below) in reversed(levels)
        )
        self.to_out = _PatchList(Unpatch(width, n_out, config.patch_factor, features))

    def forward(self, x: Tensor, sigma: Tensor, conditions: Tensor) -> Tensor:
        """Raw output [B, S, C, F] for x [B, S, C, F].

        sigma [B, S, F] is read as its maximum per item; F must be a multiple of
        `config.frame_multiple`. conditions [B, K, F] are read if the config has channels for them.
        """
        stacked = x.flatten(1, 2)
        if self.config.condition_channels:
            stacked = torch.cat((stacked, conditions), dim=1)
        output = self.stacked(stacked, noise_level(sigma.amax(dim=(1, 2))))
        return output.unflatten(1, (self.config.n_stems, self.config.latent_channels))

    def stacked(self, x: Tensor, level: Tensor) -> Tensor:
        """The reference's interface: x [B, S C + K, F] and c_noise [B] -> [B, S C, F]."""
        mapping = self.to_mapping(self.to_time(level))
        x = patched = self.to_in(x, mapping)
        kept = []
        for down in self.downsamples:
            skips = down(x, mapping)
            x = skips[-1]
            kept.append(skips)
        x = self.bottleneck(x, mapping)
        for up in self.upsamples:
            x = up(x, kept.pop(), mapping)
        return self.to_out(x + patched, mapping)


class PerStem(nn.Module):
    """A U-Net for every stem, which hears no other: ISLDM, and MSDM's weakly supervised prior.

    One network file serves all of them. Their losses add up, so training them together is training
    each alone.
    """

    def __init__(self, config: UNet1dConfig) -> None:
        super().__init__()
        self.config = config
        own = replace(config, n_stems=1)
        self.networks = nn.ModuleList(UNet1d(own) for _ in range(config.n_stems))

    def forward(self, x: Tensor, sigma: Tensor, conditions: Tensor) -> Tensor:
        """As `UNet1d.forward`; every stem's sigma is read by its own network."""
        made = [
            network(x[:, k : k + 1], sigma[:, k : k + 1], conditions)
            for k, network in enumerate(self.networks)
        ]
        return torch.cat(made, dim=1)

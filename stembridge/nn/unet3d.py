"""The 3-D U-Net over stems of MT-MusicLDM and MSG-LD.

OpenAI's U-Net (Dhariwal and Nichol 2021) with 3-D convolutions: the stems are its channels, the
axes are latent depth, time and frequency, of which the latter two shrink. MT-MusicLDM tells it an
embedding of 512 numbers, joined to the time embedding in every block (FiLM); MSG-LD the mixture's
latent, added to the hidden state before every block. Tensors are [B, channels, depth, T, F].
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from stembridge.diffusion.schedule import ddpm_levels
from stembridge.nn.mel_vae import normed


@dataclass(frozen=True)
class UNet3dConfig:
    """Shape of the network.

    Attributes:
        n_stems: S.
        depth, frequencies: of a latent frame; C is their product.
        width: channels of the first level.
        multipliers: of the levels' widths; each level but the last halves time and frequency.
        n_blocks: residual blocks of a level.
        attention_levels: levels with attention, counted from 0.
        head_features: per attention head.
        told: what the conditions are: an embedding, the latents of a mixture, or nothing.
        embedding: numbers of an embedding.
    """

    n_stems: int = 4
    depth: int = 8
    frequencies: int = 16
    width: int = 192
    multipliers: tuple[int, ...] = (1, 2, 3, 5)
    n_blocks: int = 2
    attention_levels: tuple[int, ...] = (1, 2, 3)
    head_features: int = 32
    told: Literal["embedding", "mixture", "nothing"] = "mixture"
    embedding: int = 512

    @property
    def latent_channels(self) -> int:
        """C per stem."""
        return self.depth * self.frequencies

    @property
    def condition_channels(self) -> int:
        """K: an embedding (the same in every frame), or a mixture's latents."""
        return {"embedding": self.embedding, "mixture": self.latent_channels, "nothing": 0}[
            self.told
        ]

    @property
    def frame_multiple(self) -> int:
        """The number of frames must be a multiple of this."""
        return 2 ** (len(self.multipliers) - 1)

    @property
    def features(self) -> int:
        """Width of what modulates every block."""
        return 4 * self.width * (2 if self.told == "embedding" else 1)


class _Block(nn.Module):
    """Two convolutions, the second scaled and shifted by the features, and a residual path."""

    def __init__(self, n_in: int, n_out: int, features: int) -> None:
        super().__init__()
        self.enter = nn.Sequential(normed(n_in), nn.SiLU(), nn.Conv3d(n_in, n_out, 3, padding=1))
        self.modulate = nn.Sequential(nn.SiLU(), nn.Linear(features, 2 * n_out))
        self.norm = normed(n_out)
        self.leave = nn.Sequential(nn.SiLU(), nn.Conv3d(n_out, n_out, 3, padding=1))
        self.past = nn.Conv3d(n_in, n_out, 1) if n_in != n_out else nn.Identity()

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        scale, shift = self.modulate(features)[:, :, None, None, None].chunk(2, dim=1)
        h = self.norm(self.enter(x)) * (1 + scale) + shift
        return self.past(x) + self.leave(h)


class _Attention(nn.Module):
    """Self-attention over all positions, with a residual."""

    def __init__(self, channels: int, head_features: int) -> None:
        super().__init__()
        self.heads = max(1, channels // head_features)
        self.norm = normed(channels)
        self.to_qkv = nn.Linear(channels, 3 * channels)
        self.leave = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        rows = self.norm(x).flatten(2).transpose(1, 2)
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in self.to_qkv(rows).chunk(3, dim=-1)
        )
        heard = functional.scaled_dot_product_attention(query, key, value)
        heard = heard.transpose(1, 2).flatten(2)
        shape = (x.shape[2], -1, x.shape[4])
        return x + self.leave(heard).transpose(1, 2).unflatten(2, shape)


class _Stage(nn.Module):
    """A residual block, and attention where the level has it."""

    def __init__(self, config: UNet3dConfig, level: int, n_in: int, n_out: int) -> None:
        super().__init__()
        self.block = _Block(n_in, n_out, config.features)
        attends = level in config.attention_levels
        self.attention = _Attention(n_out, config.head_features) if attends else nn.Identity()

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        return self.attention(self.block(x, features))


class _Halve(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Conv3d(channels, channels, 3, stride=(1, 2, 2), padding=1)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        return self.body(x)


class _Double(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Conv3d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        doubled = x.repeat_interleave(2, dim=3).repeat_interleave(2, dim=4)
        return self.body(doubled)


class UNet3d(nn.Module):
    """epsilon(x, sigma, conditions) for `precondition.EpsilonPreconditioned`."""

    levels: Tensor
    rates: Tensor

    def __init__(self, config: UNet3dConfig) -> None:
        super().__init__()
        self.config = config
        width, levels = config.width, len(config.multipliers)
        widths = [width * multiplier for multiplier in config.multipliers]
        self.to_features = nn.Sequential(
            nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, 4 * width)
        )
        self.register_buffer("levels", torch.tensor(ddpm_levels()), persistent=False)
        rates = torch.exp(-math.log(10_000) * torch.arange(width // 2) / (width // 2))
        self.register_buffer("rates", rates, persistent=False)
        embeds = config.told == "embedding"
        self.film = nn.Linear(config.embedding, 4 * width) if embeds else None
        self.enter = nn.Conv3d(config.n_stems, width, 3, padding=1)
        self.downs, kept, now = nn.ModuleList(), [width], width
        for level, wide in enumerate(widths):
            for _ in range(config.n_blocks):
                self.downs.append(_Stage(config, level, now, wide))
                now = wide
                kept.append(now)
            if level < levels - 1:
                self.downs.append(_Halve(now))
                kept.append(now)
        self.middle = nn.ModuleList(
            [_Stage(config, levels - 1, now, now), _Block(now, now, config.features)]
        )
        self.ups = nn.ModuleList()
        for level, wide in reversed(list(enumerate(widths))):
            for _ in range(config.n_blocks + 1):
                self.ups.append(_Stage(config, level, now + kept.pop(), wide))
                now = wide
            if level:
                self.ups.append(_Double(now))
        self.leave = nn.Sequential(
            normed(now), nn.SiLU(), nn.Conv3d(now, config.n_stems, 3, padding=1)
        )

    def forward(self, x: Tensor, sigma: Tensor, conditions: Tensor) -> Tensor:
        """Noise in x [B, S, C, F], under conditions [B, K, F].

        sigma [B, S, F] is read as its maximum per item, and told as the last step of a DDPM's
        thousand whose level it reaches.
        """
        config = self.config
        reached = sigma.amax(dim=(1, 2))[:, None] >= self.levels * (1 - 1e-5)
        step = (reached.to(x.dtype).sum(1) - 1).clamp_min(0)
        features, mixture = self._told(step, conditions)
        h = self.enter(_unfolded(x, config))
        skips = [h]
        for down in self.downs:
            h = down(_with(mixture, h), features)
            skips.append(h)
        for stage in self.middle:
            h = stage(h, features)
        for up in self.ups:
            joined = h if isinstance(up, _Double) else torch.cat([h, skips.pop()], 1)
            h = up(_with(mixture, joined), features)
        return self.leave(h).transpose(3, 4).flatten(2, 3)

    def _sinusoids(self, step: Tensor) -> Tensor:
        """Embedding [B, width] of steps [B] (Vaswani et al. 2017), cosines first."""
        phases = step[:, None] * self.rates
        return torch.cat([phases.cos(), phases.sin()], 1)

    def _told(self, step: Tensor, conditions: Tensor) -> tuple[Tensor, Tensor | None]:
        """What modulates the blocks [B, features], and the mixture [B, 1, depth, T, F]."""
        features = self.to_features(self._sinusoids(step))
        if self.film is not None:
            features = torch.cat([features, self.film(conditions.mean(2))], 1)
        if self.config.told != "mixture":
            return features, None
        return features, _unfolded(conditions[:, None], self.config)


def _unfolded(latents: Tensor, config: UNet3dConfig) -> Tensor:
    """[B, S, C, T] to [B, S, depth, T, frequencies]."""
    return latents.unflatten(2, (config.depth, config.frequencies)).transpose(3, 4)


def _with(mixture: Tensor | None, h: Tensor) -> Tensor:
    """The hidden state with the mixture on it, pooled to its size."""
    if mixture is None:
        return h
    factor = mixture.shape[3] // h.shape[3]
    return h + functional.avg_pool3d(mixture, (1, factor, factor))

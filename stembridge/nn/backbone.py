"""The default model's denoising network: dilated frame mixing and a little attention.

Everything is a matrix product, because that is what two CPU cores do best: a "convolution" is
one linear layer on three frames side by side. The noise level enters twice: the loudest level of
each stem modulates every block (AdaLN, Peebles and Xie 2023), and the level of every single frame
of every stem is an input channel, so that given stems and given stretches of time are seen as
such.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from stembridge.nn.precondition import noise_level


@dataclass(frozen=True)
class BackboneShape:
    """What is free to choose about the network.

    Attributes:
        width: features per frame d.
        expansion: hidden features of a block, as a multiple of d.
        dilations: one entry per block, distance of the mixed frames; 0 makes an attention block.
        heads: attention heads.
        level_features: size of the noise level's embedding per stem.
    """

    width: int = 256
    expansion: int = 2
    dilations: tuple[int, ...] = (1, 2, 4, 8, 0, 1, 16, 2, 0, 4, 1)
    heads: int = 4
    level_features: int = 64


@dataclass(frozen=True, kw_only=True)
class BackboneConfig(BackboneShape):
    """The network: its shape, and the axes of what it denoises.

    Attributes:
        stems: S.
        channels: latent channels C.
        conditions: condition channels K.
    """

    stems: int
    channels: int
    conditions: int


def _shifted(x: Tensor, by: int) -> Tensor:
    """Frames `[B, F, d]` moved by `by` (positive: later), zeros coming in."""
    length = x.shape[1]
    padded = functional.pad(x, (0, 0, max(by, 0), max(-by, 0)))
    return padded[:, max(-by, 0) : max(-by, 0) + length]


class FrameMixer(nn.Module):
    """Three frames at a dilation -> hidden -> one frame."""

    def __init__(self, width: int, hidden: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.enter = nn.Linear(3 * width, hidden)
        self.leave = nn.Linear(hidden, width)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, x: Tensor) -> Tensor:
        """`[B, F, d]` to `[B, F, d]`."""
        around = torch.cat([_shifted(x, self.dilation), x, _shifted(x, -self.dilation)], dim=2)
        return self.leave(functional.gelu(self.enter(around), approximate="tanh"))


class FrameAttention(nn.Module):
    """Multi-head attention over frames with rotary positions (Su et al. 2021), then a mixer."""

    rates: Tensor

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads, self.size = heads, width // heads
        self.project = nn.Linear(width, 3 * width)
        self.join = nn.Linear(width, width)
        self.mix = FrameMixer(width, hidden, 1)
        nn.init.zeros_(self.join.weight)
        nn.init.zeros_(self.join.bias)
        half = self.size // 2
        rates = 1.0 / (1000.0 ** (torch.arange(half) / half))
        self.register_buffer("rates", rates, persistent=False)

    def _turned(self, x: Tensor) -> Tensor:
        """Rotates pairs of features of `[B, H, F, size]` by their frame's angle."""
        # Counted, not arange: a trace would keep the device it was made on.
        frame = torch.ones_like(x[0, 0, :, 0], dtype=torch.float32).cumsum(0) - 1
        angle = frame[:, None] * self.rates
        cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
        a, b = x.chunk(2, dim=3)
        return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=3)

    def forward(self, x: Tensor) -> Tensor:
        """`[B, F, d]` to `[B, F, d]`."""
        batch, length, width = x.shape
        parts = self.project(x).reshape(batch, length, 3, self.heads, self.size)
        q, k, v = parts.permute(2, 0, 3, 1, 4).unbind(0)
        scores = self._turned(q) @ self._turned(k).transpose(2, 3) / math.sqrt(self.size)
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, length, width)
        mixed = self.join(mixed)
        return mixed + self.mix(x + mixed)


class Block(nn.Module):
    """Modulated norm, frame mixing, gated residual."""

    def __init__(self, config: BackboneConfig, dilation: int, level: int) -> None:
        super().__init__()
        width, hidden = config.width, config.width * config.expansion
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulate = nn.Linear(level, 3 * width)
        nn.init.zeros_(self.modulate.weight)
        nn.init.zeros_(self.modulate.bias)
        self.body: nn.Module = (
            FrameMixer(width, hidden, dilation)
            if dilation
            else FrameAttention(width, config.heads, hidden)
        )

    def forward(self, x: Tensor, level: Tensor) -> Tensor:
        """Frames `[B, F, d]`, level `[B, 1, e]` to `[B, F, d]`."""
        shift, scale, gate = self.modulate(level).chunk(3, dim=2)
        return x + (1 + gate) * self.body(self.norm(x) * (1 + scale) + shift)


class Backbone(nn.Module):
    """F(c_in·x, sigma, conditions), to be wrapped in `Preconditioned`."""

    frequencies: Tensor

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        self.config = config
        inputs = config.stems * (config.channels + 1) + config.conditions
        level = config.stems * config.level_features
        frequencies = torch.exp(torch.linspace(0, math.log(60.0), config.level_features // 2))
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.level = nn.Sequential(nn.Linear(level, level), nn.SiLU(), nn.Linear(level, level))
        self.enter = nn.Linear(inputs, config.width)
        self.blocks = nn.ModuleList(Block(config, d, level) for d in config.dilations)
        self.norm = nn.LayerNorm(config.width)
        self.leave = nn.Linear(config.width, config.stems * config.channels)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, x: Tensor, sigma: Tensor, conditions: Tensor) -> Tensor:
        """Latents `[B, S, C, F]`, sigma `[B, S, F]`, conditions `[B, K, F]` to `[B, S, C, F]`."""
        batch, stems, channels, length = x.shape
        frame_level = noise_level(sigma)
        level = self._level(frame_level.amax(2))
        h = torch.cat([x.reshape(batch, stems * channels, length), frame_level, conditions], dim=1)
        h = self.enter(h.transpose(1, 2))
        for block in self.blocks:
            h = block(h, level)
        out = self.leave(self.norm(h)).transpose(1, 2)
        return out.reshape(batch, stems, channels, length)

    def _level(self, levels: Tensor) -> Tensor:
        """Embedding `[B, 1, S·e]` of each stem's loudest noise level `[B, S]`."""
        angle = levels[:, :, None] * self.frequencies
        waves = torch.cat([angle.cos(), angle.sin()], dim=2).flatten(1)
        return functional.silu(self.level(waves))[:, None]

"""Building blocks of the 1-D U-Net: residual blocks, attention, patching, noise embedding.

They follow audio-diffusion-pytorch 0.0.43, which MSDM and MSLDM were trained with, down to the
names of the parameters, so that a checkpoint of those papers loads. Tensors are [B, channels, T].
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class ConvBlock(nn.Module):
    """GroupNorm, optional scale and shift, SiLU, convolution of kernel 3."""

    def __init__(self, n_in: int, n_out: int, groups: int) -> None:
        super().__init__()
        self.groupnorm = nn.GroupNorm(groups, n_in)
        self.project = nn.Conv1d(n_in, n_out, 3, padding=1)

    def forward(
        self, x: Tensor, scale: Tensor | None = None, shift: Tensor | None = None
    ) -> Tensor:
        """Apply; scale and shift are [B, n_in, 1]."""
        x = self.groupnorm(x)
        if scale is not None and shift is not None:
            x = x * (scale + 1) + shift
        return self.project(functional.silu(x))


class ScaleShift(nn.Module):
    """The mapping [B, features] as scale and shift, each [B, channels, 1]."""

    def __init__(self, features: int, channels: int) -> None:
        super().__init__()
        self.to_scale_shift = nn.Sequential(nn.SiLU(), nn.Linear(features, 2 * channels))

    def forward(self, mapping: Tensor) -> tuple[Tensor, Tensor]:
        """Project and split."""
        scale, shift = self.to_scale_shift(mapping).unsqueeze(-1).chunk(2, dim=1)
        return scale, shift


class ResNetBlock(nn.Module):
    """Two convolution blocks, the second modulated by the mapping, and a residual path."""

    def __init__(self, n_in: int, n_out: int, groups: int, mapping_features: int) -> None:
        super().__init__()
        self.block1 = ConvBlock(n_in, n_out, groups)
        self.to_scale_shift = ScaleShift(mapping_features, n_out)
        # Both blocks share the group count, as in the reference.
        self.block2 = ConvBlock(n_out, n_out, groups)
        self.to_out = nn.Conv1d(n_in, n_out, 1) if n_in != n_out else nn.Identity()

    def forward(self, x: Tensor, mapping: Tensor) -> Tensor:
        """Apply to [B, n_in, T] under mapping [B, features]."""
        scale, shift = self.to_scale_shift(mapping)
        return self.block2(self.block1(x), scale, shift) + self.to_out(x)


class FeatureNorm(nn.Module):
    """LayerNorm over the last axis, gain only."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.g = nn.Parameter(torch.ones(features))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise [..., features]."""
        return functional.layer_norm(x, self.g.shape, self.g)


class ChannelNorm(nn.Module):
    """LayerNorm over the channel axis of [B, channels, T], gain only."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.g = nn.Parameter(torch.ones(1, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise every frame."""
        centred = x - x.mean(dim=1, keepdim=True)
        variance = centred.square().mean(dim=1, keepdim=True)
        return centred * (variance + 1e-5).rsqrt() * self.g


class _AttentionOutput(nn.Module):
    """Output projection, under the reference's name `attention`."""

    def __init__(self, n_mid: int, features: int) -> None:
        super().__init__()
        self.to_out = nn.Sequential(nn.Linear(n_mid, features, bias=False), FeatureNorm(features))

    def forward(self, x: Tensor) -> Tensor:
        return self.to_out(x)


class Attention(nn.Module):
    """Multi-head self-attention over frames [B, T, features]; no positions, no residual."""

    def __init__(self, features: int, heads: int, head_features: int) -> None:
        super().__init__()
        self.heads = heads
        n_mid = heads * head_features
        self.norm = FeatureNorm(features)
        self.to_q = nn.Linear(features, n_mid, bias=False)
        self.to_kv = nn.Linear(features, 2 * n_mid, bias=False)
        self.attention = _AttentionOutput(n_mid, features)

    def forward(self, x: Tensor) -> Tensor:
        """Attend; scores are scaled by head_features^-1/2."""
        x = self.norm(x)
        key, value = self.to_kv(x).chunk(2, dim=-1)
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (self.to_q(x), key, value)
        )
        attended = functional.scaled_dot_product_attention(query, key, value)
        return self.attention(attended.transpose(1, 2).flatten(2))


class ChannelsLast(nn.Module):
    """Run a module on [B, T, channels] inside a network of [B, channels, T]."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.fn = module

    def forward(self, x: Tensor) -> Tensor:
        """Transpose, run, transpose back."""
        return self.fn(x.transpose(1, 2)).transpose(1, 2)


class Transformer(nn.Module):
    """Self-attention and a feed-forward network of 1x1 convolutions, each with a residual."""

    def __init__(self, channels: int, heads: int, head_features: int, multiplier: int) -> None:
        super().__init__()
        n_mid = channels * multiplier
        self.attention = ChannelsLast(Attention(channels, heads, head_features))
        self.feed_forward = nn.Sequential(
            ChannelNorm(channels),
            nn.Conv1d(channels, n_mid, 1, bias=False),
            nn.GELU(),
            ChannelNorm(n_mid),
            nn.Conv1d(n_mid, channels, 1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Apply to [B, channels, T]."""
        x = x + self.attention(x)
        return x + self.feed_forward(x)


class Patch(nn.Module):
    """One ResNet block, then p frames folded into channels: [B, in, T] -> [B, out, T / p]."""

    def __init__(self, n_in: int, n_out: int, factor: int, mapping_features: int) -> None:
        super().__init__()
        self.factor = factor
        groups = math.gcd(factor, n_in, n_out // factor)
        self.block = ResNetBlock(n_in, n_out // factor, groups, mapping_features)

    def forward(self, x: Tensor, mapping: Tensor) -> Tensor:
        """Fold; the channel is the major index, the place in the patch the minor one."""
        x = self.block(x, mapping)
        return x.unflatten(-1, (-1, self.factor)).transpose(2, 3).flatten(1, 2)


class Unpatch(nn.Module):
    """Mirror of Patch: [B, in, T] -> [B, out, T * p]."""

    def __init__(self, n_in: int, n_out: int, factor: int, mapping_features: int) -> None:
        super().__init__()
        self.factor = factor
        groups = math.gcd(factor, n_out, n_in // factor)
        self.block = ResNetBlock(n_in // factor, n_out, groups, mapping_features)

    def forward(self, x: Tensor, mapping: Tensor) -> Tensor:
        """Unfold, then the block."""
        x = x.unflatten(1, (-1, self.factor)).transpose(2, 3).flatten(2)
        return self.block(x, mapping)


class NoiseEmbedding(nn.Module):
    """c_noise [B] -> [B, width + 1]: itself and Fourier features of learned frequencies."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.randn(width // 2))

    def forward(self, level: Tensor) -> Tensor:
        """Embed."""
        level = level.unsqueeze(-1)
        phase = 2 * math.pi * level * self.weights
        return torch.cat((level, phase.sin(), phase.cos()), dim=-1)

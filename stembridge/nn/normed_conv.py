"""Weight-normed 1-D convolutions under the parameter names of descript-audio-codec."""

from __future__ import annotations

import copy
import math
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

_Conv = TypeVar("_Conv", nn.Conv1d, nn.ConvTranspose1d)


class _NormedConv(nn.Module):
    """Weights of a weight-normed convolution under DAC's names: weight = g v / |v|.

    Own parameters instead of torch's weight_norm hooks: the old hook is deprecated and the new
    parametrisation renames the entries of the state dict.
    """

    def __init__(self, plain: nn.Conv1d | nn.ConvTranspose1d) -> None:
        super().__init__()
        if plain.bias is None:
            raise ValueError("DAC's convolutions have a bias")
        weight = plain.weight.detach()
        self.bias = nn.Parameter(plain.bias.detach())
        self.weight_g = nn.Parameter(weight.norm(dim=(1, 2), keepdim=True))
        self.weight_v = nn.Parameter(weight.clone())

    def weight(self) -> Tensor:
        """The effective weight."""
        return self.weight_v * (self.weight_g / self.weight_v.norm(dim=(1, 2), keepdim=True))

    def _fill(self, conv: _Conv) -> _Conv:
        with torch.no_grad():
            conv.weight.copy_(self.weight())
            if conv.bias is not None:
                conv.bias.copy_(self.bias)
        return conv


class NormedConv1d(_NormedConv):
    """Weight-normed convolution [B, in, T] -> [B, out, T']."""

    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel: int,
        stride: int = 1,
        dilation: int = 1,
        padding: int = 0,
    ) -> None:
        super().__init__(nn.Conv1d(n_in, n_out, kernel))
        self.stride, self.dilation, self.padding = stride, dilation, padding

    def forward(self, x: Tensor) -> Tensor:
        """Convolve."""
        return functional.conv1d(
            x, self.weight(), self.bias, self.stride, self.padding, self.dilation
        )

    def plain(self) -> nn.Conv1d:
        """The same convolution without weight norm."""
        n_out, n_in, kernel = self.weight_v.shape
        conv = nn.Conv1d(n_in, n_out, kernel, self.stride, self.padding, self.dilation)
        return self._fill(conv)


class NormedConvTranspose1d(_NormedConv):
    """Weight-normed transposed convolution, stride s, kernel 2s: [B, in, T] -> [B, out, T']."""

    def __init__(self, n_in: int, n_out: int, stride: int, exact_length: bool) -> None:
        super().__init__(nn.ConvTranspose1d(n_in, n_out, 2 * stride))
        self.stride, self.padding = stride, math.ceil(stride / 2)
        self.output_padding = stride % 2 if exact_length else 0

    def forward(self, x: Tensor) -> Tensor:
        """Up-sample by the stride."""
        return functional.conv_transpose1d(
            x, self.weight(), self.bias, self.stride, self.padding, self.output_padding
        )

    def plain(self) -> nn.ConvTranspose1d:
        """The same convolution without weight norm."""
        n_in, n_out, kernel = self.weight_v.shape
        conv = nn.ConvTranspose1d(
            n_in, n_out, kernel, self.stride, self.padding, self.output_padding
        )
        return self._fill(conv)


def fold_weight_norm(module: nn.Module) -> nn.Module:
    """A copy in which every weight-normed convolution is a plain one: same output, fewer nodes."""
    module = copy.deepcopy(module)
    for name, child in list(module.named_modules()):
        if isinstance(child, NormedConv1d | NormedConvTranspose1d):
            parent_name, _, attribute = name.rpartition(".")
            setattr(module.get_submodule(parent_name), attribute, child.plain())
    return module

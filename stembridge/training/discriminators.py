"""The judges of the autoencoder: five period discriminators and three multi-band STFT ones.

Source: DAC (Kumar et al. 2023, section 3.3); periods from HiFi-GAN (Kong et al. 2020).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

PEAK = 0.8


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Shape of all discriminators.

    Attributes:
        periods: of the period discriminators, in samples.
        period_widths: channels of their layers.
        windows: STFT lengths of the multi-band discriminators, in samples; the hop is a quarter.
        band_edges: of the bands, as shares of the spectrum.
        band_width: channels of their layers.
    """

    periods: tuple[int, ...] = (2, 3, 5, 7, 11)
    period_widths: tuple[int, ...] = (32, 128, 512, 1024, 1024)
    windows: tuple[int, ...] = (2048, 1024, 512)
    band_edges: tuple[float, ...] = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
    band_width: int = 32


def _convolution(
    n_in: int,
    n_out: int,
    kernel: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
) -> nn.Module:
    padding = (kernel[0] // 2, kernel[1] // 2)
    return weight_norm(nn.Conv2d(n_in, n_out, kernel, stride, padding))


def _run(layers: Iterable[nn.Module], x: Tensor) -> list[Tensor]:
    features = []
    for layer in layers:
        x = functional.leaky_relu(layer(x), 0.1)
        features.append(x)
    return features


class PeriodDiscriminator(nn.Module):
    """Looks at every period-th sample: audio folded to [B, 1, n / period, period]."""

    def __init__(self, period: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.period = period
        strides = [(3, 1)] * (len(widths) - 1) + [(1, 1)]
        self.layers = nn.ModuleList(
            _convolution(n_in, n_out, (5, 1), stride)
            for n_in, n_out, stride in zip((1, *widths[:-1]), widths, strides, strict=True)
        )
        self.judge = _convolution(widths[-1], 1, (3, 1))

    def forward(self, audio: Tensor) -> list[Tensor]:
        """Features of audio [B, n], the judgement last."""
        missing = -audio.shape[-1] % self.period
        folded = functional.pad(audio[:, None], (0, missing), mode="reflect")
        features = _run(self.layers, folded.unflatten(-1, (-1, self.period)))
        return [*features, self.judge(features[-1])]


class BandDiscriminator(nn.Module):
    """Looks at the complex spectrum, [B, 2, frames, bins], band by band."""

    def __init__(self, window: int, edges: tuple[float, ...], width: int) -> None:
        super().__init__()
        n_bins = window // 2 + 1
        cuts = [int(edge * n_bins) for edge in edges]
        self.bands = list(pairwise(cuts))
        self.n_fft = window
        self.register_buffer("window", torch.hann_window(window), persistent=False)
        self.stacks = nn.ModuleList(_band_layers(width) for _ in self.bands)
        self.judge = _convolution(width, 1, (3, 3))

    def forward(self, audio: Tensor) -> list[Tensor]:
        """Features of audio [B, n], the judgement last."""
        window = self.get_buffer("window")
        spectrum = torch.stft(
            audio, self.n_fft, self.n_fft // 4, window=window, return_complex=True
        )
        planes = torch.view_as_real(spectrum).permute(0, 3, 2, 1)
        features, tops = [], []
        for (low, high), layers in zip(self.bands, self.stacks, strict=True):
            found = _run(layers.children(), planes[..., low:high])
            features += found
            tops.append(found[-1])
        return [*features, self.judge(torch.cat(tops, dim=-1))]


def _band_layers(width: int) -> nn.Sequential:
    return nn.Sequential(
        _convolution(2, width, (3, 9)),
        *(_convolution(width, width, (3, 9), (1, 2)) for _ in range(3)),
        _convolution(width, width, (3, 3)),
    )


class Discriminators(nn.Module):
    """All of them, on audio without its mean and at one peak level."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.all = nn.ModuleList(
            [
                *(PeriodDiscriminator(p, config.period_widths) for p in config.periods),
                *(
                    BandDiscriminator(n, config.band_edges, config.band_width)
                    for n in config.windows
                ),
            ]
        )

    def forward(self, audio: Tensor) -> list[list[Tensor]]:
        """Features of audio [B, n], per discriminator."""
        centred = audio - audio.mean(dim=-1, keepdim=True)
        peak = centred.abs().amax(dim=-1, keepdim=True)
        levelled = PEAK * centred / (peak + 1e-9)
        return [discriminator(levelled) for discriminator in self.all]

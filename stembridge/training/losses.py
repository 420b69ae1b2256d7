"""Losses of the autoencoder: multi-scale log-mel distance, and the adversarial pair.

Source: DAC (Kumar et al. 2023, section 3.4), which MSLDM's SourceVAE takes over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from stembridge.nn.mel import mel_filters as mel_filters


@dataclass(frozen=True)
class MelScales:
    """Window lengths of the transforms, with the number of mel bands of each."""

    windows: tuple[int, ...] = (32, 64, 128, 256, 512, 1024, 2048)
    bands: tuple[int, ...] = (5, 10, 20, 40, 80, 160, 320)


class MelDistance(nn.Module):
    """Sum over scales of the mean |log10 mel(a) - log10 mel(b)|, magnitudes floored at 1e-5."""

    def __init__(self, sample_rate: int, scales: MelScales | None = None) -> None:
        super().__init__()
        self.scales = scales or MelScales()
        for window, n_mels in zip(self.scales.windows, self.scales.bands, strict=True):
            filters = mel_filters(n_mels, window, sample_rate)
            self.register_buffer(f"filters_{window}", filters, persistent=False)
            self.register_buffer(f"window_{window}", torch.hann_window(window), persistent=False)

    def forward(self, found: Tensor, expected: Tensor) -> Tensor:
        """Distance of audio [B, n] from audio [B, n]; a scalar."""
        distances = [
            (self._log_mel(found, n) - self._log_mel(expected, n)).abs().mean()
            for n in self.scales.windows
        ]
        return torch.stack(distances).sum()

    def _log_mel(self, audio: Tensor, n: int) -> Tensor:
        window = self.get_buffer(f"window_{n}")
        spectrum = torch.stft(audio, n, n // 4, window=window, return_complex=True).abs()
        return (self.get_buffer(f"filters_{n}") @ spectrum).clamp_min(1e-5).log10()


Features = Sequence[Sequence[Tensor]]
"""Of every discriminator, the output of every layer; the last is its judgement."""


def discriminator_loss(real: Features, fake: Features) -> Tensor:
    """Least squares (Mao et al. 2017, eq. 9): judgements 1 on real audio, 0 on decoded audio."""
    terms = [
        fake_layers[-1].square().mean() + (1 - real_layers[-1]).square().mean()
        for real_layers, fake_layers in zip(real, fake, strict=True)
    ]
    return torch.stack(terms).sum()


def adversarial_loss(fake: Features) -> Tensor:
    """The decoder's side of it: judgement 1 on decoded audio."""
    return torch.stack([(1 - layers[-1]).square().mean() for layers in fake]).sum()


def feature_loss(real: Features, fake: Features) -> Tensor:
    """L1 between all inner layers on real and decoded audio (Larsen et al. 2016)."""
    terms = [
        functional.l1_loss(fake_layer, real_layer.detach())
        for real_layers, fake_layers in zip(real, fake, strict=True)
        for real_layer, fake_layer in zip(real_layers[:-1], fake_layers[:-1], strict=True)
    ]
    return torch.stack(terms).sum()

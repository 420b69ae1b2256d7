"""Which style given stems are in: what a band-mate hears before choosing how to play.

A stem is heard through statistics of its latents over time: mean, deviation, change from frame to
frame, and, for the leading channels, the part that moves with each of the grid's waves (a kick on
every beat and a kick on every other differ in nothing else). Tempo and length of the bar come from
the grid condition. A small network of one hidden layer turns these into the chances of the styles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from stembridge.conditions import GRID_CHANNELS, GRID_PERIODS_BEATS

_FLAG, _LOG_TEMPO, _FIRST_WAVE = 0, 1, 2  # rows of the grid block
_BAR_SINE = _FIRST_WAVE + 2 * len(GRID_PERIODS_BEATS)
# Centres of soft bins: from, to, how many.
_TEMPOS = (-0.9, 0.9, 10)  # log2(bpm / 110)
_BARS_BEATS = (2.0, 6.0, 9)
_LIMIT = 5.0  # deviations; what lies farther out is no better known


@dataclass(frozen=True)
class StyleClassifierConfig:
    """Shape of the classifier.

    Attributes:
        stems: S. channels: latent channels C. styles: how many it tells apart.
        frame_s: length of a latent frame in s.
        detail: leading channels that are heard against the grid, at most C.
        hidden: features of the hidden layer.
    """

    stems: int
    channels: int
    styles: int
    frame_s: float
    detail: int = 12
    hidden: int = 64

    @property
    def statistics(self) -> int:
        """Statistics N of one stem."""
        detail = min(self.detail, self.channels)
        return 3 * self.channels + detail * (GRID_CHANNELS - _FIRST_WAVE)


class StyleClassifier(nn.Module):
    """Latents, what of them is given, and conditions to chances of styles."""

    mean: Tensor
    deviation: Tensor
    tempos: Tensor
    bars_beats: Tensor

    def __init__(self, config: StyleClassifierConfig) -> None:
        super().__init__()
        self.config = config
        shape = (config.stems, config.statistics)
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("deviation", torch.ones(shape))
        # Buffers, because a trace would keep the device a constant was made on.
        self.register_buffer("tempos", torch.linspace(*_TEMPOS), persistent=False)
        self.register_buffer("bars_beats", torch.linspace(*_BARS_BEATS), persistent=False)
        inputs = config.stems * (config.statistics + 1) + 1 + _TEMPOS[2] + _BARS_BEATS[2]
        self.enter = nn.Linear(inputs, config.hidden)
        self.leave = nn.Linear(config.hidden, config.styles)

    def forward(self, latents: Tensor, given: Tensor, conditions: Tensor) -> Tensor:
        """Chances `[B, styles]`.

        Args:
            latents: `[B, S, C, F]`.
            given: `[B, S, F]`, 1 where latents are known.
            conditions: `[B, K, F]`, the grid block first.
        """
        heard = self.statistics(latents, given, conditions)
        return self.logits(heard, given, conditions).softmax(1)

    def logits(self, heard: Tensor, given: Tensor, conditions: Tensor) -> Tensor:
        """Unnormalised log chances `[B, styles]` from statistics `[B, S, N]`."""
        present = given.amax(2, keepdim=True)
        unit = ((heard - self.mean) / self.deviation).clamp(-_LIMIT, _LIMIT) * present
        grid = self._tempo_and_bar(conditions)
        inputs = torch.cat([unit.flatten(1), present.flatten(1), grid], dim=1)
        return self.leave(functional.gelu(self.enter(inputs), approximate="tanh"))

    def statistics(self, latents: Tensor, given: Tensor, conditions: Tensor) -> Tensor:
        """Statistics `[B, S, N]` over the given frames."""
        known = given.unsqueeze(2)
        count = known.sum(3).clamp_min(1)
        latents = latents * known
        mean = latents.sum(3) / count
        deviation = (latents.square().sum(3) / count - mean.square()).clamp_min(0).sqrt()
        both = known[..., 1:] * known[..., :-1]
        change = ((latents[..., 1:] - latents[..., :-1]).abs() * both).sum(3) / count
        waves = conditions[:, _FIRST_WAVE:GRID_CHANNELS]
        centred = (latents - mean.unsqueeze(3) * known)[:, :, : self.config.detail]
        locked = torch.einsum("bscf,bgf->bscg", centred, waves) / count.unsqueeze(3)
        return torch.cat([mean, deviation, change, locked.flatten(2)], dim=2)

    def _tempo_and_bar(self, conditions: Tensor) -> Tensor:
        """Flag and soft bins of tempo and bar length; zeros where no grid is told."""
        known = conditions[:, _FLAG].amax(1, keepdim=True)
        log_tempo = conditions[:, _LOG_TEMPO].mean(1, keepdim=True)
        sine, cosine = conditions[:, _BAR_SINE], conditions[:, _BAR_SINE + 1]
        turn = torch.atan2(
            (sine[:, 1:] * cosine[:, :-1] - cosine[:, 1:] * sine[:, :-1]).sum(1, keepdim=True),
            (cosine[:, 1:] * cosine[:, :-1] + sine[:, 1:] * sine[:, :-1]).sum(1, keepdim=True)
            + (1 - known),  # ONNX has a quotient for the angle: without a grid it would be 0 / 0
        )
        frame_beats = 110.0 / 60.0 * self.config.frame_s * torch.exp(math.log(2) * log_tempo)
        bar_beats = 2 * math.pi * frame_beats / turn.clamp_min(1e-3)
        bins = torch.cat(
            [_soft_bins(log_tempo, self.tempos), _soft_bins(bar_beats, self.bars_beats)], 1
        )
        return torch.cat([torch.ones_like(known), bins], 1) * known


def _soft_bins(value: Tensor, centres: Tensor) -> Tensor:
    """How near `[B, 1]` lies to each of evenly spaced centres, `[B, n]`, 1 at a centre."""
    spacing = centres[1] - centres[0]
    return torch.exp(-0.5 * ((value - centres) / (0.6 * spacing)).square())

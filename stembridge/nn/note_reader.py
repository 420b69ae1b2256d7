"""Reads the notes of a stem out of its latents: a few dilated convolutions over time.

For every frame and pitch: the share of an onset, of the frame that sounds, where the onset lies,
and its velocity (see `stembridge.parts.reader`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

QUANTITIES = 4
_RARE = -4.0  # log odds that a pitch starts or sounds in a frame


@dataclass(frozen=True)
class NoteReaderConfig:
    """Shape of the reader.

    Attributes:
        channels: latent channels C.
        lowest: MIDI pitch of the first row. pitches: rows P.
        width: features per frame. kernel: frames the first layer hears.
        dilations: one residual block each.
    """

    channels: int
    lowest: int
    pitches: int
    width: int = 256
    kernel: int = 5
    dilations: tuple[int, ...] = (1, 2, 1, 4, 1)


class _Block(nn.Module):
    """Norm, three frames at a distance, residual."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width, 1))
        self.shift = nn.Parameter(torch.zeros(width, 1))
        self.mix = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        # Frame by frame, so that a take's end changes nothing before it.
        mean = x.mean(1, keepdim=True)
        deviation = (x - mean).square().mean(1, keepdim=True).add(1e-5).sqrt()
        unit = (x - mean) / deviation * self.scale + self.shift
        return x + functional.gelu(self.mix(unit), approximate="tanh")


class NoteReader(nn.Module):
    """Latents `[B, C, F]` to `[B, 4, P, F]`."""

    def __init__(self, config: NoteReaderConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.enter = nn.Conv1d(config.channels, width, config.kernel, padding=config.kernel // 2)
        self.blocks = nn.ModuleList(_Block(width, dilation) for dilation in config.dilations)
        self.leave = nn.Conv1d(width, QUANTITIES * config.pitches, 1, bias=False)
        rare = torch.zeros(QUANTITIES, config.pitches, 1)
        rare[:2] = _RARE
        self.usual = nn.Parameter(rare)  # silence is the rule

    def logits(self, latents: Tensor) -> Tensor:
        """Latents `[B, C, F]` to `[B, 4, P, F]`: log odds, but offsets are themselves."""
        x = functional.gelu(self.enter(latents), approximate="tanh")
        for block in self.blocks:
            x = block(x)
        # By chunks: a trace would keep the batch that a reshape names.
        return torch.stack(self.leave(x).chunk(QUANTITIES, 1), 1) + self.usual

    def forward(self, latents: Tensor) -> Tensor:
        """Latents `[B, C, F]` to onset, sounding, offset and velocity `[B, 4, P, F]`."""
        onset, sounding, offset, velocity = self.logits(latents).unbind(1)
        return torch.stack([onset.sigmoid(), sounding.sigmoid(), offset, velocity.sigmoid()], 1)

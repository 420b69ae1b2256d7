"""The chord network: a spectrum in thirds of semitones to the chances of chords, frame by frame.

Everything after the first layers treats the twelve pitch classes alike (convolutions that go
around the circle of semitones), so that what it learns of one key it knows of all. Folding octaves
onto channels keeps the register: a root is where the low octaves have it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from stembridge.chords.qualities import HEARD_QUALITIES
from stembridge.chords.spectrum import PER_SEMITONE, SEMITONES


@dataclass(frozen=True)
class ChordEarsConfig:
    """Shape of the network.

    Attributes:
        local: features of the layers that see thirds of semitones.
        width: features of each pitch class.
        dilations: of the layers over time, in frames.
        qualities: kinds of chord told apart, Q.
    """

    local: int = 24
    width: int = 64
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    qualities: int = len(HEARD_QUALITIES)


class _Around(nn.Module):
    """A layer on `[B, d, 12, T]`: all pitch classes around, three frames at a dilation."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.norm = nn.GroupNorm(1, width)
        self.classes = nn.Conv2d(width, width, (12, 1))
        self.frames = nn.Conv2d(width, width, (1, 3), dilation=(1, dilation))

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(x)
        h = torch.cat([h, h[:, :, :11]], 2)
        h = functional.gelu(self.classes(h))
        h = functional.pad(h, (self.dilation, self.dilation))
        return x + self.frames(h)


class ChordEars(nn.Module):
    """Spectra `[B, T, 252]` to log chances `[B, T, 12·Q + 1]`; the last is "no chord".

    Chord `12·q + r` is quality q on root r.
    """

    def __init__(self, config: ChordEarsConfig) -> None:
        super().__init__()
        self.config = config
        local, width = config.local, config.width
        self.first = nn.Conv2d(1, local, (5, 3), padding=(2, 1))
        self.thirds = nn.Conv2d(local, local, (PER_SEMITONE, 1), stride=(PER_SEMITONE, 1))
        self.semitones = nn.Conv2d(local, local, (5, 3), padding=(2, 1))
        self.fold = nn.Conv2d(local * (SEMITONES // 12), width, 1)
        self.around = nn.ModuleList(_Around(width, d) for d in config.dilations)
        self.chords = nn.Conv2d(width, config.qualities, 1)
        self.none = nn.Linear(width, 1)

    def forward(self, spectra: Tensor) -> Tensor:
        """See the class."""
        batch, length = spectra.shape[:2]
        h = spectra.transpose(1, 2).unsqueeze(1)
        h = functional.gelu(self.first(h))
        h = functional.gelu(self.thirds(h))
        h = h + functional.gelu(self.semitones(h))
        local = h.shape[1]
        octaves = h.reshape(batch, local, SEMITONES // 12, 12, length)
        h = functional.gelu(self.fold(octaves.reshape(batch, -1, 12, length)))
        for layer in self.around:
            h = layer(h)
        chords = self.chords(h).reshape(batch, -1, length)
        none = self.none(h.mean(2).transpose(1, 2)).transpose(1, 2)
        return torch.cat([chords, none], 1).transpose(1, 2).log_softmax(2)

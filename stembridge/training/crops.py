"""Short crops of single stems: what the neural autoencoder trains on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stembridge.audio.resample import resample
from stembridge.dataset.annotated import load_song

# A crop whose norm per sample is below this counts as silent (MSLDM's own threshold).
_SILENCE = 1.5e-5


@dataclass(frozen=True)
class StemCrops:
    """Endless batches `[B, n]` of sounding crops; the same seed and step give the same batch.

    Attributes:
        songs: paths of `save_song`.
        rate: Hz of the crops.
        length: samples per crop.
        batch: crops per step.
        seed: of the choice.
        mixtures: crops of the stems' sum (MixLDM's autoencoder) instead of single stems.
    """

    songs: Sequence[Path]
    rate: int
    length: int
    batch: int
    seed: int = 0
    mixtures: bool = False

    def __iter__(self) -> Iterator[Tensor]:
        return self.from_step(0)

    def from_step(self, step: int) -> Iterator[Tensor]:
        """Batches from a step on."""
        while True:
            rng = np.random.default_rng([self.seed, step])
            yield torch.from_numpy(np.stack([self._crop(rng) for _ in range(self.batch)]))
            step += 1

    def _crop(self, rng: np.random.Generator) -> np.ndarray:
        crop = np.zeros(self.length, np.float32)
        for _ in range(20):  # a song may rest here; after that many rests, silence is fine too
            song = load_song(self.songs[int(rng.integers(len(self.songs)))])
            span = int(np.ceil(self.length * song.rate / self.rate))
            start = int(rng.integers(max(1, song.audio.shape[1] - span)))
            stem, heard = rng.integers(len(song.stems)), song.audio[:, start : start + span]
            sound = heard.sum(0) if self.mixtures else heard[stem]
            crop = resample(sound, song.rate, self.rate, self.length)
            if np.linalg.norm(crop) / self.length >= _SILENCE:
                break
        return crop

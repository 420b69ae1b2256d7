"""A piece of audio with its sample rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class AudioBuffer:
    """Samples that know their rate.

    Attributes:
        samples: float32 [channels, n_samples], full scale 1.0.
        sample_rate: Hz.
    """

    samples: FloatArray
    sample_rate: int

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return int(self.samples.shape[0])

    @property
    def n_samples(self) -> int:
        """Number of time indices per channel."""
        return int(self.samples.shape[1])

    @property
    def duration_s(self) -> float:
        """Length in s."""
        return self.n_samples / self.sample_rate

    def mono(self) -> FloatArray:
        """Mean of the channels, [n_samples]: models hear one channel per stem."""
        one: FloatArray = self.samples[0]
        return one if self.n_channels == 1 else np.mean(self.samples, axis=0, dtype=np.float32)

"""Noise that belongs to places in the music, not to calls.

Every latent frame of every take has its own noise, fixed by the take's seed: frame 1000 gets the
same numbers in a short and in a long request, in one window or another, alone or in a batch. So a
take stays the same when only the machine, the window or the batch changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
_BLOCK = 64  # frames that share a generator: making one takes as long as drawing a few thousand


@dataclass(frozen=True)
class FrameNoise:
    """Unit Gaussian noise for a batch of takes.

    Attributes:
        seeds: one per item of the batch, 0..2^64-1.
        n_stems: S.
        n_channels: C.
    """

    seeds: Sequence[int]
    n_stems: int
    n_channels: int

    def at(self, draw: int, first_frame: int, n_frames: int) -> FloatArray:
        """The noise of `n_frames` frames, [B, S, C, n_frames].

        Args:
            draw: 0 for the start of sampling, further numbers for further draws.
            first_frame: counted from the start of the request.
            n_frames: how many.
        """
        first_block = first_frame // _BLOCK
        blocks = range(first_block, -(-(first_frame + n_frames) // _BLOCK))
        takes = [
            np.concatenate([self._block(seed, draw, block) for block in blocks])
            for seed in self.seeds
        ]
        skip = first_frame - first_block * _BLOCK
        frames = np.stack(takes)[:, skip : skip + n_frames]  # [B, F, S, C]
        return np.ascontiguousarray(np.moveaxis(frames, 1, -1))

    def stream(self, first_frame: int, n_frames: int) -> Callable[[], FloatArray]:
        """A source for samplers: each call is the next draw after the start."""
        draw = 0

        def noise() -> FloatArray:
            nonlocal draw
            draw += 1
            return self.at(draw, first_frame, n_frames)

        return noise

    def _block(self, seed: int, draw: int, block: int) -> FloatArray:
        # Fixed-width words: 1 followed by 0 must not read like 1 alone.
        words = [seed & 0xFFFFFFFF, seed >> 32, draw, block]
        generator = np.random.Generator(np.random.SFC64(words))
        return generator.standard_normal((_BLOCK, self.n_stems, self.n_channels), np.float32)

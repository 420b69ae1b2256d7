"""Latents where the training runs: a set that grows in a GPU's memory while songs still arrive."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stembridge.training.latents import Encoded, SongWindows


class DeviceSet:
    """Up to `capacity` songs in float16 on one device; a `WindowSource`."""

    def __init__(self, capacity: int, frames: int, first: Encoded, device: str) -> None:
        """Reserves room for songs of at most `frames` frames and the shapes of `first`."""
        if first.mixtures is None or first.mixed is None:
            raise ValueError("songs of a device set come with mixtures")

        def room(*shape: int) -> Tensor:
            return torch.zeros((capacity, *shape), dtype=torch.float16, device=device)

        self._latents = room(*first.latents.shape[:2], frames)
        self._conditions = room(first.conditions.shape[0], frames)
        self._mixtures = room(*first.mixtures.shape[:2], frames)
        self._worn = room(*first.latents.shape[:2], frames) if first.worn is not None else None
        self._mixed = torch.zeros((capacity, *first.mixed.shape), device=device)
        self._lengths = np.zeros(capacity, np.int32)
        self._present = np.zeros((capacity, len(first.present)), bool)
        self._count, self._frames = 0, frames

    def __len__(self) -> int:
        """Songs so far."""
        return self._count

    @property
    def full(self) -> bool:
        """Whether there is no room for another song."""
        return self._count == len(self._lengths)

    def add(self, song: Encoded) -> None:
        """Takes one more song, cut to the set's frames."""
        row, frames = self._count, min(song.latents.shape[2], self._frames)
        for home, part in ((self._latents, song.latents), (self._conditions, song.conditions),
                           (self._mixtures, song.mixtures), (self._worn, song.worn)):  # fmt: skip
            if home is not None and part is not None:
                home[row, ..., :frames] = torch.from_numpy(part[..., :frames])
        if song.mixed is not None:
            self._mixed[row] = torch.from_numpy(song.mixed)
        self._lengths[row], self._present[row] = frames, song.present
        self._count += 1

    @property
    def lengths(self) -> NDArray[np.int32]:
        """See `WindowSource`."""
        return self._lengths[: self._count]

    @property
    def present(self) -> NDArray[np.bool_]:
        """See `WindowSource`."""
        return self._present[: self._count]

    def windows(
        self, songs: NDArray[np.int64], starts: NDArray[np.int64], n_frames: int
    ) -> SongWindows:
        """See `WindowSource`."""
        rows, at = self._places(songs, starts, n_frames)
        worn = None if self._worn is None else _cut(self._worn, rows, at)
        return SongWindows(_cut(self._latents, rows, at), _cut(self._conditions, rows, at), worn)

    def mixtures(
        self, songs: NDArray[np.int64], starts: NDArray[np.int64], n_frames: int,
        which: NDArray[np.int64],
    ) -> tuple[Tensor, Tensor] | None:  # fmt: skip
        """See `WindowSource`."""
        rows, at = self._places(songs, starts, n_frames)
        choice = torch.from_numpy(which % self._mixed.shape[1]).to(rows.device)
        chosen = self._mixtures[rows[:, None], choice[:, None], :, at].transpose(1, 2)
        return chosen.float(), self._mixed[rows, choice]

    def _places(
        self, songs: NDArray[np.int64], starts: NDArray[np.int64], n_frames: int
    ) -> tuple[Tensor, Tensor]:
        """Rows `[B]` and frames `[B, n]` on the device."""
        home = self._latents.device
        first = torch.from_numpy(np.asarray(starts, np.int64)).to(home)
        frames = first[:, None] + torch.arange(n_frames, device=home)
        return torch.from_numpy(np.asarray(songs, np.int64)).to(home), frames


def _cut(songs: Tensor, rows: Tensor, at: Tensor) -> Tensor:
    """`[B, …, n]` float32: frames `at` `[B, n]` of `rows` `[B]` of `[N, …, F]`."""
    picked = songs[rows[:, None], ..., at]  # [B, n, …]
    return picked.movedim(1, -1).float()

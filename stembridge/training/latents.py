"""Latents of a set of songs on disk, ready for the denoiser: written once, memory-mapped after.

A latent set is a folder: `latents.npy` float16 `[N, S, C, F]`, `conditions.npy` float16
`[N, K, F]`, `lengths.npy` int32 `[N]` (frames of every song; the rest is padding), and where some
songs lack a stem, `present.npy` bool `[N, S]`. Where mixtures are heard: `mixtures.npy` float16
`[N, V, S·C, F]`, V mixtures of every song by all S encoders, and `mixed.npy` bool `[N, V, S]`, the
stems in each. Where stems are also known as users hand them in: `worn.npy`, like `latents.npy`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stembridge.conditions import Layout, frame_conditions
from stembridge.dataset.annotated import AnnotatedSong, load_song
from stembridge.dataset.song import STEMS
from stembridge.nn.linear_codec import LinearCodec
from stembridge.pool.jobs import Crew, run_jobs


class SongWindows(NamedTuple):
    """Stretches of songs: latents `[B, S, C, F]`, conditions `[B, K, F]` without mixtures.

    `worn`, like latents: the same stems as users hand them in; None where that is not known.
    """

    latents: Tensor
    conditions: Tensor
    worn: Tensor | None = None


class WindowSource(Protocol):
    """Songs to cut windows from: on disk, or on the device that trains."""

    @property
    def lengths(self) -> NDArray[np.int32]:
        """Frames of every song, `[N]`."""

    @property
    def present(self) -> NDArray[np.bool_]:
        """Which stems every song has, `[N, S]`."""

    def windows(
        self, songs: NDArray[np.int64], starts: NDArray[np.int64], n_frames: int
    ) -> SongWindows:
        """`n_frames` of each song from its start on."""

    def mixtures(
        self, songs: NDArray[np.int64], starts: NDArray[np.int64], n_frames: int,
        which: NDArray[np.int64],
    ) -> tuple[Tensor, Tensor] | None:  # fmt: skip
        """A mixture `[B, S·C, F]` of each song (`which` modulo their number), stems `[B, S]`."""


def random_starts(
    lengths: NDArray[np.int32], n_frames: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """First frames of random windows in songs of `lengths`."""
    return rng.integers(lengths - n_frames + 1)


@dataclass(frozen=True)
class LatentSet:
    """Memory-mapped latents of N songs (shapes in the module docstring)."""

    latents: NDArray[np.float16]
    conditions: NDArray[np.float16]
    lengths: NDArray[np.int32]
    present: NDArray[np.bool_]
    mixed: NDArray[np.bool_] | None = None
    mixture_latents: NDArray[np.float16] | None = None
    worn: NDArray[np.float16] | None = None

    @staticmethod
    def open(folder: Path) -> LatentSet:
        """Opens a set written by `write_latents` or `write_encoded`."""
        latents = np.load(folder / "latents.npy", mmap_mode="r")
        path = folder / "present.npy"
        present = np.load(path) if path.exists() else np.ones(latents.shape[:2], bool)
        conditions = np.load(folder / "conditions.npy", mmap_mode="r")
        lengths = np.load(folder / "lengths.npy")

        def further(name: str) -> Any:
            path = folder / name
            return np.load(path, mmap_mode="r") if path.exists() else None

        return LatentSet(latents, conditions, lengths, present, further("mixed.npy"),
                         further("mixtures.npy"), further("worn.npy"))  # fmt: skip

    def rows(self, rows: Sequence[int]) -> LatentSet:
        """The set of some of its songs."""
        at = np.array(rows)
        parts = (self.latents, self.conditions, self.lengths, self.present, self.mixed,
                 self.mixture_latents, self.worn)  # fmt: skip
        return LatentSet(*(None if part is None else part[at] for part in parts))  # type: ignore[arg-type]

    def windows(
        self, songs: NDArray[np.int64], starts: NDArray[np.int64], n_frames: int
    ) -> SongWindows:
        """See `WindowSource`."""
        return SongWindows(
            _cut(self.latents, songs, starts, n_frames),
            _cut(self.conditions, songs, starts, n_frames),
            None if self.worn is None else _cut(self.worn, songs, starts, n_frames),
        )

    def mixtures(
        self, songs: NDArray[np.int64], starts: NDArray[np.int64], n_frames: int,
        which: NDArray[np.int64],
    ) -> tuple[Tensor, Tensor] | None:  # fmt: skip
        """See `WindowSource`; None where the set holds no mixtures."""
        if self.mixture_latents is None or self.mixed is None:
            return None
        row = which % self.mixed.shape[1]
        parts = [
            self.mixture_latents[song, i, :, start : start + n_frames]
            for song, i, start in zip(songs, row, starts, strict=True)
        ]
        stems = torch.from_numpy(self.mixed[songs, row].astype(np.float32))
        return torch.from_numpy(np.stack(parts).astype(np.float32)), stems


def _cut(
    songs_of: NDArray[np.float16], songs: NDArray[np.int64], starts: NDArray[np.int64], n: int
) -> Tensor:
    parts = [songs_of[song][..., at : at + n] for song, at in zip(songs, starts, strict=True)]
    return torch.from_numpy(np.stack(parts).astype(np.float32))


class Encoded(NamedTuple):
    """One song: latents `[S, C, F]`, conditions `[K, F]`, and which stems it has `[S]`.

    Where they were made: mixtures `[V, S·C, F]` and the stems in each, `[V, S]`; and latents of the
    stems as users hand them in, `[S, C, F]`.
    """

    latents: NDArray[np.float16]
    conditions: NDArray[np.float16]
    present: NDArray[np.bool_]
    mixtures: NDArray[np.float16] | None = None
    mixed: NDArray[np.bool_] | None = None
    worn: NDArray[np.float16] | None = None


def write_encoded(folder: Path, songs: Sequence[Encoded]) -> None:
    """Writes songs that were encoded elsewhere as a set."""
    folder.mkdir(parents=True, exist_ok=True)
    lengths = np.array([song.latents.shape[2] for song in songs], np.int32)
    frames = int(lengths.max(initial=0))

    def padded(parts: Sequence[NDArray[np.float16]]) -> NDArray[np.float16]:
        room = [[(0, 0)] * (part.ndim - 1) + [(0, frames - part.shape[-1])] for part in parts]
        return np.stack([np.pad(part, at) for part, at in zip(parts, room, strict=True)])

    np.save(folder / "latents.npy", padded([song.latents for song in songs]))
    np.save(folder / "conditions.npy", padded([song.conditions for song in songs]))
    np.save(folder / "present.npy", np.stack([song.present for song in songs]))
    mixtures = [song.mixtures for song in songs if song.mixtures is not None]
    if songs and len(mixtures) == len(songs):
        np.save(folder / "mixtures.npy", padded(mixtures))
        np.save(folder / "mixed.npy", np.stack([s.mixed for s in songs if s.mixed is not None]))
    worn = [song.worn for song in songs if song.worn is not None]
    if songs and len(worn) == len(songs):
        np.save(folder / "worn.npy", padded(worn))
    np.save(folder / "lengths.npy", lengths)


def song_latents(song: AnnotatedSong, codecs: Mapping[str, LinearCodec]) -> torch.Tensor:
    """Latents `[S, C, F]` of whole frames of a song."""
    hop = next(iter(codecs.values())).config.hop
    n_samples = song.audio.shape[1] // hop * hop
    audio = torch.from_numpy(song.audio[:, :n_samples])
    with torch.no_grad():
        encoded = [
            codecs[stem].project(codecs[stem].fast_patches(audio[i : i + 1]))
            for i, stem in enumerate(STEMS)
        ]
        return torch.cat(encoded)


def song_conditions(
    song: AnnotatedSong, layout: Layout, n_frames: int, hop: int
) -> NDArray[np.float32]:
    """Conditions `[K, F]` of a song from its annotations; what is unknown stays 0."""
    return frame_conditions(
        layout,
        n_frames,
        hop=hop,
        model_rate=song.rate,
        bpm=song.bpm or 120.0,
        time_signature=song.time_signature,
        chords=song.chords if song.bpm else (),
        style=song.style,
        timbres=song.timbres,
        use_grid=song.bpm is not None,
    )


def write_latents(
    folder: Path,
    songs: Sequence[Path],
    codecs: Mapping[str, LinearCodec],
    layout: Layout,
    max_frames: int,
    crew: Crew | None = None,
) -> None:
    """Encodes songs (paths of `save_song`) and writes the set; songs are cut at `max_frames`.

    The folder need be here only: songs go to wherever they are encoded.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = codecs[STEMS[0]].config
    latent_shape = (len(songs), len(STEMS), config.channels, max_frames)
    latents = np.lib.format.open_memmap(folder / "latents.npy", "w+", np.float16, latent_shape)
    shape = (len(songs), layout.channels, max_frames)
    conditions = np.lib.format.open_memmap(folder / "conditions.npy", "w+", np.float16, shape)
    lengths = np.zeros(len(songs), np.int32)
    jobs = ((load_song(path), layout, max_frames) for path in songs)
    for i, (encoded, its) in enumerate(run_jobs(_encode, jobs, partial(dict, codecs), crew)):
        lengths[i] = n_frames = encoded.shape[2]
        latents[i, :, :, :n_frames] = encoded
        conditions[i, :, :n_frames] = its
    np.save(folder / "lengths.npy", lengths)


def _encode(
    codecs: Mapping[str, LinearCodec], job: tuple[AnnotatedSong, Layout, int]
) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    """A song's latents `[S, C, F]` and conditions `[K, F]`."""
    song, layout, max_frames = job
    encoded = song_latents(song, codecs)[:, :, :max_frames].numpy().astype(np.float16)
    its = song_conditions(song, layout, encoded.shape[2], codecs[STEMS[0]].config.hop)
    return encoded, np.asarray(its, np.float16)

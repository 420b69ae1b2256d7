"""Latents of a set of songs on disk, ready for the denoiser: written once, memory-mapped after.

A latent set is a folder: `latents.npy` float16 `[N, S, C, F]`, `conditions.npy` float16
`[N, K, F]`, `lengths.npy` int32 `[N]` (frames of every song; the rest is padding), and where some
songs lack a stem, `present.npy` bool `[N, S]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from stembridge.conditions import Layout, frame_conditions
from stembridge.dataset.annotated import AnnotatedSong, load_song
from stembridge.dataset.song import STEMS
from stembridge.nn.linear_codec import LinearCodec


@dataclass(frozen=True)
class LatentSet:
    """Memory-mapped latents of N songs (shapes in the module docstring)."""

    latents: NDArray[np.float16]
    conditions: NDArray[np.float16]
    lengths: NDArray[np.int32]
    present: NDArray[np.bool_]

    @staticmethod
    def open(folder: Path) -> LatentSet:
        """Opens a set written by `write_latents` or `write_encoded`."""
        latents = np.load(folder / "latents.npy", mmap_mode="r")
        path = folder / "present.npy"
        present = np.load(path) if path.exists() else np.ones(latents.shape[:2], bool)
        conditions = np.load(folder / "conditions.npy", mmap_mode="r")
        return LatentSet(latents, conditions, np.load(folder / "lengths.npy"), present)

    def windows(
        self, songs: Iterable[int], n_frames: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Latents `[B, S, C, F]` and conditions `[B, K, F]` of a random stretch of each song."""
        latents, conditions = [], []
        for song in songs:
            start = int(rng.integers(self.lengths[song] - n_frames + 1))
            at = slice(start, start + n_frames)
            latents.append(self.latents[song, :, :, at])
            conditions.append(self.conditions[song, :, at])
        return np.stack(latents).astype(np.float32), np.stack(conditions).astype(np.float32)


class Encoded(NamedTuple):
    """One song: latents `[S, C, F]`, conditions `[K, F]`, and which stems it has `[S]`."""

    latents: NDArray[np.float16]
    conditions: NDArray[np.float16]
    present: NDArray[np.bool_]


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
) -> None:
    """Encodes songs (paths of `save_song`) and writes the set; songs are cut at `max_frames`."""
    folder.mkdir(parents=True, exist_ok=True)
    config = codecs[STEMS[0]].config
    latent_shape = (len(songs), len(STEMS), config.channels, max_frames)
    latents = np.lib.format.open_memmap(folder / "latents.npy", "w+", np.float16, latent_shape)
    shape = (len(songs), layout.channels, max_frames)
    conditions = np.lib.format.open_memmap(folder / "conditions.npy", "w+", np.float16, shape)
    lengths = np.zeros(len(songs), np.int32)
    for i, path in enumerate(songs):
        song = load_song(path)
        encoded = song_latents(song, codecs)[:, :, :max_frames].numpy()
        n_frames = encoded.shape[2]
        latents[i, :, :, :n_frames] = encoded
        conditions[i, :, :n_frames] = song_conditions(song, layout, n_frames, config.hop)
        lengths[i] = n_frames
    np.save(folder / "lengths.npy", lengths)

"""Songs for every network of the default model, made by many cores while a GPU already trains.

    cores: compose -> render -> encode ─► one file a song ─┬► denoiser   (against the clock)
                                                           ├► chord ears
                                                           ├► parts
                                                           └► styles

The codecs are those of an artifact that exists: old models and new ones share their latents.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import torch

from stembridge.conditions import Layout
from stembridge.dataset.recorded import KitSongs, heard
from stembridge.nn.linear_codec import LinearCodecConfig
from stembridge.training.codec import encoder_of
from stembridge.training.encoded_songs import MadeSong, prepare, save
from stembridge.training.processes import orphaned

MakeSong = Callable[[str, int], MadeSong]
"""Makes song `index` of a split; importable by name, so that a new process finds it."""


def kit_song(songs: KitSongs, split: str, index: int) -> MadeSong:
    """A song on a kit's instruments, clean and as users hand it in, and a voice if one sings."""
    song, voice = songs(split, index)
    return MadeSong(song, heard(song), voice)


@dataclass(frozen=True)
class SongOrder:
    """What every song-making process needs to know.

    Attributes:
        split: of the songs, also the beginning of their files' names.
        count: songs in all.
        folder: receives `SPLIT-INDEX.npz`; songs that are there are not made again.
        encoders: stem -> an exported encoder's bytes and its codec's configuration.
        layout: conditions.
        make: makes a song.
    """

    split: str
    count: int
    folder: Path
    encoders: Mapping[str, tuple[bytes, LinearCodecConfig]]
    layout: Layout
    make: MakeSong


def make_songs(orders: Sequence[SongOrder], rank: int = 0, world: int = 1) -> None:
    """Makes songs `rank`, `rank + world`, … of each order in turn."""
    torch.set_num_threads(1)
    for order in orders:
        codecs = {stem: encoder_of(*encoder) for stem, encoder in order.encoders.items()}
        for index in range(rank, order.count, world):
            path = order.folder / f"{order.split}-{index:05d}.npz"
            if path.exists():
                continue
            if orphaned():
                return
            rng = np.random.default_rng([index, 40])
            save(prepare(order.make(order.split, index), codecs, order.layout, rng), path)


def start_makers(orders: Sequence[SongOrder], workers: int) -> Sequence[BaseProcess]:
    """Starts processes that make the songs; the caller waits for files, not for them."""
    # Their arrays are small: threads would only get into each other's way.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    context = multiprocessing.get_context("spawn")
    makers = [
        context.Process(target=make_songs, args=(orders, rank, workers), daemon=True)
        for rank in range(workers)
    ]
    for maker in makers:
        maker.start()
    return makers

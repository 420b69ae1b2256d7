"""Mixtures as CLAP hears them, which MT-MusicLDM is told.

As in the paper it is told sound in training, always, and sound or words when it is used: both have
their embeddings in one space. (T5 has no ears: with it, captions are told.) GMSDI's chains are told
what is in each of them, by name.

    heard/NAME.npy    float32 [N, E], one row for the mixture of a window at every half window
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stembridge.conditions import EMBEDDING
from stembridge.dataset.annotated import AnnotatedSong
from stembridge.engines.meaning import Meanings
from stembridge.engines.told_words import told_sound
from stembridge.nn.presets import Preset
from stembridge.training.song_store import store_arrays


def tells_sound(preset: Preset, reader: Meanings) -> bool:
    """Whether a preset that is told by an encoder learns from sounds; else from captions."""
    return reader.hears and not preset.hears_mixtures


def store_heard(
    songs: Sequence[Path],
    reader: Meanings,
    preset: Preset,
    folder: Path,
    say: Callable[[str], None],
) -> list[Path]:
    """Embeds the mixtures of songs; returns the files. What is there is not made again."""
    heard = partial(heard_windows, reader=reader, preset=preset)
    return store_arrays(songs, heard, folder, f"heard by {reader.name}", say)


def heard_windows(song: AnnotatedSong, reader: Meanings, preset: Preset) -> NDArray[np.float32]:
    """Of a song's mixture at every half window, `[N, E]`; a silent window is told nothing."""
    mixture, size = song.audio.sum(0), dict(preset.told)[EMBEDDING]
    window, step = (
        frames * preset.hop for frames in (preset.window_frames, preset.window_frames // 2)
    )
    rows = []
    for start in range(0, max(1, len(mixture) - window + 1), step):
        row = told_sound(reader, mixture[start : start + window], song.rate, size)
        rows.append(np.zeros(size, np.float32) if row is None else row)
    return np.stack(rows)

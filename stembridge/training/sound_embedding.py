"""512 numbers of a sound, for a model that is told an embedding (MT-MusicLDM).

The paper tells it LAION-CLAP's, as `heard_windows` does. Without those weights this stands in:
means and deviations of log-mel bands over the song, turned by a fixed random matrix. It knows
timbre and density, and no words.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray

from stembridge.audio.resample import resample
from stembridge.dataset.annotated import AnnotatedSong
from stembridge.nn.mel import Mel, MelConfig

SIZE = 512
_LOUDEST, _RANGE = 2.0, 4.0  # of log-mel bands: centre and spread, so that numbers are near 1


@cache
def _front() -> tuple[Mel, NDArray[np.float32]]:
    mel = Mel(MelConfig())
    turn = np.random.default_rng(512).normal(size=(SIZE, 2 * mel.config.bands))
    return mel, (turn / np.sqrt(2 * mel.config.bands)).astype(np.float32)


def sound_embedding(song: AnnotatedSong) -> NDArray[np.float32]:
    """Of a song's mixture, `[512, 1]`."""
    mel, turn = _front()
    rate, hop = mel.config.sample_rate, mel.config.hop
    sound = resample(song.audio.sum(0), song.rate, rate)
    sound = np.ascontiguousarray(sound[: len(sound) // hop * hop])
    with torch.inference_mode():
        spectra = mel(torch.from_numpy(sound)[None])[0].numpy()
    statistics = np.concatenate([spectra.mean(0) + _LOUDEST, spectra.std(0)]) / _RANGE
    return (turn @ statistics.astype(np.float32))[:, None]

"""Latent sets: what is written is what the codecs and annotations say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from stembridge.chords import parse_progression
from stembridge.conditions import full_layout
from stembridge.dataset.annotated import AnnotatedSong, save_song
from stembridge.dataset.song import STEMS
from stembridge.musical_time import TimeSignature
from stembridge.nn.linear_codec import LinearCodec, LinearCodecConfig
from stembridge.pool.jobs import Crew
from stembridge.training.codec import collect_patches, fit
from stembridge.training.latents import (
    Encoded,
    LatentSet,
    song_conditions,
    song_latents,
    write_encoded,
    write_latents,
)

RATE, HOP = 16000, 512
LAYOUT = full_layout(["pop"], {"bass": ("pick",)})


def song(name: str, seconds: float, bpm: float | None = 120.0) -> AnnotatedSong:
    rng = np.random.default_rng(len(name) + int(10 * seconds))
    audio = (0.1 * rng.standard_normal((4, int(seconds * RATE)))).astype(np.float32)
    chords = parse_progression("Am F", 4, 8)
    return AnnotatedSong(name, audio, RATE, bpm, TimeSignature(), chords, "pop", {"bass": "pick"})


def codecs() -> dict[str, LinearCodec]:
    result = {}
    for index, stem in enumerate(STEMS):
        codec = LinearCodec(LinearCodecConfig(512, HOP, 6, rate=RATE))
        clip = torch.from_numpy(song("fit", 2.0).audio[index])
        fit(codec, collect_patches(codec, [clip], 40, torch.Generator().manual_seed(0)))
        result[stem] = codec
    return result


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_set_holds_every_songs_latents_and_conditions(tmp_path: Path, workers: int) -> None:
    chosen = codecs()
    songs = [song("a", 1.0), song("b", 3.0)]
    for item in songs:
        save_song(item, tmp_path / "songs")
    paths = sorted((tmp_path / "songs").glob("*.json"))
    write_latents(tmp_path / "set", paths, chosen, LAYOUT, 60, Crew(workers))
    found = LatentSet.open(tmp_path / "set")
    assert found.lengths.tolist() == [31, 60]  # whole frames; the second is cut
    assert found.present.all()
    for i, item in enumerate(songs):
        n = found.lengths[i]
        expected = song_latents(item, chosen)[:, :, :n].numpy()
        assert np.abs(found.latents[i, :, :, :n] - expected).max() < 0.02
        told = song_conditions(item, LAYOUT, n, HOP)
        np.testing.assert_allclose(found.conditions[i, :, :n], told, atol=1e-3)


def test_without_a_tempo_neither_grid_nor_chords_are_told() -> None:
    told = song_conditions(song("a", 1.0, bpm=None), LAYOUT, 31, HOP)
    at = LAYOUT.slices()
    assert not told[at["grid"]].any()
    assert not told[at["chords"]].any()
    assert (told[at["style"]][0] == 1).all()


def test_songs_encoded_elsewhere_are_padded_and_keep_their_gaps(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    songs = [
        Encoded(
            rng.standard_normal((4, 6, n)).astype(np.float16),
            rng.standard_normal((LAYOUT.channels, n)).astype(np.float16),
            np.array([True, n > 5, True, True]),
        )
        for n in (9, 5)
    ]
    write_encoded(tmp_path, songs)
    found = LatentSet.open(tmp_path)
    assert found.lengths.tolist() == [9, 5]
    np.testing.assert_array_equal(found.latents[1, :, :, :5], songs[1].latents)
    assert not found.latents[1, :, :, 5:].any()
    np.testing.assert_array_equal(found.conditions[0], songs[0].conditions)
    assert found.present.tolist() == [[True] * 4, [True, False, True, True]]

"""Songs in one file each, made by one process and taken up by another."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from stembridge.chords import parse_chord
from stembridge.conditions import GRID_CHANNELS, full_layout
from stembridge.dataset.annotated import AnnotatedSong
from stembridge.dataset.song import STEMS, Note
from stembridge.musical_time import TimeSignature
from stembridge.nn.backbone import BackboneConfig
from stembridge.nn.linear_codec import LinearCodec, LinearCodecConfig
from stembridge.training.batches import TaskConfig
from stembridge.training.denoiser import DenoiserTraining
from stembridge.training.device_set import DeviceSet
from stembridge.training.encoded_songs import MadeSong, arriving, load, prepare, save
from stembridge.training.latents import LatentSet, write_encoded
from stembridge.training.live import LiveTraining, train_live

RATE, HOP, C = 44100, 2048, 4
LAYOUT = full_layout(["pop"], {stem: ("a",) for stem in STEMS}, latent_channels=C)


def codecs() -> dict[str, LinearCodec]:
    torch.manual_seed(0)
    made = {}
    for stem in STEMS:
        config = LinearCodecConfig(n_fft=1024 if stem == "drums" else 4096, hop=HOP, channels=C)
        made[stem] = LinearCodec(config)
        made[stem].basis.copy_(torch.randn(made[stem].basis.shape) / 50)
    return made


def song(seconds: float = 2.0) -> AnnotatedSong:
    rng = np.random.default_rng(2)
    audio = rng.standard_normal((4, int(seconds * RATE))).astype(np.float32) * 0.1
    audio[2] = 0.0  # the guitar is out
    return AnnotatedSong("one", audio, RATE, 120.0, TimeSignature.parse("4/4"),
                         (parse_chord("Am"),), "pop", {"bass": "a"},
                         {"bass": (Note(1.0, 0.5, 40, 90),)})  # fmt: skip


def test_a_song_comes_back_from_its_file_as_it_was_made(tmp_path: Path) -> None:
    made = prepare(MadeSong(song()), codecs(), LAYOUT, np.random.default_rng(1))
    save(made, tmp_path / "one.npz")
    read = load(tmp_path / "one.npz")
    for a, b in zip(made.encoded, read.encoded, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(made.spectra, read.spectra)
    assert read.notes["bass"].tolist() == [[0.5, 0.75, 40.0, 90.0]]
    frames = int(2.0 * RATE) // HOP
    assert read.encoded.latents.shape == (4, C, frames)
    assert read.encoded.mixtures is not None
    assert read.encoded.mixtures.shape == (2, 4 * C, frames)
    assert read.encoded.conditions.shape[0] == GRID_CHANNELS + 25 + 2 + 4
    assert read.encoded.present.tolist() == [True, True, False, True]


def test_mixtures_are_the_stems_they_name_and_what_else_sounds() -> None:
    one, made_by = song(), codecs()
    lead = np.random.default_rng(5).standard_normal(one.audio.shape[1]).astype(np.float32)
    heard = np.float32(0.5) * one.audio
    made = prepare(MadeSong(one, heard, lead), made_by, LAYOUT, np.random.default_rng(1))
    assert made.encoded.mixed is not None
    assert made.encoded.mixtures is not None
    assert made.encoded.mixed[0].tolist() == [True, True, False, True]
    mixture = heard[made.encoded.mixed[1]].sum(0) + lead
    samples = torch.from_numpy(mixture[None, : len(mixture) // HOP * HOP])
    expected = torch.cat(
        [made_by[stem].project(made_by[stem].fast_patches(samples))[0] for stem in STEMS]
    )
    np.testing.assert_allclose(made.encoded.mixtures[1], expected, atol=0.02)


def test_a_growing_set_gives_the_same_windows_as_one_on_disk(tmp_path: Path) -> None:
    made = [prepare(MadeSong(song(s)), codecs(), LAYOUT, np.random.default_rng(i)).encoded
            for i, s in enumerate((2.0, 1.5))]  # fmt: skip
    write_encoded(tmp_path, made)
    disk, held = LatentSet.open(tmp_path), DeviceSet(3, 50, made[0], "cpu")
    for one in made:
        held.add(one)
    assert len(held) == 2
    assert not held.full
    songs, starts, which = np.array([1, 0]), np.array([3, 0]), np.array([5, 2])
    for a, b in zip(held.windows(songs, starts, 8), disk.windows(songs, starts, 8), strict=True):
        assert a is not None
        assert b is not None
        assert torch.equal(a, b)
    there, here = held.mixtures(songs, starts, 8, which), disk.mixtures(songs, starts, 8, which)
    assert there is not None
    assert here is not None
    for a, b in zip(there, here, strict=True):
        assert torch.equal(a, b)
    assert held.lengths.tolist() == disk.lengths.tolist()


def test_training_takes_up_songs_as_they_arrive_and_ends_with_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stembridge.training.live._LOOK_EVERY", 2)
    songs = tmp_path / "songs"
    made = prepare(MadeSong(song()), codecs(), LAYOUT, np.random.default_rng(1))
    for index in range(70):
        save(made, songs / f"train-{index:05d}.npz")
    shape = BackboneConfig(
        stems=4, channels=C, conditions=LAYOUT.channels, width=16, dilations=(1, 0), heads=2
    )
    task = TaskConfig(window=16, continuation_frames=6)
    run = train_live(
        shape, DenoiserTraining(batch=2, warmup=2, task=task),
        LiveTraining(seconds=4.0, capacity=68, frames=40, first=4, save_every_s=1.0),
        songs=songs, layout=LAYOUT, folder=tmp_path / "run", say=lambda line: None,
    )  # fmt: skip
    assert run.step >= 4
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert (
        lines[-1]["songs"] == 68
    )  # 4 at first, then 60 at a time, and no more than there is room for
    assert (tmp_path / "run" / "denoiser" / "model.safetensors").exists()
    assert all(group["lr"] < 3e-4 for o in run.optimizers for group in o.param_groups)


def test_files_arrive_once(tmp_path: Path) -> None:
    seen: set[str] = set()
    (tmp_path / "a.npz").touch()
    assert [path.name for path in arriving(tmp_path, seen)] == ["a.npz"]
    (tmp_path / "b.npz").touch()
    assert [path.name for path in arriving(tmp_path, seen)] == ["b.npz"]

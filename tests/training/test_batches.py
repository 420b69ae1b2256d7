"""Training windows: reproducible, every task, nothing given is counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from stembridge.conditions import Layout, full_layout
from stembridge.training.batches import BatchSource, TaskConfig, doubtful
from stembridge.training.latents import Encoded, LatentSet, write_encoded

LAYOUT = full_layout(["pop", "rock"], {"bass": ("pick", "synth")})
TASK = TaskConfig(window=16, continuation_frames=8)
C = 3


def write_set(
    folder: Path, lengths: tuple[int, ...] = (40, 16, 10), layout: Layout = LAYOUT,
    absent: tuple[tuple[int, int], ...] = (),
) -> LatentSet:  # fmt: skip
    """Latents whose values are song + frame / 1000, conditions all 1."""
    songs = []
    for index, length in enumerate(lengths):
        frames = index + np.arange(length) / 1000
        latents = np.broadcast_to(frames, (4, C, length)).astype(np.float16)
        conditions = np.ones((layout.channels, length), np.float16)
        present = np.array([(index, stem) not in absent for stem in range(4)])
        songs.append(Encoded(latents, conditions, present))
    write_encoded(folder, songs)
    return LatentSet.open(folder)


@pytest.fixture
def source(tmp_path: Path) -> BatchSource:
    return BatchSource(write_set(tmp_path), LAYOUT, TASK, seed=3)


def test_a_step_is_the_same_batch_every_time_and_no_other(source: BatchSource) -> None:
    first, again, later, other = (
        source.batch(5, 4), source.batch(5, 4), source.batch(6, 4), source.batch(5, 4, rank=1),
    )  # fmt: skip
    for a, b in zip(first, again, strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(first.noise, later.noise)
    assert not torch.equal(first.noise, other.noise)


def test_shapes_and_windows_lie_inside_songs(source: BatchSource) -> None:
    batch = source.batch(0, 64)
    assert batch.clean.shape == batch.noise.shape == (64, 4, C, 16)
    assert batch.sigma.shape == batch.counted.shape == (64, 4, 16)
    assert batch.conditions.shape == (64, LAYOUT.channels, 16)
    songs = batch.clean[:, 0, 0].round()
    assert set(songs.flatten().tolist()) == {0.0, 1.0}  # the third song is too short
    assert (songs == songs[:, :1]).all()
    noise = batch.noise
    assert float(noise.mean()) == pytest.approx(0, abs=0.05)
    assert float(noise.std()) == pytest.approx(1, abs=0.05)


def test_all_tasks_occur(source: BatchSource) -> None:
    counted = torch.cat([source.batch(step, 64).counted for step in range(20)]).numpy()
    last = counted[:, :, -1] > 0
    subsets = {tuple(row) for row in last.tolist()}
    assert len(subsets) == 15  # every non-empty set of generated stems
    total = last.all(1)
    given = np.bincount(4 - last.sum(1), minlength=4) / len(last)
    assert given == pytest.approx(TASK.given, abs=0.04)
    continued = (counted[:, :, 0] == 0).all(1)
    assert np.mean(continued) == pytest.approx(TASK.continuation, abs=0.04)
    lengths = (counted[continued & total] == 0).all(1).sum(1)
    assert lengths.min() >= 4
    assert lengths.max() <= TASK.continuation_frames


def test_given_latents_are_nearly_clean_and_not_counted(source: BatchSource) -> None:
    batch = source.batch(1, 256)
    given = batch.counted == 0
    low, high = TASK.given_sigma
    assert given.any()
    assert (batch.sigma[given] >= low * 0.999).all()
    assert (batch.sigma[given] <= high * 1.001).all()
    for item in range(256):
        levels = batch.sigma[item][~given[item]]
        assert len(set(levels.tolist())) == 1  # one noise level for all that is generated


def test_noise_levels_are_log_normal_within_their_range(source: BatchSource) -> None:
    sigma = torch.stack([source.batch(step, 64).sigma.amax((1, 2)) for step in range(20)])
    logs = sigma.flatten().log().numpy()
    assert np.median(logs) == pytest.approx(TASK.log_sigma_mean, abs=0.2)
    assert np.std(logs) == pytest.approx(TASK.log_sigma_deviation, abs=0.2)
    assert sigma.max() <= TASK.sigma_range[1]


def test_drop_out_takes_whole_blocks_as_often_as_it_should(source: BatchSource) -> None:
    conditions = torch.cat([source.batch(step, 64).conditions for step in range(10)]).numpy()
    for name, at in LAYOUT.slices().items():
        block = conditions[:, at]
        kept, dropped = (block == 1).all((1, 2)), (block == 0).all((1, 2))
        assert (kept | dropped).all(), name
        assert np.mean(dropped) == pytest.approx(dict(TASK.drop)[name], abs=0.06)


def test_stems_that_a_song_lacks_never_count(tmp_path: Path) -> None:
    latents = write_set(tmp_path, (40, 40), absent=((0, 2), (0, 3)))
    batch = BatchSource(latents, LAYOUT, TASK, 0).batch(0, 200)
    first = batch.clean[:, 0, 0, 0].round() == 0
    assert first.any()
    assert not batch.counted[first, 2:].any()
    assert batch.counted[first, :2].any()
    assert batch.counted[~first, 2:].any()


def test_a_set_without_a_song_as_long_as_a_window_is_refused(tmp_path: Path) -> None:
    latents = write_set(tmp_path)
    with pytest.raises(ValueError, match="64 frames"):
        BatchSource(latents, LAYOUT, replace(TASK, window=64), 0)


HEARING = full_layout(["pop", "rock"], {s: ("a",) for s in "wxyz"}, latent_channels=C)


def test_a_heard_mixture_comes_with_the_names_of_its_stems(tmp_path: Path) -> None:
    rng, told = np.random.default_rng(0), HEARING.slices()["heard"].start
    mixed = np.array([[True, True, True, True], [False, True, False, False]])
    mixtures = np.stack([np.full((4 * C, 30), value, np.float16) for value in (5, 7)])
    latents = rng.standard_normal((4, C, 30)).astype(np.float16)
    conditions = np.ones((told, 30), np.float16)
    write_encoded(tmp_path, [Encoded(latents, conditions, np.ones(4, bool), mixtures, mixed)])
    task = replace(TASK, drop=(("heard", 0.5),))
    block = (
        BatchSource(LatentSet.open(tmp_path), HEARING, task, 1).batch(0, 200).conditions[:, told:]
    )
    assert block.shape[1] == 1 + 4 + 4 * C
    heard = block[:, 0, 0] == 1
    assert 0.35 < float(heard.float().mean()) < 0.65
    assert not block[~heard].any()
    everything = block[:, 5, 0] == 5
    for chosen, stems in ((everything, mixed[0]), (heard & ~everything, mixed[1])):
        assert chosen.any()
        assert (block[chosen][:, 1:5, 0] == torch.tensor(stems).float()).all()


def test_a_set_without_mixtures_lets_a_hearing_model_hear_nothing_known(tmp_path: Path) -> None:
    told = HEARING.slices()["heard"].start
    songs = [
        Encoded(np.zeros((4, C, 20), np.float16), np.ones((told, 20), np.float16), np.ones(4, bool))
    ]
    write_encoded(tmp_path, songs)
    block = (
        BatchSource(LatentSet.open(tmp_path), HEARING, TASK, 1).batch(0, 50).conditions[:, told:]
    )
    assert not block.any()


def test_doubtful_chords_are_wrong_as_often_as_they_say() -> None:
    block = torch.zeros(2000, 25, 6)
    block[:, 0] = 1
    block[:, [1, 5, 8], :3] = block[:, [3, 6, 10], 3:] = 1.0  # C, then Dm
    block[:, 13, :3] = block[:, 15, 3:] = 1.0
    told = doubtful(block, 0.5, np.random.default_rng(3))
    sure = told[:, 0, 0]
    assert 0.4 < float((sure < 1).float().mean()) < 0.6
    assert torch.equal(told[sure == 1], block[sure == 1])
    roots, classes = told[:, 13:].argmax(1), (told[:, 1:13] > 0).sum(1)
    assert (classes == 3).all()
    right = (roots[:, [0, 5]] == torch.tensor([0, 2])).float().mean(1)
    doubted = sure < 1
    assert float(right[doubted].mean()) == pytest.approx(float(sure[doubted].mean()), abs=0.05)
    assert (roots[:, :3] == roots[:, :1]).all()  # a chord is wrong as a whole


def test_given_stems_are_heard_as_users_hand_them_in_as_often_as_told(tmp_path: Path) -> None:
    latents = np.zeros((4, C, 30), np.float16)
    conditions = np.ones((LAYOUT.channels, 30), np.float16)
    write_encoded(tmp_path, [Encoded(latents, conditions, np.ones(4, bool), worn=latents + 1)])
    source = BatchSource(LatentSet.open(tmp_path), LAYOUT, replace(TASK, worn=0.4), 2)
    batch = source.batch(0, 400)
    given = (batch.counted == 0).all(2)
    worn = (batch.clean == 1).all(3).all(2)
    assert not worn[~given].any()  # what is to be made is clean
    items = given.any(1)
    assert float(worn[items].any(1).float().mean()) == pytest.approx(0.4, abs=0.08)
    assert torch.equal(worn[worn.any(1)], given[worn.any(1)])  # a band records in one place

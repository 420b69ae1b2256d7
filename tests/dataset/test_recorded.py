"""Recorded songs: the same anywhere, annotated, splits apart, kept as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from toy_kit import toy_kit

from stembridge.dataset.annotated import load_song
from stembridge.dataset.kit import Kit
from stembridge.dataset.recorded import build, choose, heard, make_song
from stembridge.dataset.song import STEMS


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    return toy_kit(tmp_path_factory.mktemp("kit"))


def test_a_song_is_reproducible_and_knows_everything(kit: Kit) -> None:
    one, other = (make_song("train", 2, kit, length_s=4.0) for _ in "ab")
    assert np.array_equal(one.audio, other.audio)
    assert one.audio.shape == (4, round(one.audio.shape[1]))
    assert one.audio.dtype == np.float32
    assert one.chords
    assert set(one.instruments) == set(one.timbres) == set(one.notes) == set(STEMS)
    for stem, audio in zip(STEMS, one.audio, strict=True):
        assert (np.abs(audio).max() > 0.01) == bool(one.notes[stem])
    assert np.array_equal(heard(one), heard(other))


def test_test_songs_are_other_people(kit: Kit) -> None:
    train, test = (make_song(split, 0, kit, length_s=4.0) for split in ("train", "test"))
    assert train.notes != test.notes


def test_an_instrument_of_the_timbre_is_chosen_or_any(kit: Kit) -> None:
    rng = np.random.default_rng(0)
    assert choose(kit, "guitar", "overdrive", rng).name == "toy-guitar"
    assert choose(kit, "bass", "synth", rng).name == "toy-bass"


@pytest.mark.parametrize("workers", [1, 2])
def test_songs_are_kept_as_files_and_building_goes_on(
    kit: Kit, tmp_path: Path, workers: int
) -> None:
    made = list(build(tmp_path, "train", 2, kit, length_s=2.0, workers=workers))
    assert made == ["band-train-00000", "band-train-00001"]
    assert not list(build(tmp_path, "train", 2, kit, length_s=2.0))
    kept, fresh = load_song(tmp_path / f"{made[1]}.json"), make_song("train", 1, kit, length_s=2.0)
    assert np.allclose(kept.audio, fresh.audio, atol=1e-4)
    assert kept.instruments == fresh.instruments
    assert kept.notes == fresh.notes

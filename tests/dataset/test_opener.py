"""One opener for every kind of training music."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from stembridge.dataset.annotated import AnnotatedSong, save_song
from stembridge.dataset.opener import open_songs
from stembridge.errors import NoSuchFileError
from stembridge.musical_time import FOUR_FOUR

RATE = 8000
METADATA = "audio_dir: stems\nstems:\n  S00:\n    inst_class: Bass\n"


def song(name: str, rate: int = RATE) -> AnnotatedSong:
    audio = 0.1 * np.sin(np.arange(2 * rate) * 0.05, dtype=np.float32)
    return AnnotatedSong(name, np.stack([audio] * 4), rate, 120.0, FOUR_FOUR)


def slakh_track(folder: Path) -> None:
    (folder / "stems").mkdir(parents=True)
    (folder / "metadata.yaml").write_text(METADATA)
    soundfile.write(folder / "stems" / "S00.flac", 0.1 * np.sin(np.arange(2 * RATE) * 0.1), RATE)


@pytest.mark.parametrize("home", ["", "songs", "songs/train", "train"])
def test_rendered_songs(home: str, tmp_path: Path):
    save_song(song("one"), tmp_path / home)
    save_song(song("two", 2 * RATE), tmp_path / home)
    (tmp_path / home / "half.json").write_text("{}")  # without sound: not finished
    found = list(open_songs(tmp_path, RATE))
    assert [one.name for one in found] == ["one", "two"]
    assert {one.audio.shape for one in found} == {(4, 2 * RATE)}
    assert {one.rate for one in found} == {RATE}


def test_slakh_whole_is_its_training_split(tmp_path: Path):
    for track in ("train/Track00001", "train/omitted/Track00002", "test/Track00003"):
        slakh_track(tmp_path / track)
    assert [one.name for one in open_songs(tmp_path, RATE)] == ["Track00001"]
    assert [one.name for one in open_songs(tmp_path / "test", RATE)] == ["Track00003"]
    assert [one.name for one in open_songs(tmp_path / "test/Track00003", RATE)] == ["Track00003"]


def test_a_folder_of_stems(tmp_path: Path):
    (tmp_path / "my song").mkdir()
    soundfile.write(tmp_path / "my song/bass.wav", 0.1 * np.sin(np.arange(RATE) * 0.1), RATE)
    (only,) = open_songs(tmp_path, RATE)
    assert only.name == "my song"


def test_nothing_of_the_kind(tmp_path: Path):
    with pytest.raises(NoSuchFileError, match="holds no music to learn from"):
        open_songs(tmp_path, RATE)
    with pytest.raises(NoSuchFileError, match="no folder"):
        open_songs(tmp_path / "gone", RATE)

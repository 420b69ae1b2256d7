from __future__ import annotations

import hashlib
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.audio.files import (
    encode_wav,
    write_atomically,
    write_stem,
)
from stembridge.errors import CreateFailedError, DiskFullError
from stembridge.safe_files import ensure_room

ANYWHERE = AllowedRoots.anywhere()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


NOISE = np.random.default_rng(0).uniform(-0.9, 0.9, 5000).astype(np.float32)


@pytest.mark.parametrize("sample_format", ["pcm24", "float"])
@pytest.mark.parametrize("rate", [44100, 48000, 96000])
def test_a_stem_comes_back_exactly(tmp_path: Path, sample_format: str, rate: int) -> None:
    written = write_stem(tmp_path / "new" / "a.wav", NOISE, rate, sample_format)  # type: ignore[arg-type]
    info = soundfile.info(written.path)
    assert (info.frames, info.samplerate, info.channels) == (NOISE.size, rate, 1)
    assert info.subtype == {"pcm24": "PCM_24", "float": "FLOAT"}[sample_format]
    back, _ = soundfile.read(written.path, dtype="float32")
    assert np.abs(back - NOISE).max() <= (1.2e-7 if sample_format == "pcm24" else 0)
    data = written.path.read_bytes()
    assert (written.sha256, written.n_bytes) == (hashlib.sha256(data).hexdigest(), len(data))
    assert names(tmp_path / "new") == ["a.wav"]


@pytest.mark.parametrize("sample_format", ["pcm24", "float"])
def test_the_same_samples_give_the_same_bytes_at_any_time(
    sample_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = (
        "import sys, numpy as np; from stembridge.audio.files import encode_wav;"
        "sys.stdout.buffer.write(encode_wav(np.linspace(-1,1,999,dtype='f4'),44100,sys.argv[1]))"
    )
    ramp = np.linspace(-1, 1, 999, dtype=np.float32)
    here = encode_wav(ramp, 44100, sample_format)  # type: ignore[arg-type]
    there = subprocess.run(
        [sys.executable, "-c", program, sample_format], check=True, capture_output=True
    )
    assert there.stdout == here
    time_at = here.find(b"PEAK") + 12
    assert sample_format == "pcm24" or here[time_at : time_at + 4] == bytes(4)


def test_24_bit_files_clip_instead_of_wrapping(tmp_path: Path) -> None:
    written = write_stem(tmp_path / "a.wav", np.array([2.0, -2.0], np.float32), 44100, "pcm24")
    back, _ = soundfile.read(written.path)
    np.testing.assert_allclose(back, [1.0, -1.0], atol=1e-6)


def test_an_old_file_is_replaced_whole(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", b"old")
    assert write_atomically(tmp_path / "a", b"new").n_bytes == 3
    assert (tmp_path / "a").read_bytes() == b"new"


def _write_until_full(folder: Path) -> int:
    for count in range(100):
        try:
            write_stem(folder / f"{count}.wav", np.zeros(44100, np.float32), 44100, "pcm24")
        except DiskFullError as error:
            assert error.code == -104
            return count
    pytest.fail("the disk never filled up")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 1 MB, where this machine lets us mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    done = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True
    )
    if not done or done.returncode:
        pytest.skip(reason="mounting a file system needs rights this user does not have")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_said_and_leaves_no_part(small_disk: Path) -> None:
    written = _write_until_full(small_disk)
    assert written >= 5
    assert names(small_disk) == sorted(f"{i}.wav" for i in range(written))
    for path in small_disk.iterdir():
        assert soundfile.info(path).frames == 44100
    (small_disk / "0.wav").unlink()
    write_stem(small_disk / "again.wav", np.zeros(44100, np.float32), 44100, "pcm24")


def test_a_file_size_limit_is_a_full_disk_too(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(DiskFullError, match="lets a file be"):
            write_stem(tmp_path / "a.wav", np.zeros(44100, np.float32), 44100, "pcm24")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CreateFailedError, match="cannot be written"):
        write_atomically(tmp_path / "file" / "a.wav", b"x")


def test_an_interrupted_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "a", b"x")
    assert names(tmp_path) == []


def test_room_is_checked_before_the_work(tmp_path: Path) -> None:
    ensure_room(tmp_path / "not" / "yet", 1)
    with pytest.raises(DiskFullError, match="MB are free"):
        ensure_room(tmp_path / "not" / "yet", 2**62)

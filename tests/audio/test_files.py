from __future__ import annotations

import hashlib
import os
import resource
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stembridge.audio import files
from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.audio.files import (
    encode_wav,
    ensure_room,
    open_context,
    write_atomically,
    write_stem,
)
from stembridge.errors import BadAudioError, CreateFailedError, DiskFullError, NoSuchFileError

ANYWHERE = AllowedRoots.anywhere()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


NOISE = np.random.default_rng(0).uniform(-0.9, 0.9, 5000).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "subtype", "tolerance"),
    [
        ("a.wav", "PCM_16", 4e-5),
        ("a.wav", "PCM_24", 2e-7),
        ("a.wav", "FLOAT", 0.0),
        ("a.aiff", "PCM_24", 2e-7),
        ("a.flac", "PCM_24", 2e-7),
        ("a.caf", "PCM_16", 4e-5),
        ("a.ogg", "VORBIS", 2.0),
        ("a.mp3", "MPEG_LAYER_III", 2.0),
    ],
)
@pytest.mark.parametrize("n_channels", [1, 2])
def test_every_format_libsndfile_knows_is_read(
    tmp_path: Path, name: str, subtype: str, tolerance: float, n_channels: int
) -> None:
    samples = np.stack([NOISE] * n_channels, axis=1)
    soundfile.write(tmp_path / name, samples, 44100, subtype=subtype)
    with open_context(str(tmp_path / name), ANYWHERE) as file:
        assert (file.sample_rate, file.n_channels) == (44100, n_channels)
        assert file.duration_s == file.n_samples / 44100
        audio = file.read(1000, 2000)
    assert audio.samples.shape == (n_channels, 2000)
    assert np.abs(audio.samples - NOISE[1000:3000]).max() <= tolerance


def test_reading_stops_where_the_file_ends(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", NOISE, 8000, subtype="FLOAT")
    with open_context(str(tmp_path / "a.wav"), ANYWHERE) as file:
        assert file.read(4000, 9999).n_samples == 1000
        assert file.read(9000, 10).n_samples == 0


def test_mono_is_mixed_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "READ_SAMPLES", 700)
    soundfile.write(tmp_path / "a.wav", np.stack([NOISE, 0 * NOISE], 1), 8000, subtype="FLOAT")
    with open_context(str(tmp_path / "a.wav"), ANYWHERE) as file:
        np.testing.assert_allclose(file.read_mono(100, 4000), NOISE[100:4100] / 2, atol=1e-7)
        assert file.read_mono(100, 0).shape == (0,)
        assert file.read_mono(4900, 4000).shape == (100,)


def wav_header(
    *, rate: int = 44100, channels: int = 1, bits: int = 16, data_bytes: int = 8, tag: int = 1
) -> bytes:
    block = channels * bits // 8
    fmt = struct.pack(
        "<HHIIHH", tag, channels, rate, rate * block & 0xFFFFFFFF, block & 0xFFFF, bits
    )
    size = 36 + data_bytes & 0xFFFFFFFF
    return (
        b"RIFF" + struct.pack("<I", size) + b"WAVEfmt " + struct.pack("<I", 16) + fmt
        + b"data" + struct.pack("<I", data_bytes & 0xFFFFFFFF) + bytes(8)
    )  # fmt: skip


BROKEN = {
    "empty": b"",
    "text": b"this is not audio, though its name says so" * 10,
    "header-only": wav_header(data_bytes=0)[:44],
    "truncated-header": wav_header()[:20],
    "rate-0": wav_header(rate=0),
    "rate-7999": wav_header(rate=7999),
    "rate-192001": wav_header(rate=192_001),
    "rate-max": wav_header(rate=2**31 - 1),
    "channels-0": wav_header(channels=0),
    "channels-9": wav_header(channels=9, data_bytes=18),
    "channels-100": wav_header(channels=100),
    "channels-65535": wav_header(channels=65535),
    "bits-0": wav_header(bits=0),
    "bits-255": wav_header(bits=255),
    "flac-magic": b"fLaC" + bytes(100),
    "ogg-magic": b"OggS" + bytes(100),
    "riff-magic": b"RIFF" + bytes(100),
    "id3-magic": b"ID3\x04" + bytes(200),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_refused_in_words(tmp_path: Path, name: str) -> None:
    path = tmp_path / "broken.wav"
    path.write_bytes(BROKEN[name])
    with pytest.raises(BadAudioError) as raised, open_context(str(path), ANYWHERE) as file:
        file.read(0, file.n_samples)
    assert raised.value.code == -115
    assert "broken.wav" in raised.value.sentence


@pytest.mark.parametrize("bits", range(1, 65, 3))
def test_odd_bit_depths_never_crash(tmp_path: Path, bits: int) -> None:
    path = tmp_path / "odd.wav"
    path.write_bytes(wav_header(bits=bits))
    try:
        with open_context(str(path), ANYWHERE) as file:
            assert np.isfinite(file.read(0, file.n_samples).samples).all()
    except BadAudioError:
        pass


def test_a_header_that_claims_four_gigabytes_yields_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "claim.wav"
    path.write_bytes(wav_header(data_bytes=2**32 - 8))
    with open_context(str(path), ANYWHERE) as file:
        assert file.read(0, file.n_samples).n_samples <= 4


def test_a_long_file_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    # 16 minutes of silence in FLAC: 0.2 MB on disk, 46 MB of samples.
    with soundfile.SoundFile(tmp_path / "bomb.flac", "w", 8000, 1) as bomb:
        for _ in range(16):
            bomb.write(np.zeros(60 * 8000, np.float32))
    with (
        pytest.raises(BadAudioError, match="lasts 16 minutes"),
        open_context(str(tmp_path / "bomb.flac"), ANYWHERE),
    ):
        pass


def test_a_sparse_terabyte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sparse.wav"
    with path.open("wb") as file:
        file.write(wav_header())
        try:
            file.truncate(2**40)
        except OSError:  # this file system cannot: as large as it must be
            file.truncate(files.MAX_FILE_BYTES + 1)
    with (
        pytest.raises(BadAudioError, match="too large"),
        open_context(str(path), ANYWHERE),
    ):
        pass


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e38, -2000.0])
def test_samples_that_are_no_sound_are_refused(tmp_path: Path, value: float) -> None:
    samples = NOISE.copy()
    samples[123] = value
    soundfile.write(tmp_path / "a.wav", samples, 44100, subtype="FLOAT")
    with open_context(str(tmp_path / "a.wav"), ANYWHERE) as file:
        file.read(124, 100)
        with pytest.raises(BadAudioError, match="no sound"):
            file.read(0, 200)


@pytest.mark.parametrize("value", [1e-40, 0.5, 4.0])
def test_denormals_dc_and_hot_samples_are_sound(tmp_path: Path, value: float) -> None:
    soundfile.write(tmp_path / "a.wav", np.full(100, value), 44100, subtype="DOUBLE")
    with open_context(str(tmp_path / "a.wav"), ANYWHERE) as file:
        np.testing.assert_allclose(file.read(0, 100).samples[0], value, rtol=1e-6, atol=1e-38)


def test_a_read_error_in_the_middle_is_bad_audio(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", NOISE, 44100)
    with open_context(str(tmp_path / "a.wav"), ANYWHERE) as file:
        file._sound.close()
        with pytest.raises(BadAudioError, match="cannot be read"):
            file.read(0, 10)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFileError), open_context(str(tmp_path), ANYWHERE):
        pass


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
    with pytest.raises(DiskFullError, match="MiB are needed"):
        ensure_room(tmp_path / "not" / "yet", 2**62)

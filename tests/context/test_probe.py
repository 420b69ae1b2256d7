"""Reading audio files with distrust: formats, limits, headers that lie, broken bytes."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.context import probe
from stembridge.context.probe import open_context
from stembridge.errors import BadAudioError, NoSuchFileError

ANYWHERE = AllowedRoots.anywhere()

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
            file.truncate(probe.MAX_FILE_BYTES + 1)
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

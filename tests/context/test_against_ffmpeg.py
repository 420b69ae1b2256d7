"""Kinds of files, not files: what ffmpeg, an independent reader, hears of them, we hear as well.

Channels, phases, levels and lengths are drawn; headers lie. Reference is ffmpeg's decoding of every
channel: our one channel must be the loudest of them, at its level, over its whole length.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.context.probe import open_context
from stembridge.context.source import MonoFile
from stembridge.errors import BadAudioError

pytestmark = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="the judge is ffmpeg")
ANYWHERE = AllowedRoots.anywhere()
RATE = 22_050


def by_ffmpeg(path: Path, n_channels: int) -> np.ndarray:
    """Samples `[n_channels, n]`."""
    command = ["ffmpeg", "-v", "quiet", "-i", str(path), "-f", "f32le", "-"]
    data = subprocess.run(command, capture_output=True, check=False).stdout
    return np.frombuffer(data, np.float32).reshape(-1, n_channels).T


def ours(path: Path) -> np.ndarray:
    with open_context(str(path), ANYWHERE) as file:
        return MonoFile(file, file.sample_rate).read(0, file.n_samples)


def music(length_s: float, seed: int = 0) -> np.ndarray:
    """A few decaying notes."""
    rng, t = np.random.default_rng(seed), np.arange(round(length_s * RATE)) / RATE
    notes = [np.sin(2 * np.pi * hz * t) for hz in rng.uniform(80, 2000, 5)]
    return (0.1 * np.sum(notes, axis=0) * np.exp(-t)).astype(np.float32)


def assert_same_music(heard: np.ndarray, channels: np.ndarray) -> None:
    loudest = channels[np.square(channels).sum(axis=1).argmax()]
    assert heard.size == loudest.size
    power = np.sqrt(np.square(heard).sum() * np.square(loudest).sum())
    assert abs(heard @ loudest) > 0.98 * power
    assert 20 * np.log10(np.linalg.norm(heard) / np.linalg.norm(loudest)) == pytest.approx(
        0, abs=0.3
    )


LAYOUTS = st.integers(1, 8).flatmap(
    lambda n: st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0]), min_size=n, max_size=n).filter(any)
)


@settings(max_examples=25)
@given(
    gains=LAYOUTS,
    level=st.sampled_from([1.0, 0.1, 0.003]),
    length_s=st.floats(0.2, 1.5),
    suffix=st.sampled_from([".wav", ".flac", ".aiff"]),
)
def test_any_phase_on_any_channels_is_heard_at_its_level(
    tmp_path_factory: pytest.TempPathFactory,
    gains: list[float], level: float, length_s: float, suffix: str,
) -> None:  # fmt: skip
    path = tmp_path_factory.mktemp("phases") / f"a{suffix}"
    channels = level * np.outer(music(length_s), gains)
    soundfile.write(path, channels, RATE, subtype="PCM_24")
    assert_same_music(ours(path), by_ffmpeg(path, len(gains)))


@settings(max_examples=20)
@given(mid=st.floats(-1, 1), side=st.floats(-1, 1))
def test_nothing_of_mid_and_side_is_lost(
    tmp_path_factory: pytest.TempPathFactory, mid: float, side: float
) -> None:
    """Two musics, one in the middle and one at the sides: both are heard, as far apart in level."""
    if max(abs(mid), abs(side)) < 0.1:
        return
    path = tmp_path_factory.mktemp("ms") / "a.wav"
    one, two = mid * music(1.0, 1), side * music(1.0, 2)
    soundfile.write(path, np.stack([one + two, one - two], axis=1), RATE, subtype="FLOAT")
    heard = ours(path)
    basis = np.stack([music(1.0, 1), music(1.0, 2)], axis=1)
    found = np.abs(np.linalg.lstsq(basis, heard, rcond=None)[0])
    for level, other, got in ((mid, side, found[0]), (side, mid, found[1])):
        if abs(level) > 0.3 * abs(other):
            assert got > 0.3 * abs(level)


LIES = {
    "empty": 0,
    "streamed": 0xFFFFFFFF,
    "almost streamed": 0xFFFFFFF0,
    "too long": 10_000_000,
    "true": None,
}


@settings(max_examples=20)
@given(
    lie=st.sampled_from(sorted(LIES)),
    riff=st.sampled_from([None, 0, 0xFFFFFFFF, 100]),
    odd=st.booleans(),
    subtype=st.sampled_from(["PCM_16", "PCM_24", "FLOAT"]),
    n_channels=st.integers(1, 3),
)
def test_wav_headers_that_lie(
    tmp_path_factory: pytest.TempPathFactory,
    lie: str, riff: int | None, odd: bool, subtype: str, n_channels: int,
) -> None:  # fmt: skip
    path = tmp_path_factory.mktemp("lies") / "a.wav"
    soundfile.write(path, np.outer(music(0.5), np.ones(n_channels)), RATE, subtype=subtype)
    data = bytearray(path.read_bytes())
    at = data.find(b"data")
    if LIES[lie] is not None:
        data[at + 4 : at + 8] = struct.pack("<I", LIES[lie])
    if riff is not None:
        data[4:8] = struct.pack("<I", riff)
    if odd:
        data[at:at] = b"junk" + struct.pack("<I", 7) + b"1234567\0"
    path.write_bytes(data)
    assert_same_music(ours(path), by_ffmpeg(path, n_channels))


def test_an_odd_chunk_without_its_padding_is_read_where_ffmpeg_gives_up(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", music(0.5), RATE)
    data = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "b.wav").write_bytes(data[:12] + b"junk\7\0\0\0" + b"1234567" + data[12:])
    np.testing.assert_array_equal(ours(tmp_path / "b.wav"), ours(tmp_path / "a.wav"))


@pytest.mark.parametrize("told", [0, 5000, 2**36 - 1])
@pytest.mark.parametrize("cut", [False, True])
def test_flac_headers_that_lie(tmp_path: Path, told: int, cut: bool) -> None:
    from stembridge.context.flac import with_samples

    path = tmp_path / "a.flac"
    soundfile.write(path, music(2.0), RATE)
    data = path.read_bytes()
    data = with_samples(data[:26], told) + data[26:]
    path.write_bytes(data[: len(data) * 2 // 3] if cut else data)
    assert_same_music(ours(path), by_ffmpeg(path, 1))


def mp3(path: Path, length_s: float, *options: str, rate: int = 44_100) -> bytes:
    soundfile.write(path.with_suffix(".wav"), music(length_s), RATE)
    command = ["ffmpeg", "-v", "error", "-y", "-i", str(path.with_suffix(".wav")), "-ar", str(rate)]
    subprocess.run([*command, *options, str(path)], check=True)
    return path.read_bytes()


@pytest.mark.parametrize(("rate", "kind"), [(44_100, "vbr"), (22_050, "cbr"), (8_000, "vbr")])
@pytest.mark.parametrize("lie", ["true", "no header", "joined", "junk", "cut", "tag", "trailer"])
def test_mp3_headers_that_lie(tmp_path: Path, rate: int, kind: str, lie: str) -> None:
    path = tmp_path / "a.mp3"
    options = ("-q:a", "4") if kind == "vbr" else ("-b:a", "64k")
    data = mp3(
        path, 3.0, *options, *(("-write_xing", "0") if lie == "no header" else ()), rate=rate
    )
    told = {
        "joined": lambda: data + data,
        "junk": lambda: bytes(3000) + data,
        "cut": lambda: data[: len(data) // 2],
        "tag": lambda: b"ID3\x03\0\0\0\0\0\x0a" + bytes(3000) + data,
        "trailer": lambda: data + b"TAG" + bytes(125),
    }.get(lie, lambda: data)()
    path.write_bytes(told)
    reference = by_ffmpeg(path, 1)[0]
    heard = ours(path)
    # Readers differ by what they cut of an encoder's delay and padding: 2258 samples at most.
    assert abs(heard.size - reference.size) <= 2400
    energy = [np.square(part).sum() for part in (heard, reference)]
    assert energy[0] == pytest.approx(energy[1], rel=0.1)


@pytest.mark.parametrize(
    "content", [b"\0\0\0\x20ftypM4A ", b"OggS" + bytes(100), b"caff" + bytes(50)]
)
def test_what_cannot_be_read_says_what_can(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.m4a"
    path.write_bytes(content + bytes(2000))
    with (
        pytest.raises(BadAudioError, match="WAV, AIFF, FLAC, OGG"),
        open_context(str(path), ANYWHERE),
    ):
        pass


def test_joined_ogg_files_are_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.ogg", music(1.0), RATE)
    data = (tmp_path / "a.ogg").read_bytes()
    (tmp_path / "b.ogg").write_bytes(data + data)
    with (
        pytest.raises(BadAudioError, match="several OGG files joined"),
        open_context(str(tmp_path / "b.ogg"), ANYWHERE),
    ):
        pass


def test_a_small_file_with_much_in_it_costs_little(tmp_path: Path) -> None:
    """12 s of 8 channels at 192 kHz are 74 MB decoded; they are never there at once."""
    import tracemalloc

    path = tmp_path / "a.flac"
    with soundfile.SoundFile(path, "w", 192_000, 8, subtype="PCM_16") as file:
        for second in range(12):
            file.write(np.full((192_000, 8), 100 * (second % 2), np.int16))
    asked = 0

    def check() -> None:
        nonlocal asked
        asked += 1

    tracemalloc.start()
    with open_context(str(path), ANYWHERE) as sound:
        heard = MonoFile(sound, RATE, check).read(0, sound.n_samples)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert heard.size == 12 * RATE and asked > 30  # it can be cancelled every few megabytes
    assert most < 30e6

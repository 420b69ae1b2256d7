"""Instruments are strangers' files: bombs, pipes, links and absurd numbers end in words, soon."""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.errors import BadAudioError, NoSuchFileError, PathDeniedError, StembridgeError
from stembridge.parts import Note, Part
from stembridge.players import own_instrument, play, shelf
from stembridge.players.sfz import read_sfz

RATE = 22_050
PART = Part("bass", (Note(0, 1, 40, 100), Note(1, 1, 60, 1), Note(2, 1, 60, 127)), 4.0)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "a.wav", np.full((200, 1), 0.5), RATE)
    return tmp_path


def sfz(home: Path, text: str) -> Path:
    path = home / "evil.sfz"
    path.write_text(text)
    return path


def plays(path: Path) -> bool:
    """Whether it is heard; what is heard is finite."""
    sound = play(PART, own_instrument("bass", str(path)), 120.0, RATE)
    assert np.isfinite(sound).all()
    return bool(sound.any())


BOMBS = {
    "defines": "#define $aa " + "x" * 5000 + "\n" + "$aa" * 5000,
    "defines of defines": "".join(f"#define $a{i} " + f"$a{i + 1}" * 99 + "\n" for i in range(9))
    + "$a0 <region> sample=a.wav",
    "includes": '#include "evil.sfz"\n' * 30,
    "opcodes": "<global>" + " ".join(f"x{i}=1" for i in range(5000)) + "<region> sample=a.wav",
    "regions": "<region> sample=a.wav\n" * 20_000,
    "size": "//" + "x" * (8 << 20),
}


@pytest.mark.parametrize("name", BOMBS)
def test_text_that_swells_is_refused(home: Path, name: str) -> None:
    if name == "defines of defines":  # only the text itself is looked through: no chain
        assert plays(sfz(home, BOMBS[name]))
        return
    with pytest.raises(BadAudioError, match="larger than instruments are"):
        read_sfz(sfz(home, BOMBS[name]))


@pytest.mark.parametrize(
    "text",
    [
        "<region> sample=" + " " * 400_000 + "x",
        "<region> " + "a" * 400_000,
        "/* " * 400_000,
        "#define $" + "a" * 400_000,
        "<" * 400_000,
    ],
)
def test_no_text_takes_long(home: Path, text: str) -> None:
    with pytest.raises(StembridgeError):
        read_sfz(sfz(home, text + "<region> sample=nowhere.wav"))


@pytest.mark.parametrize(
    "opcodes",
    [
        "pitch_keycenter=inf", "pitch_keycenter=nan", "pitch_keycenter=c99999999999999999999",
        "lokey=-1e400 hikey=1e400", "tune=1e8", "tune=-1e8", "transpose=-999999999",
        "pitch_keytrack=1e8", "volume=1e8", "volume=-1e8", "amplitude=1e300", "amp_veltrack=-1e8",
        "amp_veltrack=1e8", "cutoff=0", "cutoff=-5", "cutoff=nan", "ampeg_release=1e8",
        "loop_mode=loop_continuous loop_start=0 loop_end=199 ampeg_release=1e8",
        "loop_mode=loop_continuous loop_start=999999 loop_end=9999999",
        "loop_mode=loop_sustain loop_start=-5 loop_end=1e8", "offset=1e8", "offset=-7", "end=-1",
        "loop_mode=one_shot tune=-1e8", "ampeg_attack=1e8 ampeg_delay=1e8", "pan=1e8",
        "loop_mode=loop_continuous loop_start=0 loop_end=5 offset=1e8",
        "seq_length=1e8 seq_position=1e8", "lorand=1 hirand=-1", "group=1e8 off_by=1e8",
    ],
)  # fmt: skip
def test_absurd_numbers_neither_fail_nor_fill_the_memory(home: Path, opcodes: str) -> None:
    plays(sfz(home, f"<region> sample=a.wav {opcodes}"))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e38])
def test_samples_that_are_no_numbers_are_silent(home: Path, value: float) -> None:
    soundfile.write(home / "a.wav", np.array([0.1, value, 0.2]), RATE, subtype="FLOAT")
    assert plays(sfz(home, "<region> sample=a.wav"))


def test_a_sample_that_unpacks_to_more_than_memory_is_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "MOST_VALUES", 10_000)
    soundfile.write(home / "a.flac", np.zeros((6_000, 1)), RATE)
    soundfile.write(home / "b.flac", np.zeros((6_000, 1)), RATE)
    two = "<region> sample=a.flac hikey=50 <region> sample=b.flac lokey=51"
    with pytest.raises(BadAudioError, match="would fill more than 1 GB"):
        plays(sfz(home, two))


def test_a_pipe_or_a_folder_in_a_samples_place_holds_up_nobody(home: Path) -> None:
    os.mkfifo(home / "pipe.wav")
    os.mkfifo(home / "pipe.sfz")
    with pytest.raises(NoSuchFileError):
        own_instrument("bass", str(home / "pipe.sfz"))
    (home / "loop").symlink_to("loop")
    for name in ("pipe.wav", ".", "\0", "loop/a.wav", "x" * 300, "x/" * 3000):
        with pytest.raises(StembridgeError):
            plays(sfz(home, f'#include "pipe.sfz"\n<region> sample={name}'))
    # A pipe that takes the sample's place after it was seen.
    instrument = own_instrument("bass", str(sfz(home, "<region> sample=a.wav")))
    (home / "a.wav").unlink()
    os.mkfifo(home / "a.wav")
    with pytest.raises(NoSuchFileError):
        play(PART, instrument, 120.0, RATE)


def test_samples_lie_where_files_may_be_read_and_links_lead_nowhere(tmp_path: Path) -> None:
    kept, given = tmp_path / "kept", tmp_path / "given"
    for folder in (kept, given, given / "inner"):
        folder.mkdir()
    for place in (kept, given, given / "inner"):
        soundfile.write(place / "a.wav", np.full((200, 1), 0.5), RATE)
    (given / "link.wav").symlink_to(kept / "a.wav")
    (given / "linked").symlink_to(kept, target_is_directory=True)
    (given / "hard.wav").hardlink_to(kept / "a.wav")
    roots = AllowedRoots.of([given])
    for name in ("../kept/a.wav", "link.wav", "linked/a.wav", f"{kept}/a.wav", "hard.wav",
                 "inner/../../kept/a.wav", "..\\kept\\a.wav"):  # fmt: skip
        path = sfz(given, f"<region> sample={name}")
        with pytest.raises((PathDeniedError, NoSuchFileError)):
            play(PART, own_instrument("bass", str(path), roots), 120.0, RATE)
    within = sfz(given / "inner", "<region> sample=../a.wav")
    assert play(PART, own_instrument("bass", str(within), roots), 120.0, RATE).any()


def chunk(name: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def font(
    home: Path,
    *,
    gens: Iterable[tuple[int, int]] = (),
    header: tuple[int, int, int, int, int] = (0, 200, 10, 190, RATE),
    kind: int = 1,
    n_bags: int = 1,
    sound: bytes = np.full(200, 9000, "<i2").tobytes(),
) -> Path:
    """A SoundFont of one preset, one instrument, one sample."""
    name = b"x".ljust(20, b"\0")
    outer = b"".join(struct.pack("<Hh", 41, 0) for _ in range(n_bags + 1))
    inner = b"".join(struct.pack("<Hh", *gen) for gen in (*gens, (53, 0)))
    n_gens = len(inner) // 4
    bags = b"".join(struct.pack("<HH", i, 0) for i in range(n_bags + 1))
    wide = b"".join(struct.pack("<HH", 0 if i < n_bags else n_gens, 0) for i in range(n_bags + 1))
    if n_bags > 1:  # zones of zones
        wide = b"".join(struct.pack("<HH", i % 2 * n_gens, 0) for i in range(n_bags + 1))
    tables = chunk(
        b"LIST", b"pdta",
        chunk(b"phdr", name, struct.pack("<HHHIII", 0, 0, 0, 0, 0, 0),
              name, struct.pack("<HHHIII", 0, 0, n_bags, 0, 0, 0)),
        chunk(b"pbag", bags), chunk(b"pgen", outer),
        chunk(b"inst", name, struct.pack("<H", 0), name, struct.pack("<H", n_bags)),
        chunk(b"ibag", wide), chunk(b"igen", inner, bytes(4)),
        chunk(b"shdr", name, struct.pack("<5IBbHH", *header, 60, 0, 0, kind), bytes(46)),
    )  # fmt: skip
    body = b"sfbk" + chunk(b"LIST", b"sdta", chunk(b"smpl", sound)) + tables
    path = home / "evil.sf2"
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def test_the_soundfont_of_these_tests_plays(home: Path) -> None:
    assert plays(font(home))


@pytest.mark.parametrize(
    "gens",
    [
        [(51, 32767)], [(51, -32768)], [(56, 32767)], [(56, -32768)], [(58, 32767)], [(8, -32768)],
        [(8, 32767)], [(38, 32767), (54, 1)], [(33, 32767), (34, 32767)], [(48, -32768)],
        [(48, 32767)], [(54, 1), (2, 32767), (45, 32767)], [(54, 3), (3, -32768)], [(4, 32767)],
        [(0, -32768), (4, -32768)], [(17, 32767)], [(37, 32767)], [(57, -1)], [(58, -5)],
    ],
)  # fmt: skip
def test_absurd_generators_neither_fail_nor_fill_the_memory(
    home: Path, gens: list[tuple[int, int]]
) -> None:
    plays(font(home, gens=gens))


@pytest.mark.parametrize(
    "header",
    [
        (0, 2**32 - 1, 0, 0, RATE), (150, 50, 0, 0, RATE), (2**32 - 1, 2**32 - 1, 0, 0, RATE),
        (0, 201, 10, 190, RATE),
    ],
)  # fmt: skip
def test_samples_beyond_the_file_are_damage(
    home: Path, header: tuple[int, int, int, int, int]
) -> None:
    with pytest.raises(BadAudioError, match="damaged"):
        plays(font(home, header=header))


@pytest.mark.parametrize("header", [(0, 200, 0, 0, 0), (0, 200, 5, 9, 2**32 - 1), (7, 7, 7, 7, 1)])
def test_rates_of_nothing_and_samples_of_nothing(
    home: Path, header: tuple[int, int, int, int, int]
) -> None:
    plays(font(home, header=header, gens=[(54, 1)]))


def test_compressed_samples_that_are_none_or_too_much(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadAudioError, match="cannot be read"):
        plays(font(home, kind=0x11))
    monkeypatch.setattr(shelf, "MOST_VALUES", 10_000)
    soundfile.write(home / "a.ogg", np.zeros(20_000), RATE, format="OGG")
    data = (home / "a.ogg").read_bytes()
    with pytest.raises(BadAudioError, match="would fill"):
        plays(font(home, kind=0x11, sound=data, header=(0, len(data), 0, 0, RATE)))


def test_zones_of_zones_and_lists_in_lists_end(home: Path) -> None:
    with pytest.raises(BadAudioError, match="too many zones"):
        own_instrument("bass", str(font(home, n_bags=20_000)))
    nested = b""
    for _ in range(3000):
        nested = chunk(b"LIST", b"pdta", nested)
    (home / "nested.sf2").write_bytes(b"RIFF\xff\xff\xff\xffsfbk" + nested)
    with pytest.raises(BadAudioError):
        own_instrument("bass", str(home / "nested.sf2"))


def test_an_instrument_that_sounds_for_ever_in_every_zone_ends(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[play.__module__], "_MOST_SAMPLES", 5 * 30 * RATE)
    zone = "<region> sample=a.wav loop_mode=loop_continuous loop_start=0 loop_end=199"
    with pytest.raises(BadAudioError, match="sounds too much"):
        plays(sfz(home, f"{zone} ampeg_release=1e8\n" * 9))

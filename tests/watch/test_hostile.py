"""Song packs from strangers: nothing outside a song's own folder is ever written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from watch_bench import Bench


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """What must stay as it is."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".profile").write_text("mine")
    (home / ".stembridge.json").write_text("mine")
    return home


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def link_made(song: Path, home: Path) -> None:
    (song / "made").symlink_to(home)


def link_memory(song: Path, home: Path) -> None:
    (song / "made").mkdir()
    (song / "made" / ".stembridge.json").symlink_to(home / ".profile")


def link_results(song: Path, home: Path) -> None:
    (song / "made").mkdir()
    for stem in ("bass", "guitar", "piano"):
        (song / "made" / f"{song.name}_{stem}.wav").symlink_to(home / ".profile")
        (song / "made" / f"{song.name}_{stem}.part").symlink_to(home / ".profile")


def link_song(song: Path, home: Path) -> None:
    for path in song.iterdir():
        path.rename(home.parent / path.name)
    song.rmdir()
    song.symlink_to(home)
    (home.parent / "Drums.wav").rename(home / "Drums.wav")


def file_made(song: Path, _home: Path) -> None:
    (song / "made").write_text("a file")


def deep_memory(song: Path, _home: Path) -> None:
    (song / "made").mkdir()
    (song / "made" / ".stembridge.json").write_text("[" * 4000)


def wide_memory(song: Path, _home: Path) -> None:
    (song / "made").mkdir()
    with (song / "made" / ".stembridge.json").open("wb") as file:
        file.truncate(2**33)


def pipe_memory(song: Path, _home: Path) -> None:
    (song / "made").mkdir()
    os.mkfifo(song / "made" / ".stembridge.json")


def folder_result(song: Path, _home: Path) -> None:
    (song / "made" / f"{song.name}_bass.wav").mkdir(parents=True)


def odd_name(song: Path, _home: Path) -> None:
    song.rename(os.fsdecode(os.fsencode(song) + b"\xfc"))


def odd_file(song: Path, _home: Path) -> None:
    path = song / "Drums.wav"
    path.rename(os.fsdecode(os.fsencode(song / "Drums_") + b"\xfc.wav"))


def strange_memory(song: Path, _home: Path) -> None:
    (song / "made").mkdir()
    (song / "made" / ".stembridge.json").write_text('{"mark": ["x"], "made": [{"a": 1}]}')


REFUSED = [link_made, link_song, file_made, folder_result, odd_name, odd_file]
HARMLESS = [link_memory, link_results, deep_memory, wide_memory, pipe_memory, strange_memory]


@pytest.mark.parametrize("trap", REFUSED + HARMLESS)
def test_traps_catch_nobody(bench: Bench, home: Path, trap: Callable[[Path, Path], None]) -> None:
    song = bench.drop("M 120bpm/Drums.wav")
    bench.drop("Z 120bpm/Drums.wav")
    trap(song, home)
    before = contents(home) if trap is not link_song else None
    made = bench.look()
    assert {"Z 120bpm_bass.wav", "Z 120bpm_guitar.wav", "Z 120bpm_piano.wav"} <= set(made)
    if before is not None:
        assert contents(home) == before
    assert sorted(path.name for path in home.iterdir())[:2] == [".profile", ".stembridge.json"]
    assert not (home / "made").exists()
    assert bool(bench.refused) == (trap in REFUSED)
    assert len(made) == (3 if trap in REFUSED else 6)
    for path in bench.refused:  # in words, and with what to do
        name = os.fsencode(path.name).decode("utf-8", "replace")
        assert any(line.startswith(f"{name}: ") and line.endswith(".") for line in bench.said)


def test_only_our_own_parts_are_removed(bench: Bench) -> None:
    song = bench.drop("M 120bpm/Drums.wav")
    (song / "made").mkdir()
    for name in ("mine.part", ".M 120bpm_bass.wav.part", ".stembridge-0123456789abcdef.part"):
        (song / "made" / name).write_text("x")
    bench.look()
    left = {path.name for path in (song / "made").iterdir() if path.suffix == ".part"}
    assert left == {"mine.part", ".M 120bpm_bass.wav.part"}

"""Watch-folder mode against a real daemon with the fake model."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import soundfile
from daemons import DaemonProcess
from live_stage import free_port, write_tone

from stembridge.client import Client
from stembridge.client.plain import PlainJob
from stembridge.musical_time import beats_to_samples
from stembridge.watch import Watcher, WatchSettings, find_songs

BAR_S = 4 * 60 / 93


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("watched")


@pytest.fixture(scope="module")
def daemon(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    state = tmp_path_factory.mktemp("daemon")
    process = DaemonProcess(state, 0, "--context-root", str(folder), model="fake:delay=0.02")
    process.wait_ready()
    yield process
    process.stop()


@pytest.fixture
def client(daemon: DaemonProcess) -> Iterator[Client]:
    with Client(port=daemon.port, timeout_s=60) as client:
        yield client


def drop(song: Path, *names: str, bars: int = 2, rate: int = 48_000) -> None:
    song.mkdir(parents=True, exist_ok=True)
    for index, name in enumerate(names):
        write_tone(song / f"{name}.wav", bars * BAR_S, 200.0 + 70 * index, rate)


def test_what_is_missing_comes_out(folder: Path, client: Client) -> None:
    song = folder / "Night Drive 93bpm"
    drop(song, "Drums", "gtr")
    said: list[str] = []
    watcher = Watcher(folder, WatchSettings(settle_s=0), client, said.append)
    made = watcher.look()
    assert [path.name for path in made] == [
        "Night Drive 93bpm_bass.wav", "Night Drive 93bpm_piano.wav",
    ]  # fmt: skip
    for path in made:
        info = soundfile.info(path)
        assert (info.frames, info.samplerate) == (beats_to_samples(8, 93, 48_000), 48_000)
    assert watcher.look() == []
    again = Watcher(folder, WatchSettings(settle_s=0), client, said.append)
    assert again.look() == []  # remembered over a restart
    drop(song, "Rhodes")
    assert [path.name for path in again.look()] == ["Night Drive 93bpm_bass.wav"]


def test_files_that_still_grow_are_left_alone(
    folder: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 100.0
    clock = SimpleNamespace(monotonic=lambda: now_s)
    monkeypatch.setattr("stembridge.watch.watcher.time", clock)
    drop(folder / "Growing 93bpm", "Drums")
    watcher = Watcher(folder, WatchSettings(settle_s=0.3), client, lambda _line: None)
    assert watcher.look() == []
    now_s += 0.35
    os.utime(folder / "Growing 93bpm" / "Drums.wav", (1e9, 1e9))
    assert watcher.look() == []
    now_s += 0.35
    assert len(watcher.look()) == 3


def test_a_song_that_changes_meanwhile_is_started_again(
    folder: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    song = folder / "Changes" / "Changing 93bpm"
    drop(song, "Drums", bars=8)
    said: list[str] = []
    watcher = Watcher(song.parent, WatchSettings(settle_s=0, make=("bass",)), client, said.append)
    generate = client.generate

    def changed_as_it_is_asked(**words: Any) -> PlainJob:
        job = generate(**words)
        drop(song, "Keys", bars=8)
        return job

    with monkeypatch.context() as patch:
        patch.setattr(client, "generate", changed_as_it_is_asked)
        made = watcher.look()
    if made:  # the machine was too quick for the change: the next look makes it again anyway
        pytest.fail("the job ended before the files changed; use a slower fake model")
    assert any("have changed" in line for line in said)
    assert [path.name for path in watcher.look()] == ["Changing 93bpm_bass.wav"]


def test_trouble_is_said_once_and_does_not_stop_the_watch(folder: Path, client: Client) -> None:
    song = folder / "Broken"
    song.mkdir()
    (song / "drums.wav").write_bytes(b"no sound")
    said: list[str] = []
    watcher = Watcher(folder, WatchSettings(settle_s=0, bpm="93"), client, said.append)
    watcher.look()
    watcher.look()
    assert len([line for line in said if line.startswith("Broken: ")]) == 1
    (song / "drums.wav").unlink()
    assert not any(one.folder == song for one in find_songs(folder))


def run_watch(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "stembridge", "watch", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=240)


def test_the_command(folder: Path, daemon: DaemonProcess) -> None:
    drop(folder / "By Command 93bpm", "Drums", "Keys")
    options = ("--once", "--make", "bass", "--port", str(daemon.port))
    done = run_watch(str(folder / "By Command 93bpm"), *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith("made/By Command 93bpm_bass.wav")


def test_the_commands_exit_status_tells_refused_songs(folder: Path, daemon: DaemonProcess) -> None:
    song = folder / "Status" / "Night"
    drop(song, "Drums")
    options = ("--once", "--make", "bass", "--port", str(daemon.port))
    refused = run_watch(str(song.parent), *options)
    assert refused.returncode == 2 and "--bpm" in refused.stderr and not refused.stdout
    assert run_watch(str(song.parent), *options, "--bpm", "93").returncode == 0


def test_a_name_in_brackets_is_printed_as_it_is(folder: Path, daemon: DaemonProcess) -> None:
    drop(folder / "Brackets" / "Night [live] :smile: 93bpm", "Drums")
    options = ("--once", "--make", "bass", "--port", str(daemon.port))
    done = run_watch(str(folder / "Brackets"), *options)
    assert done.returncode == 0, done.stderr
    assert "Night [live] :smile: 93bpm: making bass" in done.stderr


def test_the_command_without_a_daemon_or_folder(tmp_path: Path) -> None:
    done = run_watch(str(tmp_path), "--once", "--port", str(free_port()))
    assert done.returncode == 3 and "stembridge serve" in done.stderr
    done = run_watch(str(tmp_path / "nowhere"), "--once")
    assert done.returncode == 2 and "no folder" in done.stderr


def test_the_example(folder: Path, daemon: DaemonProcess) -> None:
    song = folder / "Example"
    drop(song / "Tune 93bpm", "Drums")
    example = Path(__file__).parents[2] / "examples" / "watch_folder.py"
    command = [sys.executable, str(example), str(song), "--port", str(daemon.port), "--once"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert "Tune 93bpm_bass.wav" in done.stdout


def test_notes_come_with_the_stems_where_they_are_asked_for(folder: Path, client: Client) -> None:
    drop(folder / "Notes 93bpm", "Drums")
    settings = WatchSettings(settle_s=0, make=("bass",), midi=True)
    looked = Watcher(folder, settings, client, lambda _line: None).look()
    made = [path for path in looked if path.name.startswith("Notes")]
    assert [path.name for path in made] == [
        "Notes 93bpm_bass.wav", "Notes 93bpm_bass.mid", "Notes 93bpm_parts.mid",
    ]  # fmt: skip
    assert all(path.read_bytes()[:4] == b"MThd" for path in made[1:])

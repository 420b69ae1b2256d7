"""All READMEs' commands, run as printed and in their order, as far as no hardware is needed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
import soundfile
import typer

from stembridge.cli import app

ROOT = Path(__file__).parents[1]
BAR_S = 4 * 60 / 93

# Why a printed command is not run here, by how it begins.
NOT_RUN = {
    "python3 -m venv": "installs everything anew; .ci/run does it, with PyTorch and without",
    "py -3.12": "is for Windows",
    ".venv\\Scripts\\": "is for Windows; the same for Linux is run",
    "bash .ci/test": "runs this very test",
    "stembridge serve --gpu": "needs two GPUs",
    "stembridge serve --cluster": "needs other machines",
    "stembridge midi learn": "waits for a pad",
    "stembridge bridge": "needs MIDI or sound; tests/bridge runs it",
    "stembridge train": "needs material or hours; tests/training runs each stage",
    "stembridge evaluate": "needs SoundFonts and minutes; tests/evaluation runs it",
    "stembridge serve --model": "needs a model trained before",
    "stembridge arrange --model": "needs somebody's weights; tests/engines makes tiny ones",
    "python export/": "needs a checkpoint; tests/export runs them",
    "python max_for_live/": "builds the device; tests/max_for_live does",
    "oscdump": "runs beside the next line",
}

INLINE = re.compile(r"`(stembridge [^`]+)`")
pytestmark = [pytest.mark.slow, pytest.mark.weights, pytest.mark.timeout(900)]


def pages() -> list[str]:
    """Every README's text, the main one's first."""
    rooms = ("examples", "max_for_live", "stembridge")
    found = (path for room in rooms for path in sorted((ROOT / room).rglob("README.md")))
    return [path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *found)]


def printed() -> list[str]:
    """The indented lines that begin like a command; the environment's own are called by name."""
    lines = re.findall(r"^    (\S.*)$", "\n".join(pages()), flags=re.MULTILINE)
    lines = [line.removeprefix(".venv/bin/") for line in lines]
    first = ("stembridge", "python", "py", ".venv", "bash", "oscdump", "oscsend", "ray")
    return [line for line in lines if line.startswith(first)]


def mentioned() -> list[str]:
    """Every `stembridge …`, in lines of its own, running text and tables."""
    inline = [" ".join(said.split()) for page in pages() for said in INLINE.findall(page)]
    return [line for line in printed() + inline if line.startswith("stembridge ")]


def program() -> str:
    """The Python program for clients."""
    text = "\n".join(pages())
    (block,) = re.findall(r"^    from stembridge\.client.*?(?=^\S)", text, flags=re.M | re.S)
    return "\n".join(line[4:] for line in block.splitlines())


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files the READMEs speak of, and its commands on the path."""
    desk = tmp_path_factory.mktemp("readme")
    rng = np.random.default_rng(1)
    song = desk / "songs" / "My song 93bpm"
    song.mkdir(parents=True)
    for name, seconds in (("drums.wav", 16), ("gtr.wav", 16), ("bass.flac", 40)):
        soundfile.write(desk / name, 0.1 * rng.standard_normal(44_100 * seconds), 44_100)
    for name in ("Drums.wav", "Gtr.wav"):
        soundfile.write(song / name, 0.1 * rng.standard_normal(round(44_100 * BAR_S)), 44_100)
    track = mido.MidiTrack()
    for chord in ((57, 60, 64), (53, 57, 60), (48, 52, 55), (55, 59, 62)):
        track += [mido.Message("note_on", note=note) for note in chord]
        ends = [mido.Message("note_off", note=note) for note in chord]
        track += [ends[0].copy(time=1920), *ends[1:]]
    mido.MidiFile(tracks=[track]).save(desk / "progression.mid")
    (desk / "bin").mkdir()
    starter = desk / "bin" / "stembridge"
    starter.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m stembridge "$@"\n')
    starter.chmod(0o755)
    return desk


def environment(desk: Path) -> dict[str, str]:
    home = {"HOME": str(desk), "XDG_STATE_HOME": str(desk / "state"), "XDG_MUSIC_DIR": str(desk)}
    path = f"{desk / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return os.environ | home | {"PATH": path, "PYTHONPATH": str(ROOT)}


def run(desk: Path, command: str, timeout_s: float = 800) -> str:
    done = subprocess.run(
        shlex.split(command), cwd=desk, env=environment(desk), capture_output=True, text=True,
        timeout=timeout_s,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def daemon(desk: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        ["stembridge", "serve"], cwd=desk, env=environment(desk), text=True,
        executable=str(desk / "bin" / "stembridge"), stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("ready"):
            break
    yield process
    process.send_signal(signal.SIGINT)
    process.wait(timeout=120)
    process.stdout.close()


def test_every_command_is_run_or_has_a_reason() -> None:
    runs = ("stembridge serve", "stembridge watch", "stembridge arrange", "stembridge rework",
            "stembridge doctor", "oscsend")  # fmt: skip
    left = [
        line
        for line in printed()
        if not line.startswith(tuple(NOT_RUN)) and not line.startswith(runs)
    ]
    assert left == []
    unused = [why for why in NOT_RUN if not any(line.startswith(why) for line in printed())]
    assert unused == []


@pytest.mark.parametrize("line", dict.fromkeys(mentioned()))
def test_every_option_exists(line: str) -> None:
    words = shlex.split(line, comments=True)
    command: Any = typer.main.get_command(app)
    for word in words[1:]:
        if not hasattr(command, "get_command"):
            break
        command = command.get_command(None, word)
        assert command is not None, word
    known = {opt for parameter in command.params for opt in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known | {"--help"}


def test_windows_is_told_the_same() -> None:
    begin = ".venv\\Scripts\\stembridge "
    lines = [line.replace('"bass,drums,guitar,piano"', "bass,drums,guitar,piano")
             for line in printed()]  # fmt: skip
    (told,) = [line for line in lines if line.startswith(begin)]
    assert told.replace(".venv\\Scripts\\", "") in lines


def test_the_command_line(desk: Path) -> None:
    take = ""
    for line in printed():
        if not line.startswith(("stembridge arrange", "stembridge rework", "stembridge doctor")):
            continue
        if line.startswith(tuple(NOT_RUN)):
            continue
        command = line.replace("stems/TAKE", take) + (" --cpu" if "doctor" not in line else "")
        if "doctor" not in line and "rework" not in line and "--receipt" not in line:
            command += " --out stems"
        said = run(desk, command)
        if "--generate drums,bass" in line:
            take = said.strip().splitlines()[-1].partition("lie in ")[2]
            assert list(Path(desk / take).glob("*.mid"))


def test_a_folder(desk: Path, daemon: subprocess.Popen[str]) -> None:
    (line,) = [line for line in printed() if line.startswith("stembridge watch")]
    watch = subprocess.Popen(
        shlex.split(line), cwd=desk, env=environment(desk), stderr=subprocess.DEVNULL,
        executable=str(desk / "bin" / "stembridge"),
    )  # fmt: skip
    made = desk / "songs" / "My song 93bpm" / "made"
    until_s = time.monotonic() + 600
    while len(list(made.glob("*.wav"))) < 2 and time.monotonic() < until_s:
        time.sleep(0.2)
    watch.send_signal(signal.SIGINT)
    watch.wait(timeout=120)
    names = sorted(path.name for path in made.glob("*.wav"))
    assert names == ["My song 93bpm_bass.wav", "My song 93bpm_piano.wav"]


def test_your_own_program(desk: Path, daemon: subprocess.Popen[str]) -> None:
    told = program().replace("/music/drums.wav", str(desk / "drums.wav"))
    done = subprocess.run(
        [sys.executable, "-c", told], cwd=desk, env=environment(desk), capture_output=True,
        text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_file()


def test_two_terminals(desk: Path, daemon: subprocess.Popen[str]) -> None:
    (line,) = [line for line in printed() if line.startswith("oscsend")]
    listener = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # oscdump hears both
    listener.bind(("::", 9421))
    listener.settimeout(600)
    assert shutil.which("oscsend"), "apt install liblo-tools, as .ci/test does"
    run(desk, line)
    heard: list[bytes] = []
    while b"/stembridge/done" not in heard:
        heard.append(listener.recv(65_536).partition(b"\0")[0])
        assert b"/stembridge/error" not in heard
    assert b"/stembridge/accepted" in heard and b"/stembridge/stem" in heard
    listener.close()

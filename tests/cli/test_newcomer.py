"""A newcomer's mistakes: each is a sentence that says what to do, and a status scripts can use."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stembridge.cli import main

ARRANGE = "arrange --model fake: --bpm 120 --bars 2 --generate bass --out out"

# What is typed -> what the sentence must hold: the remedy.
MISTAKES = {
    "arrange --model fake: --bpm 120 --bars 2": '"generate".*Add it',
    "arrange --model fake: --bars 2 --generate bass": '"bpm".*Add it',
    "arrange --model fake: --bpm 120 --generate bass": "bars or in beats",
    f"{ARRANGE} --generate kazoo": "knows bass, drums, guitar, piano",
    f"{ARRANGE} --bpm fast": "between 20 and 999",
    f"{ARRANGE} --bars 0": "at least 0.25 beats",
    f"{ARRANGE} --context drums": r"like --context drums=drums\.wav",
    f"{ARRANGE} --context drums=none.wav": "spelling and folder",
    f"{ARRANGE} --context drums=folder": "Name a file",
    f"{ARRANGE} --context drums=text.wav": "WAV, AIFF, FLAC, OGG and MP3 can be read",
    f"{ARRANGE} --context drums=empty.wav": "Export it again",
    f"{ARRANGE} --context bass=drums.wav": "leave one of the two out",
    f"{ARRANGE} --context drums=latin1.wav": "Rename",
    f"{ARRANGE} --chords AmH": "chords look like Am",
    f"{ARRANGE} --chords Am|F|C|G": "more bars, or leave some chords out",
    f"{ARRANGE} --chords none.mid": "spelling",
    f"{ARRANGE} --chords bad.mid": "Export it again",
    f"{ARRANGE} --time-signature 4": "like 4/4, 3/4 or 7/8",
    f"{ARRANGE} --timbre slap": "like --timbre bass=name",
    f"{ARRANGE} --rate 100": "between 8000 and 192000",
    f"{ARRANGE} --out text.wav": "Choose another folder",
    f"{ARRANGE} --model nowhere": "leave --model out",
    f"{ARRANGE} --gpu 0 --cpu": "either --gpu or --cpu",
    f"{ARRANGE} --receipt receipt.json": "Name a take's own|goes with",
    "arrange --receipt receipt.json --model fake:": "Name a take's own",
    "watch none": "Make it",
    "play none.wav": "spelling",
    "capture": "--measure",
    "capture drums.wav": "another name",
    "capture new.wav --bpm 0": "20 to 999",
    "capture new.wav --bpm 1,5": "20 to 999",
    "capture new.wav --bpm fast": "such as 92.86",
    "midi learn dance": "It can generate",
    "serve --host 0.0.0.0 --port 0": "set a token",
}
LATER = {"watch folder --port 9": "stembridge serve"}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the things a newcomer has, and things that went wrong."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    soundfile.write(tmp_path / "drums.wav", 0.1 * np.ones(8000), 8000)
    (tmp_path / "text.wav").write_text("hello")
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "bad.mid").write_text("not midi")
    (tmp_path / "receipt.json").write_text("{}")
    (tmp_path / os.fsdecode(b"latin1_\xfc.wav")).write_bytes((tmp_path / "drums.wav").read_bytes())
    return tmp_path


def run(line: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    words = [os.fsdecode(b"drums=latin1_\xfc.wav") if "latin1" in w else w for w in line.split()]
    with pytest.raises(SystemExit) as ended:
        main(words)
    said = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, said.err.strip().splitlines()[-1]


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_a_sentence_with_a_remedy(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, sentence = run(line, capsys)
    assert status == 2
    assert re.fullmatch(r"stembridge: \S.*[.?] \[[A-Z_]+ -\d+\]", sentence), sentence
    assert re.search(MISTAKES[line], sentence), sentence


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize("line", LATER)
def test_what_may_succeed_later_has_a_status_of_its_own(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, sentence = run(line, capsys)
    assert status == 3
    assert LATER[line] in sentence


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize("line", ["arange", "arrange --generat bass", "serve --prot 1"])
def test_misspelt_commands_are_told_too(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    assert ended.value.code == 2
    assert "No such" in capsys.readouterr().err


def test_a_console_of_another_code_page_gets_by(desk: Path) -> None:
    import subprocess
    import sys

    command = [sys.executable, "-m", "stembridge", *ARRANGE.split()[:-1], "Käse→[live]"]
    environment = os.environ | {"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
    done = subprocess.run(command, capture_output=True, cwd=desk, env=environment, timeout=240)
    assert done.returncode == 0, done.stderr
    assert b"[live]" in done.stdout and b"Traceback" not in done.stderr

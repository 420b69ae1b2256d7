"""What a capture may be asked for, and that it never takes a file's place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stembridge.audio_io.captures import Captures, free_name
from stembridge.audio_io.engine import Engine, Latencies
from stembridge.children.messages import Capture, Captured
from stembridge.cli import main
from stembridge.errors import BadArgsError, CreateFailedError

GOOD: dict[str, Any] = {"bpm": 120.0, "length_beats": 4.0}


@pytest.mark.parametrize(
    "bad",
    [
        {"bpm": 0.0}, {"bpm": -120.0}, {"bpm": float("nan")}, {"bpm": float("inf")},
        {"length_beats": 0.0}, {"length_beats": -4.0}, {"length_beats": float("nan")},
        {"length_beats": 1e9}, {"bpm": 20.0, "length_beats": 1000.0},
        {"beats_per_bar": -4.0}, {"count_in_bars": -1}, {"count_in_bars": 99}, {"channel": -1},
    ],
)  # fmt: skip
def test_values_out_of_range_are_sentences(bad: dict[str, Any]) -> None:
    with pytest.raises(BadArgsError, match="of a capture must be"):
        Capture("c", "/x.wav", **(GOOD | bad))


@pytest.mark.parametrize("flags", [["--bpm", "0"], ["--bpm", "nan"], ["--bars", "-1"],
                                   ["--bars", "0"], ["--beats-per-bar", "0"]])  # fmt: skip
def test_the_command_refuses_before_it_opens_a_device(
    flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["capture", str(tmp_path / "a.wav"), *flags])
    assert ended.value.code == 2
    assert "of a capture must be" in capsys.readouterr().err


def test_the_command_overwrites_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.wav").write_text("mine")
    for name, words in (("a.wav", "there already"), ("b.mp3", "call it b.wav")):
        with pytest.raises(SystemExit) as ended:
            main(["capture", str(tmp_path / name)])
        assert ended.value.code == 2 and words in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["capture"])
    assert "--measure" in capsys.readouterr().err
    assert (tmp_path / "a.wav").read_text() == "mine"


def run(engine: Engine, n_blocks: int) -> None:
    for _ in range(n_blocks):
        block = np.zeros((480, engine.n_outputs), np.float32)
        engine.process(block, np.full((480, 2), 0.1, np.float32), engine.frame / 48_000)


def test_the_child_refuses_channels_and_files_that_are_not_free(tmp_path: Path) -> None:
    engine = Engine(48_000, 2, 2, Latencies(0.0, 0.0))
    captures = Captures(engine)
    with pytest.raises(BadArgsError, match="2 channels; there is no channel 9"):
        captures.begin(Capture("c", str(tmp_path / "a.wav"), channel=9, **GOOD))
    (tmp_path / "a.wav").write_text("mine")
    with pytest.raises(CreateFailedError, match="there already"):
        captures.begin(Capture("c", str(tmp_path / "a.wav"), **GOOD))


def test_a_file_that_appears_meanwhile_is_left_alone(tmp_path: Path) -> None:
    engine = Engine(48_000, 2, 2, Latencies(0.0, 0.0))
    captures = Captures(engine)
    command = Capture("c", str(tmp_path / "a.wav"), 999.0, 1.0, count_in_bars=0, channel=2)
    captures.begin(command)
    (tmp_path / "a.wav").write_text("mine")
    run(engine, 40)
    (done,) = captures.turn()
    assert isinstance(done, Captured) and done.path == str(tmp_path / "a 2.wav")
    assert (tmp_path / "a.wav").read_text() == "mine"
    assert free_name(tmp_path / "a.wav").name == "a 3.wav"

"""The command itself, with a model in closed form and songs from a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import typer
from toy_kit import toy_kit

from stembridge.chords import parse_progression
from stembridge.cli import app, main
from stembridge.dataset.annotated import AnnotatedSong, save_song
from stembridge.musical_time import TimeSignature

RATE = 22050


def save_songs(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(2):
        t = np.arange(7 * RATE) / RATE
        audio = 0.1 * rng.standard_normal((4, t.size)) * np.exp(-(t % 0.5) * 8)
        chords = parse_progression("C F", 4, 14)
        save_song(
            AnnotatedSong(f"song{number}", audio.astype(np.float32), RATE, 120.0, TimeSignature(),
                          chords), folder,
        )  # fmt: skip


def save_multitracks(folder: Path) -> None:
    """Two songs of the user's, the second without bass."""
    for number, names in enumerate((("bass", "drums", "guitar"), ("drums", "guitar"))):
        home = folder / f"take {number}"
        home.mkdir(parents=True)
        for pitch, name in enumerate(names):
            t = np.arange(13 * RATE) / RATE
            wave = 0.2 * np.sin(2 * np.pi * 110 * (1 + pitch) * t) * np.exp(-(t % 0.5) * 8)
            soundfile.write(home / f"{name}.wav", wave, RATE)
        (home / "song.json").write_text('{"bpm": 120, "chords": "A E"}')


def evaluate(*words: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(["evaluate", "--model", "fake:", *words])
    return int(end.value.code or 0)


@pytest.mark.slow
def test_one_command_writes_both_reports(tmp_path: Path) -> None:
    save_songs(tmp_path / "songs")
    data, out = str(tmp_path / "songs"), tmp_path / "out"
    assert evaluate("--data", data, "--steps", "2", "--curve", "3,2", "--out", str(out)) == 0
    report = json.loads((out / "report.json").read_text())
    assert report["facts"]["songs"] == 2
    assert set(report["stems"]) == set(report["curve"]) == {"bass", "drums", "guitar", "piano"}
    assert [row["steps"] for row in report["curve"]["bass"]] == [2, 3]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "<svg" in page
    assert "<audio" in page


def test_the_ceiling_alone_has_figures_of_the_codec_only(tmp_path: Path) -> None:
    save_songs(tmp_path / "songs")
    data, out = str(tmp_path / "songs"), tmp_path / "out"
    assert evaluate("--data", data, "--ceiling-only", "--out", str(out)) == 0
    bass = json.loads((out / "report.json").read_text())["stems"]["bass"]
    assert "generated" not in bass
    assert bass["ceiling"]["lsd_db"]["mean"] > 0
    assert "mean" in bass["ceiling_treble_difference_db"]


@pytest.mark.parametrize("words", [["--songs", "1"], ["--curve", "5,many"], ["--curve", "0"]])
def test_what_cannot_be_done_is_refused(tmp_path: Path, words: list[str]) -> None:
    assert evaluate(*words, "--out", str(tmp_path)) == 2


def test_ones_own_multitracks_are_measured_with_the_stems_they_have(tmp_path: Path) -> None:
    save_multitracks(tmp_path / "mine")
    out = tmp_path / "out"
    words = ("--reference", str(tmp_path / "mine"), "--steps", "1", "--out", str(out))
    assert evaluate(*words) == 0
    report = json.loads((out / "report.json").read_text())
    assert set(report["stems"]) == {"drums", "guitar"}  # the bass is in one song only
    assert report["facts"]["songs"] == 2
    assert "mine" in report["facts"]["soundfont"]


def test_the_real_set_is_played_on_a_kit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate("--set", "real", "--songs", "2", "--out", str(tmp_path)) != 0
    assert "--held-out" in capsys.readouterr().err.replace("\n", " ")
    kit = toy_kit(tmp_path / "kit")
    words = ("--set", "real", "--kit", str(tmp_path / "kit"), "--songs", "2", "--ceiling-only")
    assert evaluate(*words, "--out", str(tmp_path / "out")) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["facts"]["soundfont"] == "real kit"
    index = (kit.folder / "kit.json").read_text()
    (kit.folder / "kit.json").write_text(index.replace("toy-bass", "emily"))
    assert evaluate(*words, "--out", str(tmp_path / "out")) != 0
    assert "emily" in capsys.readouterr().err


def test_the_help_is_in_panels() -> None:
    command: Any = typer.main.get_command(app)
    options = command.get_command(None, "evaluate").params
    usual = {option.name for option in options if option.rich_help_panel is None}
    assert usual <= {"out", "workers", "cluster", "model", "gpu", "cpu"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--closed-forms", "--ears"), "--closed-forms and --ears are two reports"),
        (("--subsets", "--prompts", "3"), "--prompts and --subsets are two reports"),
        (("--basic-pitch", "nmp.onnx"), "--basic-pitch goes with --ears"),
        (("--embedding", "clap=x.onnx", "--separation"), "--embedding goes with --subsets"),
        (("--beside", "old"), "--beside goes with --coherence"),
    ],
)
def test_nothing_that_is_asked_for_is_passed_over(
    words: tuple[str, ...], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(*words, "--out", str(tmp_path / "out")) == 2
    assert sentence in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()

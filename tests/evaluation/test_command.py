"""The command itself, with a model in closed form and songs from a folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from stembridge.chords import parse_progression
from stembridge.cli import main
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

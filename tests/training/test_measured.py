"""The recipe's last stage: reports by one command each, made once, then manifest and card."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from stembridge.cli.evaluate import evaluate
from stembridge.dataset.song import STEMS
from stembridge.errors import CreateFailedError
from stembridge.evaluation.summary import FRECHET
from stembridge.paths import pretrained_dir
from stembridge.runtime.manifest import parse_manifest, read_manifest, write_manifest
from stembridge.training import measured
from stembridge.training.measured import commands, measure
from stembridge.training.model_card import CARD_NAME
from stembridge.training.recipe_tables import ExpressTables, FigureTable, read_tables

TABLE = FigureTable(
    songs=3, real=2, played=4, real_played=0, long=0, separation=5, separation_real=2
)


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    """A model without figures; its networks are not needed."""
    folder = tmp_path / "artifact"
    folder.mkdir()
    shutil.copyfile(pretrained_dir() / "manifest.json", folder / "manifest.json")
    write_manifest(parse_manifest(read_manifest(folder).to_mapping() | {"figures": {}}), folder)
    return folder


class Evaluations:
    """Stands in for `subprocess.run`: writes what each command would, or fails."""

    def __init__(self, artifact: Path) -> None:
        self.sha256 = read_manifest(artifact).artifact_sha256
        self.names: list[str] = []
        self.fails = ""

    def __call__(self, words: list[str], check: bool) -> subprocess.CompletedProcess[str]:
        options = dict(itertools.pairwise(words))
        folder = Path(options["--out"])
        self.names.append(folder.name)
        if folder.name == self.fails:
            return subprocess.CompletedProcess(words, 1)
        count = int(options["--songs"])
        folder.mkdir(parents=True, exist_ok=True)
        facts = {
            "artifact": self.sha256, "songs": count, "setting": "", "soundfont": "FluidR3_GM.sf2",
        }  # fmt: skip
        report = {"facts": facts, **self._found("--separation" in words, "--played-only" in words)}
        (folder / "report.json").write_text(json.dumps(report))
        return subprocess.CompletedProcess(words, 0)

    def _found(self, separation: bool, played: bool) -> dict[str, Any]:
        one = {"on_sixteenth": {"mean": 0.5}}
        row = {"stems": dict.fromkeys(STEMS, 7.5), "mean": 7.5, "windows": 9}
        if separation:
            return {"separation": {"mask": row}}
        stem: dict[str, Any] = {FRECHET: {"played": 1.0}, "ceiling_treble_difference_db": None}
        stem |= {"played": one, "truth": one, "part": {}} | ({} if played else {"generated": one})
        return {"stems": dict.fromkeys(STEMS, stem)}


def test_an_interrupted_measurement_goes_on_and_ends_in_manifest_and_card(
    artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, told = Evaluations(artifact), list[str]()
    monkeypatch.setattr(measured.subprocess, "run", run)
    order = (artifact, tmp_path / "reports", TABLE, tmp_path / "kit", 2, told.append)
    run.fails = "played"
    with pytest.raises(CreateFailedError, match="'played' failed; the same command goes on"):
        measure(*order)
    assert run.names == ["songs", "real", "played"]
    assert not read_manifest(artifact).figures
    run.fails, run.names = "", []
    measure(*order)
    assert run.names == ["played", "separation", "separation_real"]
    figures = read_manifest(artifact).figures
    counts = {name: figures[name]["songs"] for name in ("real", "played", "separation_real")}
    assert (figures["songs"], counts) == (3, {"real": 2, "played": 4, "separation_real": 2})
    assert "By `stembridge evaluate`: 3 songs" in (artifact / CARD_NAME).read_text()
    measure(*order)
    assert told[-1] == f"'{artifact}' has its figures"
    assert len(run.names) == 3


def test_reports_by_another_command_or_of_another_model_are_made_again(
    artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Evaluations(artifact)
    monkeypatch.setattr(measured.subprocess, "run", run)
    table, reports = FigureTable(3, 0, 0, 0, 0, 0, 0), tmp_path / "reports"
    measure(artifact, reports, table, None, 1, lambda _: None)
    stale = reports / "old"  # of a model that was: no business of this one
    shutil.copytree(reports / "songs", stale)
    (stale / "report.json").write_text('{"facts": {"artifact": "other"}}')
    write_manifest(parse_manifest(read_manifest(artifact).to_mapping() | {"figures": {}}), artifact)
    more = FigureTable(4, 0, 0, 0, 0, 0, 0)
    measure(artifact, reports, more, None, 1, lambda _: None)
    assert run.names == ["songs", "songs"]
    assert read_manifest(artifact).figures["songs"] == 4


def test_played_takes_of_as_many_songs_are_not_made_twice(
    artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Evaluations(artifact)
    monkeypatch.setattr(measured.subprocess, "run", run)
    table = FigureTable(3, 2, 3, 2, 0, 0, 0)
    measure(artifact, tmp_path / "reports", table, tmp_path / "kit", 1, lambda _: None)
    assert run.names == ["songs", "real"]
    figures = read_manifest(artifact).figures
    assert {name: figures[name]["songs"] for name in ("played", "real_played")} == {
        "played": 3, "real_played": 2,
    }  # fmt: skip
    kept = {FRECHET: {"played": 1.0}, "on_sixteenth": 0.5, "on_sixteenth_truth": 0.5}
    assert figures["played"]["stems"]["bass"] == kept


def test_every_command_is_one_that_evaluate_knows(tmp_path: Path) -> None:
    shipped = read_tables(ExpressTables, None, "express.toml").figures
    known = CliRunner().invoke(_app(), ["--help"], env={"COLUMNS": "200"}).output
    asked = commands(shipped, tmp_path)
    assert set(asked) == {
        "songs", "real", "real_played", "long", "separation", "separation_real",
    }  # fmt: skip
    for options in asked.values():
        assert all(word in known for word in options if word.startswith("--"))
    assert not any("real" in name for name in commands(shipped, None))


def _app():  # type: ignore[no-untyped-def]
    import typer

    app = typer.Typer()
    app.command()(evaluate)
    return app

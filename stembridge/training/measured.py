"""Measures a finished model by `stembridge evaluate`, and writes its figures and card.

Each report is one command, told before it runs; one that was made of this artifact by the same
command is not made again. Takes as instruments play them have a command of their own only where
they are of another number of songs: the model's own takes are measured in both ways.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stembridge.errors import CreateFailedError
from stembridge.runtime.manifest import read_manifest
from stembridge.training.figures import put_figures, read_report
from stembridge.training.recipe_tables import FigureTable

COMMAND_NAME = "command.json"
"""In a report's folder, written last: what made it, of which artifact."""

_HELD_BY = {"played": "songs", "real_played": "real"}
"""Report -> the one that holds its figures as well, if that is of as many songs."""


def commands(table: FigureTable, kit: Path | None) -> dict[str, list[str]]:
    """Report -> options of `stembridge evaluate`; the real set's only with a held-out kit."""
    held = _held(table)
    real = [] if kit is None else ["--set", "real", "--kit", str(kit)]
    asked: dict[str, tuple[int, list[str]]] = {
        "songs": (table.songs, []),
        "real": (table.real, real),
        "played": (table.played, ["--played-only"]),
        "real_played": (table.real_played, [*real, "--played-only"]),
        "separation": (table.separation, ["--separation"]),
        "separation_real": (table.separation_real, [*real, "--separation"]),
    }
    found = {
        name: ["--songs", str(count), *options]
        for name, (count, options) in asked.items()
        if count and name not in held and (real or "real" not in name)
    }
    if table.long:
        found["long"] = ["--songs", "0", "--long-form", str(table.long)]
    return found


def measure(
    artifact: Path, reports: Path, table: FigureTable, kit: Path | None, workers: int,
    say: Callable[[str], None],
) -> None:  # fmt: skip
    """Makes the reports and puts their figures into the artifact, unless it has some.

    Raises:
        CreateFailedError: an evaluation failed; it has said why.
    """
    manifest = read_manifest(artifact)
    if manifest.figures:
        say(f"'{artifact}' has its figures")
        return
    if kit is None:
        say("no figures on real instruments: the material has none that are held out")
    asked = commands(table, kit)
    for name, options in asked.items():
        marker = reports / name / COMMAND_NAME
        wanted = {"artifact": manifest.artifact_sha256, "options": options}
        if _made(marker) == wanted:
            say(f"'{reports / name}' is there")
            continue
        marker.unlink(missing_ok=True)
        _evaluate(
            name, [*options, "--model", str(artifact), "--out", str(reports / name)], workers, say
        )
        marker.write_text(json.dumps(wanted), encoding="utf-8")
    found = {name: read_report(reports / name) for name in asked}
    found |= {name: found[whole] for name, whole in _held(table).items() if whole in found}
    put_figures(found, artifact)


def _held(table: FigureTable) -> dict[str, str]:
    return {
        name: whole
        for name, whole in _HELD_BY.items()
        if getattr(table, name) == getattr(table, whole)
    }


def _evaluate(name: str, options: list[str], workers: int, say: Callable[[str], None]) -> None:
    words = ["evaluate", *options, "--cpu"]  # as it is served most
    words += ["--workers", str(workers)] if "--separation" not in words else []
    say(f"stembridge {' '.join(words)}")
    if subprocess.run([sys.executable, "-m", "stembridge", *words], check=False).returncode:
        raise CreateFailedError(f"The evaluation '{name}' failed; the same command goes on.")


def _made(marker: Path) -> Any:
    """What a report's folder was made by; None where it is not finished."""
    return json.loads(marker.read_text(encoding="utf-8")) if marker.is_file() else None

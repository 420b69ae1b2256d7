"""Measures a finished model by `stembridge evaluate`, and writes its figures and card.

Each report is one command, told before it runs; those that are there already are not made again.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from stembridge.errors import CreateFailedError
from stembridge.runtime.manifest import read_manifest
from stembridge.training import figures
from stembridge.training.recipe_tables import FigureTable


def commands(table: FigureTable, kit: Path | None) -> dict[str, list[str]]:
    """Report -> options of `stembridge evaluate`; the real set's only with a held-out kit."""
    real = [] if kit is None else ["--set", "real", "--kit", str(kit)]
    asked = {
        "songs": (table.songs, ["--songs", str(table.songs)]),
        "played": (table.played, ["--songs", str(table.played), "--played-only"]),
        "real_played": (
            table.real_played if real else 0,
            [*real, "--songs", str(table.real_played), "--played-only"],
        ),
        "long": (table.long, ["--songs", "0", "--long-form", str(table.long)]),
        "separation": (table.separation, ["--songs", str(table.separation), "--separation"]),
    }
    return {name: options for name, (count, options) in asked.items() if count}


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
        return
    for name, options in commands(table, kit).items():
        folder = reports / name
        if _is_of(folder, manifest.artifact_sha256):
            continue
        words = ["evaluate", *options, "--model", str(artifact), "--out", str(folder)]
        words += ["--workers", str(workers)] if "--separation" not in words else []
        say(f"stembridge {' '.join(words)}")
        if subprocess.run([sys.executable, "-m", "stembridge", *words], check=False).returncode:
            raise CreateFailedError(f"The evaluation '{name}' failed; the same command goes on.")
    figures.main([str(reports), str(artifact)])


def _is_of(folder: Path, artifact: str) -> bool:
    """Whether a folder holds a report of this artifact."""
    for path in (folder / "report.json", folder / "separation.json"):
        if path.is_file():
            facts = json.loads(path.read_text(encoding="utf-8"))["facts"]
            return bool(facts["artifact"] == artifact)
    return False

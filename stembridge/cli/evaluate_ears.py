"""`stembridge evaluate --ears`: the chord ears against others on the same sound."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stembridge.errors import NoSuchFileError

if TYPE_CHECKING:
    from stembridge.evaluation.songs import Songs
    from stembridge.runtime.model import StemModel


def judge_ears(
    out: Path,
    model: StemModel,
    songs: Songs,
    seed: int,
    facts: dict[str, Any],
    basic_pitch: Path | None = None,
) -> None:
    """Writes `report.json` and prints a table; nothing in it is drawn, so no `seed` matters.

    Raises:
        NoSuchFileError: there is no file of basic-pitch's network.
    """
    from rich.console import Console
    from rich.table import Table

    from stembridge.evaluation.ears import evaluate_ears

    if basic_pitch is not None and not basic_pitch.is_file():
        raise NoSuchFileError(
            f"There is no file '{basic_pitch}'. basic-pitch's network is nmp.onnx, in "
            "basic_pitch/saved_models/icassp_2022 of github.com/spotify/basic-pitch."
        )
    console = Console(stderr=True)
    figures = evaluate_ears(model, songs, basic_pitch, console.print)
    out.mkdir(parents=True, exist_ok=True)
    report = {"facts": facts, "ears": {name: asdict(row) for name, row in figures.items()}}
    (out / "report.json").write_text(json.dumps(report, indent=1))
    table = Table("ears", "root", "root and third", "returned")
    for name, row in figures.items():
        table.add_row(name, *(f"{x:.2f}" for x in (row.root, row.third, row.returned)))
    Console().print(table)
    print(out / "report.json")

"""`stembridge evaluate --separation`: its table, published rows beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stembridge.cli.shared import console

if TYPE_CHECKING:
    from stembridge.evaluation.songs import Songs
    from stembridge.runtime.model import StemModel


def judge_separation(
    out: Path, model: StemModel, songs: Songs, seed: int, facts: dict[str, Any]
) -> None:
    """Measure, print, and keep as `separation.json`."""
    from stembridge.evaluation.separation import PUBLISHED, evaluate_separation

    figures = evaluate_separation(model, songs, seed, console().print)
    published = [
        {"system": name, "stems": None if row is None else list(row), "mean": mean}
        for name, row, mean in PUBLISHED
    ]
    out.mkdir(parents=True, exist_ok=True)
    report = {"facts": facts, "si_sdr_improvement_db": figures, "published": published}
    (out / "separation.json").write_text(json.dumps(report, indent=1))
    _print(model.manifest.stems, figures, PUBLISHED)
    print(out / "separation.json")


def _print(stems: tuple[str, ...], figures: dict[str, Any], published: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("SI-SDR improvement, dB", *stems, "mean", "s a minute")
    for method, row in figures.items():
        cells = [f"{row['stems'][s]:.2f}" if s in row["stems"] else "" for s in stems]
        table.add_row(method, *cells, f"{row['mean']:.2f}", f"{row['seconds_per_minute']:.0f}")
    table.add_section()
    for name, row, mean in published:
        cells = [""] * len(stems) if row is None else [f"{value:.2f}" for value in row]
        if len(cells) == len(stems):
            table.add_row(f"{name} (Slakh2100)", *cells, f"{mean:.2f}", "")
    Console().print(table)

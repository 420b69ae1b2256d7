"""`stembridge evaluate --edges`: first sample, last 10 ms and loop seams of 60 takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from stembridge.cli.shared import say as print_line

if TYPE_CHECKING:
    from stembridge.runtime.model import StemModel


def measure_edges(out: Path, sound: str, model: StemModel) -> None:
    """A line for every take, then the worst of each kind; stem by stem in edges.json."""
    from stembridge.evaluation.edges import as_mapping, evaluate_edges, summary

    rows = evaluate_edges(model, sound=sound, say=print_line)
    figures = summary(rows)
    out.mkdir(parents=True, exist_ok=True)
    path = out / "edges.json"
    path.write_text(json.dumps({"summary": figures, "takes": as_mapping(rows)}, indent=1))
    for name, value in figures.items():
        print(f"{name}: {value:.1f}" if isinstance(value, float) else f"{name}: {value}")
    print(path)
    if figures["faults"]:
        raise typer.Exit(1)

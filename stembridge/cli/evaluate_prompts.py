"""`stembridge evaluate --prompts 100`: do words move a take to where they ask?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stembridge.cli.shared import console

if TYPE_CHECKING:
    from stembridge.runtime.model import StemModel


def judge_prompts(out: Path, count: int, seed: int, model: StemModel) -> None:
    """Pairs of takes, judged; the table is printed, everything else is in prompts.json."""
    from stembridge.evaluation.prompts import evaluate_prompts

    results = evaluate_prompts(model, count, seed, say=console().print)
    out.mkdir(parents=True, exist_ok=True)
    path = out / "prompts.json"
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False), encoding="utf-8")
    _print_table(results["figures"])
    print(path)


def _print_table(figures: dict[str, dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(
        "", "asked for", "moved so", "against", "p (sign test)", "another's words", "chosen"
    )
    for kind, found in figures.items():
        table.add_row(
            kind,
            *(str(found[name]) for name in ("asked", "moved", "against")),
            f"{found['p']:.2g}",
            f"{found['control']:.2f}",
            str(found["chosen"]) if kind in ("style", "instrument") else "",
        )
    Console().print(table)

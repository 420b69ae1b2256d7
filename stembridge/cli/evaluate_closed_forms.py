"""`stembridge evaluate --closed-forms`: procedures against exact answers, without a model."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path


def tell_closed_forms(out: Path, seed: int) -> None:
    """Prints the table and writes it as JSON."""
    from stembridge.evaluation.closed_forms import as_text, closed_forms

    rows = closed_forms(seed=seed)
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps([asdict(row) for row in rows], indent=1)
    (out / "closed_forms.json").write_text(text + "\n", encoding="utf-8")
    print(as_text(rows))

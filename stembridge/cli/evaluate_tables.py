"""`stembridge evaluate --subsets --separation`: the papers' tables, published rows beside ours."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stembridge.cli.evaluate_listening import write_page
from stembridge.cli.shared import console
from stembridge.errors import BadArgsError

if TYPE_CHECKING:
    from stembridge.cli.evaluate_songs import Measuring
    from stembridge.evaluation.subsets import SongTakes
    from stembridge.evaluation.tables import PaperTable


@dataclass(frozen=True)
class TablesAsked:
    """The command's options."""

    subsets: bool
    separation: bool
    listening: int = 0
    embedding: str = ""
    embedding_rate: int | None = None
    embedding_sha256: str = ""

    @property
    def asked(self) -> list[str]:
        """What of it is wanted; all of it can be at once."""
        options = {"--subsets": self.subsets, "--separation": self.separation,
                   "--listening": self.listening}  # fmt: skip
        return [option for option, value in options.items() if value]


@dataclass
class _Made:
    """What the report grows by."""

    report: dict[str, Any]
    tables: list[PaperTable] = field(default_factory=list)
    pictures: dict[str, bytes] = field(default_factory=dict)


def tell_tables(out: Path, asked: TablesAsked, what: Measuring, facts: dict[str, Any]) -> None:
    """Prints the tables; writes report.json, report.html and the pictures."""
    from stembridge.evaluation.charts import check_charts
    from stembridge.evaluation.tables_page import as_text, tables_page

    if asked.listening:
        write_page(out, asked.listening, what)
    if not (asked.subsets or asked.separation):
        return
    check_charts()
    made = _Made({"facts": facts})
    if asked.subsets:
        _subsets(made, asked, what)
    if asked.separation and not made.report.get("subsets", {}).get("stopped"):
        _separation(made, what, alone=not asked.subsets)
    out.mkdir(parents=True, exist_ok=True)
    for name, png in made.pictures.items():
        (out / f"{name}.png").write_bytes(png)
    (out / "report.json").write_text(json.dumps(made.report, indent=1, ensure_ascii=False))
    page = tables_page(f"{what.manifest.name}: the papers' tables", facts, made.tables,
                       made.pictures)  # fmt: skip
    (out / "report.html").write_text(page, encoding="utf-8")
    for table in made.tables:
        print(as_text(table))
        print(table.note + "\n")
    print(out / "report.html")


def _subsets(made: _Made, asked: TablesAsked, what: Measuring) -> None:
    from stembridge.evaluation.embedding_file import told_embedding
    from stembridge.evaluation.subset_figures import subset_figures
    from stembridge.evaluation.subsets import evaluate_subsets
    from stembridge.evaluation.tables import subset_tables
    from stembridge.evaluation.tables_page import subset_pictures

    embedding = told_embedding(asked.embedding, asked.embedding_rate, asked.embedding_sha256)
    stems = what.manifest.stems
    takes = evaluate_subsets(
        what.opener, what.songs, what.trial, embedding,
        seed=what.seed, crew=what.crew, say=console().print,
    )  # fmt: skip
    found, stopped = _until_stopped(takes)
    if len(found) < 2:
        raise BadArgsError(
            f"Only {len(found)} of {len(what.songs)} songs have all of {', '.join(stems)} sounding "
            "at their beginning; two are needed at least. Give more or other songs."
        )
    if stopped:
        console().print(f"Stopped: these are the figures of the first {len(found)} songs.")
    elif left_out := len(what.songs) - len(found):
        console().print(f"{left_out} songs left out: one of their stems rests at the beginning")
    figures = subset_figures(found, embedding, stems)
    made.report["subsets"] = figures | {"stopped": stopped}
    made.tables += subset_tables(figures, stems)
    made.pictures |= subset_pictures(figures, stems)


def _until_stopped(takes: Iterable[SongTakes]) -> tuple[list[SongTakes], bool]:
    """All of them, or those of before Ctrl-C, if they are two or more."""
    found: list[SongTakes] = []
    try:
        for take in takes:
            found.append(take)
    except KeyboardInterrupt:
        if len(found) < 2:
            raise
        return found, True
    return found, False


def _separation(made: _Made, what: Measuring, *, alone: bool) -> None:
    from stembridge.evaluation.separation import evaluate_separation
    from stembridge.evaluation.tables import separation_table
    from stembridge.evaluation.tables_page import separation_pictures

    try:
        figures = evaluate_separation(what.opener(), what.songs, what.seed, console().print)
    except BadArgsError as error:
        if alone:
            raise
        made.report["separation"] = {"refused": str(error)}
        console().print(f"No separation: {error}")
        return
    stems = what.manifest.stems
    made.report["separation"] = figures
    made.tables.append(separation_table(figures, stems, len(what.songs)))
    made.pictures |= separation_pictures(figures, stems)

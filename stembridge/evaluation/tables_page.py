"""The papers' tables as one HTML file that needs nothing else, and as text for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from stembridge.evaluation.charts import bars_png
from stembridge.evaluation.pictures import data_url
from stembridge.evaluation.published import SEPARATION, SUB_FAD, SUBSETS
from stembridge.evaluation.subset_figures import ALL
from stembridge.evaluation.subsets import CODEC, MADE, OTHER, TRUE
from stembridge.evaluation.tables import PAPERS_STEMS, PaperTable

Figures = Mapping[str, Any]

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:66rem;margin:0 auto;padding:1rem;color:#222;
background:#fff}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin:2rem 0 .3rem}p{margin:.3rem 0;max-width:46rem}
.wide{overflow-x:auto}table{border-collapse:collapse;margin:.6rem 0}
td,th{padding:.15rem .7rem;text-align:right;white-space:nowrap}
th{border-bottom:1px solid #999}td:first-child,th:first-child{text-align:left}
.theirs{color:#5a4a00;background:#fbf6e3}th.theirs{font-weight:600}
.pictures{display:flex;flex-wrap:wrap;gap:1rem}img{max-width:min(100%,32rem);height:auto}
li{overflow-wrap:anywhere}small{color:#555}
"""


def tables_page(
    title: str, facts: Figures, tables: Sequence[PaperTable], pictures: Mapping[str, bytes]
) -> str:
    """The page's text.

    Args:
        title: heading.
        facts: shown as they are.
        tables: in order.
        pictures: what they show -> PNG.
    """
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width,initial-scale=1'>",
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1><ul>",
        *(f"<li>{escape(str(k))}: {escape(str(v))}</li>" for k, v in facts.items()),
        "</ul><p>On yellow ground: published rows, of other music, embeddings and machines. They "
        "show what the papers print, and rank nothing here.</p>",
        *map(_html, tables),
        "<h2>Pictures</h2><div class='pictures'>",
        *(
            f"<img alt='{escape(words, quote=True)}' src='{data_url('image/png', png)}'>"
            for words, png in pictures.items()
        ),
        "</div></body></html>",
    ]
    return "\n".join(parts)


def _html(table: PaperTable) -> str:
    published_from = _published_from(table)

    def cells(row: Sequence[str], kind: str, theirs: bool = False) -> str:
        marked = (theirs or at >= published_from for at in range(len(row)))
        return "".join(
            f"<{kind}{' class=theirs' if mark else ''}>{escape(cell)}</{kind}>"
            for cell, mark in zip(row, marked, strict=True)
        )

    groups = "".join(
        f"<th colspan='{count}'{' class=theirs' if name.startswith('published') else ''}>"
        f"{escape(name)}</th>"
        for name, count in table.groups
    )
    body = ""
    for section in table.sections:
        if section.heading:
            span = f"<th class=theirs colspan='{len(table.head)}'>"
            body += f"<tr>{span}{escape(section.heading)}</th></tr>"
        rows = (cells(row, "td", bool(section.heading)) for row in section.rows)
        body += "".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f"<h2>{escape(table.title)}</h2><p><small>{escape(table.note)}</small></p>"
        f"<div class='wide'><table>{f'<tr>{groups}</tr>' if groups else ''}"
        f"<tr>{cells(table.head, 'th')}</tr>{body}</table></div>"
    )


def _published_from(table: PaperTable) -> int:
    """The first published column; beyond all where there is none."""
    at = 0
    for name, count in table.groups:
        if name.startswith("published"):
            return at
        at += count
    return len(table.head)


def subset_pictures(figures: Figures, stems: Sequence[str]) -> dict[str, bytes]:
    """File name -> PNG of the subsets' distances, the published ones and the agreement of pairs."""
    mixes = figures["mixes"]
    parts = [name for name in mixes if name != ALL]
    if not parts:
        return {}
    distances = {s: [mixes[name].get(s) for name in mixes] for s in (MADE, CODEC, OTHER)}
    pictures = {
        "subsets": bars_png(
            f"Ours, {figures['songs']} songs: mixes with these stems made",
            list(mixes), distances, figures["distance"],
        ),
    }  # fmt: skip
    if tuple(stems) == PAPERS_STEMS:
        theirs = {one.system: one.values[: len(SUBSETS)] for one in SUB_FAD}
        pictures["subsets_published"] = bars_png(
            "Published (MSLDM paper, table 2): Slakh2100", SUBSETS, theirs, "FAD (VGGish)"
        )
    for feature, axis in (("harmony", "harmony"), ("onsets", "onsets"), ("beats", "beats, F")):
        rows = figures["pairs"]
        series = {s: [row[feature][s] for row in rows.values()] for s in (MADE, TRUE, OTHER)}
        title = "Does it go with what was given?"
        pictures[f"pairs_{feature}"] = bars_png(title, list(rows), series, axis)
    return pictures


def separation_pictures(figures: Figures, stems: Sequence[str]) -> dict[str, bytes]:
    """File name -> PNG of SI-SDR improvements, ours and published."""
    axis, names = "SI-SDR improvement, dB", [*stems, "mean"]
    ours = {
        method: [*(row["stems"].get(stem) for stem in stems), row["mean"]]
        for method, row in figures.items()
    }
    pictures = {"separation": bars_png("Ours: mixes taken apart", names, ours, axis)}
    if tuple(stems) == PAPERS_STEMS:
        theirs = {one.system: one.values for one in SEPARATION}
        pictures["separation_published"] = bars_png(
            "Published (GMSDI and MT-MusicLDM, see the table): Slakh2100", names, theirs, axis
        )
    return pictures


def as_text(table: PaperTable) -> str:
    """The table for a terminal, as wide as it needs; published sections under their own names."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=_width(table), no_color=True)
    with console.capture() as capture:
        console.print(table.title, soft_wrap=True)
        for section in table.sections:
            grid = Table(*table.head)
            for column in grid.columns[1:]:
                column.justify, column.no_wrap = "right", True
            for row in section.rows:
                grid.add_row(*row)
            if section.heading:
                console.print(section.heading, soft_wrap=True)
            console.print(grid)
    of_columns = [f"The last {count} columns: {name}.\n" for name, count in table.groups
                  if name.startswith("published")]  # fmt: skip
    return "".join([capture.get(), *of_columns])


def _width(table: PaperTable) -> int:
    rows = [table.head, *(row for section in table.sections for row in section.rows)]
    own = sum(max(len(row[at]) for row in rows if at < len(row)) + 3 for at in range(len(rows[0])))
    return max(own + 1, 60)

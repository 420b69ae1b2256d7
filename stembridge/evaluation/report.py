"""The evaluation as one HTML file that needs nothing else: tables, pictures, players."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from stembridge.evaluation import curve
from stembridge.evaluation.pictures import lines_svg, player
from stembridge.evaluation.run import StemRow
from stembridge.evaluation.summary import FRECHET, SUBJECTS
from stembridge.evaluation.words import (
    DISTANCES,
    FIGURES,
    INTRODUCTION,
    LONG_FIGURES,
    LONG_INTRODUCTION,
    PART_FIGURES,
    RATIOS,
)

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;margin:1em 0}td,th{padding:.2em .8em;text-align:right}
th{border-bottom:1px solid #999}td:first-child,th:first-child{text-align:left}
small{color:#777}figure{display:inline-block;margin:.5em 1em .5em 0}img{display:block}
audio{width:420px}
"""


def _cell(value: Mapping[str, float] | None) -> str:
    if value is None:
        return "<td></td>"
    low, high = value["low"], value["high"]
    return f"<td>{value['mean']:.2f} <small>{low:.2f}…{high:.2f}</small></td>"


def _figure_table(stem: Mapping[str, Any], words: Mapping[str, str]) -> str:
    subjects = [subject for subject in SUBJECTS if subject in stem]
    head = "".join(f"<th>{subject}</th>" for subject in subjects)
    rows = "".join(
        f"<tr><td>{text}</td>" + "".join(_cell(stem[s].get(name)) for s in subjects) + "</tr>"
        for name, text in words.items()
        if any(name in stem[subject] for subject in subjects)
    )
    return f"<table><tr><th></th>{head}</tr>{rows}</table>"


def _part_table(part: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{text}</td>{_cell(part.get(name))}</tr>" for name, text in PART_FIGURES.items()
    )
    return f"<table>{rows}</table>"


def _ratio_table(stem: Mapping[str, Any]) -> str:
    lines = [(words, stem[name]) for name, words in RATIOS.items() if name in stem]
    rows = "".join(f"<tr><td>{words}</td><td>{value:.3f}</td></tr>" for words, value in lines)
    treble = stem["ceiling_treble_difference_db"]
    rows += f"<tr><td>treble of the ceiling against the truth, dB</td>{_cell(treble)}</tr>"
    distances = "".join(
        f"<tr><td>{DISTANCES[name]}</td><td>{value:.2f}</td></tr>"
        for name, value in stem[FRECHET].items()
    )
    return f"<table>{rows}</table><p>{FRECHET}:</p><table>{distances}</table>"


def _stem_sections(
    figures: Mapping[str, Any], results: Mapping[str, Sequence[StemRow]], rate: int
) -> list[str]:
    parts = []
    for stem, values in figures.items():
        parts += [f"<h2>{escape(stem)}</h2>", _figure_table(values, FIGURES), _ratio_table(values)]
        parts += [_part_table(values["part"])] if "part" in values else []
        for row in results[stem]:
            if row.example is not None:
                made, true = row.example
                kind = next(iter(row.figures))
                parts += [player(f"{row.song}, {kind}", made, rate)]
                parts += [player(f"{row.song}, true", true, rate), "<br>"]
    return parts


def _long_section(cases: Mapping[str, Any]) -> list[str]:
    parts = ["<h2>Long takes</h2>", f"<p>{escape(LONG_INTRODUCTION)}</p>"]
    for name, stems in cases.items():
        for stem, values in stems.items() if name == "all" else [("all", stems["all"])]:
            parts += [f"<h3>{escape(name)}: {escape(stem)}</h3>"]
            parts += [_figure_table(values, LONG_FIGURES)]
    return parts


def _curve_section(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    parts = ["<h2>Quality against steps</h2>"]
    for figure, words in curve.FIGURES.items():
        lines = {
            stem: [(row["steps"], row[figure]) for row in line if row.get(figure) is not None]
            for stem, line in rows.items()
        }
        lines = {stem: line for stem, line in lines.items() if line}
        parts += [lines_svg(words, lines)] if lines else []
    head = "".join(f"<th>{words}</th>" for words in curve.FIGURES.values())
    for stem, line in rows.items():
        body = "".join(
            f"<tr><td>{row['steps']}</td>" + "".join(_number(row.get(f)) for f in curve.FIGURES)
            + "</tr>" for row in line
        )  # fmt: skip
        parts += [f"<h3>{escape(stem)}</h3><table><tr><th>steps</th>{head}</tr>{body}</table>"]
    return parts


def _number(value: float | None) -> str:
    return "<td></td>" if value is None else f"<td>{value:.2f}</td>"


def html_report(
    title: str, report: Mapping[str, Any], results: Mapping[str, Sequence[StemRow]], rate: int
) -> str:
    """The report's text.

    Args:
        title: heading.
        report: "facts" (shown as they are), and where they were asked for "stems" (of
            `evaluation.summary`), "long_form" and "curve".
        results: for the examples' sound.
        rate: Hz.
    """
    parts = [f"<!doctype html><meta charset='utf-8'><title>{escape(title)}</title>"]
    parts += [f"<style>{_STYLE}</style><h1>{escape(title)}</h1><ul>"]
    parts += [f"<li>{escape(str(k))}: {escape(str(v))}</li>" for k, v in report["facts"].items()]
    parts += [f"</ul><p>{escape(INTRODUCTION)}</p>"]
    parts += _curve_section(report["curve"]) if "curve" in report else []
    parts += _stem_sections(report["stems"], results, rate) if "stems" in report else []
    parts += _long_section(report["long_form"]) if "long_form" in report else []
    return "\n".join(parts)

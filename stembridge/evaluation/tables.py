"""The papers' tables with our figures, and the published rows beside them: rows of text.

One description serves terminal and page. What is published always stands under a heading of its
own that names the source: other music, another embedding, another machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stembridge.evaluation import pairs
from stembridge.evaluation.heldout import LENGTH_S
from stembridge.evaluation.published import SECONDS, SEPARATION, SUB_FAD, SUBSETS, Published
from stembridge.evaluation.separation import CEILING
from stembridge.evaluation.subset_figures import ALL
from stembridge.evaluation.subsets import CODEC, MADE, OTHER, RESTED, TRUE

Figures = Mapping[str, Any]
MEAN = "mean of the parts"
PAPERS_STEMS = ("bass", "drums", "guitar", "piano")


@dataclass(frozen=True)
class TableSection:
    """Rows under a heading; an empty heading is ours.

    Attributes:
        heading: whose rows.
        rows: cells, the first names the row.
    """

    heading: str
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class PaperTable:
    """A table.

    Attributes:
        title: what it is.
        note: how to read it.
        head: columns; the first is that of the names.
        sections: ours first, then published ones.
        groups: headings over columns, with the number of their columns; none without published
            columns.
    """

    title: str
    note: str
    head: tuple[str, ...]
    sections: tuple[TableSection, ...]
    groups: tuple[tuple[str, int], ...] = ()


def subset_tables(figures: Figures, stems: Sequence[str]) -> list[PaperTable]:
    """Distances of subsets and stems, agreement, seconds."""
    tables = [_sub_distances(figures, papers=tuple(stems) == PAPERS_STEMS)]
    tables += [_stem_distances(figures)] if len(stems) > 1 else []
    tables += [_agreement(figures)] if figures["pairs"] else []
    return [*tables, _seconds(figures)]


def _sub_distances(figures: Figures, *, papers: bool) -> PaperTable:
    distance, songs = figures["distance"], figures["songs"]
    beside = SUB_FAD if papers else ()
    columns = [*SUBSETS, MEAN]
    rows = {**figures["mixes"], MEAN: figures["mean_of_partial"]}
    order = [name for name in rows if name not in (ALL, MEAN)] + [MEAN, ALL]
    theirs = {name: [one.values[columns.index(name)] for one in beside] for name in columns} if (
        beside
    ) else {}  # fmt: skip
    body = tuple(
        (
            name,
            *(_cell(rows[name].get(subject)) for subject in (MADE, CODEC, OTHER)),
            *(_cell(value) for value in theirs.get(name, [None] * len(beside))),
        )
        for name in order
        if name in rows and (name != MEAN or len(order) > 2)
    )
    source = f"published: {beside[0].source}, Slakh2100" if beside else ""
    return PaperTable(
        f"{distance} of mixes with some stems made: lower is nearer to the true mixes",
        f"{songs} songs, {figures['vectors']} vectors; embedding {figures['embedding']}. Rows name "
        f"what is made for the rest; '{ALL}' is made for nothing. '{CODEC}': true stems through "
        f"the codec; '{OTHER}': true stems that were not made for these. Two halves of the true "
        f"mixes are {_cell(figures['true_halves'])} apart."
        + (" The paper prints its totals in a picture only." if beside else ""),
        ("made", MADE, CODEC, OTHER, *(one.system for one in beside)),
        (TableSection("", body),),
        (("", 1), (f"ours: {distance}", 3), (source, len(beside))) if beside else (),
    )


def _stem_distances(figures: Figures) -> PaperTable:
    subjects = {MADE: "all made at once", RESTED: RESTED, CODEC: CODEC}
    shown = {
        key: words for key, words in subjects.items()
        if any(key in row for row in figures["stems"].values())
    }  # fmt: skip
    rows = tuple(
        (stem, *(_cell(row.get(key)) for key in shown)) for stem, row in figures["stems"].items()
    )
    return PaperTable(
        f"{figures['distance']} of single stems",
        f"{figures['songs']} songs. The MSLDM paper shows its own in a picture (figure 2), without "
        "numbers.",
        ("", *shown.values()),
        (TableSection("", rows),),
    )


def _agreement(figures: Figures) -> PaperTable:
    three = (MADE, TRUE, OTHER)
    rows = tuple(
        (
            name,
            _cell(row["apa"]),
            *(
                " / ".join(_cell(row[feature][subject]) or "-" for subject in three)
                for feature in (*pairs.FEATURES, "beats")
            ),
        )
        for name, row in figures["pairs"].items()
    )
    return PaperTable(
        "Does it go with what was given? made / true / another song's",
        f"{pairs.NAME}, our own measure of pairs (4 s, three numbers; nothing learned). APA is the "
        "accompaniment prompt adherence of arXiv 2503.06346 on it: 1 as the true pairs, 0 as "
        "shuffled ones; not comparable with APA on CLAP, nor the next three with COCOLA. "
        "Beats: F measure, 70 ms, of a steady beat heard in what was made against that heard in "
        f"what was given, by our own tracker. '{ALL}': each stem beside the other three.",
        ("made", "APA", *pairs.FEATURES, "beats"),
        (TableSection("", rows),),
    )


def _seconds(figures: Figures) -> PaperTable:
    rows = [
        (f"{name} ({words})", _cell(row["wall"]), _cell(row["cpu"]))
        for name, row in figures["seconds"].items()
        if (words := {1: "one stem"}.get(len(name), "every stem" if name == ALL else ""))
    ]
    theirs = tuple((one.system, *map(_cell, one.values), "") for one in SECONDS)
    return PaperTable(
        f"Seconds for {LENGTH_S:g} s of music",
        "Medians, with hearing what is given, sampling and decoding, on a machine that may have "
        "been busy otherwise; processor seconds count all cores.",
        ("", "seconds", "processor seconds"),
        (
            TableSection("", tuple(rows)),
            TableSection(f"published: {SECONDS[0].source}, four stems", theirs),
        ),
    )


def separation_table(figures: Figures, stems: Sequence[str], songs: int) -> PaperTable:
    """SI-SDR improvement of each method, and the papers'."""
    own = [
        (
            method,
            *(_cell(row["stems"].get(stem)) for stem in stems),
            _cell(row["mean"]),
            _cell(row["seconds_per_minute"] * LENGTH_S / 60),
        )
        for method, row in figures.items()
    ]
    papers = tuple(stems) == PAPERS_STEMS
    published = tuple(_by_source(SEPARATION)) if papers else ()
    windows = max(row["windows"] for row in figures.values())
    return PaperTable(
        "SI-SDR improvement, dB: higher is better",
        f"{songs} mixes, {windows} windows of 4 s, every 2 s, in which two stems or more sound. "
        f"'{CEILING}': masks of the true stems as the codec holds them. Seconds are of a machine "
        "that may have been busy otherwise.",
        ("method", *stems, "mean", f"s per {LENGTH_S:g} s"),
        (TableSection("", tuple(own)), *published),
    )


def _by_source(rows: Iterable[Published]) -> Iterable[TableSection]:
    rows = tuple(rows)
    for source in dict.fromkeys(row.source for row in rows):
        of_it = tuple(
            (one.system, *map(_cell, one.values), "") for one in rows if one.source == source
        )
        yield TableSection(f"published: {source}, Slakh2100", of_it)


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"

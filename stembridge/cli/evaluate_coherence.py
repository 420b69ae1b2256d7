"""`stembridge evaluate --coherence`: do the stems of a model belong together?"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stembridge.cli.shared import console
from stembridge.errors import BadArgsError, NoSuchFileError

if TYPE_CHECKING:
    from stembridge.evaluation.songs import Songs
    from stembridge.runtime.model import StemModel

REPORT_NAME = "coherence.json"
LEAST = 8


def judge_coherence(
    out: Path, model: StemModel, songs: Songs, *, facts: dict[str, Any], seed: int,
    steps: int | None, beside: Sequence[Path],
) -> None:  # fmt: skip
    """Makes as many takes as there are songs, measures them, and prints them beside other reports.

    Raises:
        BadArgsError: there are too few songs, or they are shorter than a take.
        NoSuchFileError: a folder of `beside` holds no such report.
    """
    from stembridge.evaluation.coherence import coherence, made

    others = [_read(folder) for folder in beside]
    length = model.manifest.window_frames * model.manifest.hop
    true = [songs[i].audio[:, :length] for i in range(len(songs))]
    true = [audio for audio in true if audio.shape[1] >= length]
    if len(true) < LEAST:
        raise BadArgsError(
            f"--coherence wants {LEAST} songs of {length / model.manifest.sample_rate:.1f} s or "
            f"more (there are {len(true)}). Give more with --songs or --data."
        )
    takes = made(model, len(true), seed, steps, console().print)
    found = coherence(takes, model.manifest.sample_rate, true)
    report = {"facts": facts | {"steps": steps}, "training": model.manifest.training, **found}
    out.mkdir(parents=True, exist_ok=True)
    (out / REPORT_NAME).write_text(json.dumps(report, indent=1, default=str), encoding="utf-8")
    tell([report, *others], console().print)
    print(out / REPORT_NAME)


def _read(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / REPORT_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NoSuchFileError(
            f"'{folder}' holds no report of `stembridge evaluate --coherence`."
        ) from error
    return found


def tell(reports: Sequence[dict[str, Any]], show: Callable[[Any], None]) -> None:
    """A row for each system: means with their 95 % interval, distances, and chances of order."""
    from rich.table import Table

    from stembridge.evaluation.coherence import MEASURES, chance_above, spread

    def cells(rows: dict[str, Any]) -> list[str]:
        found = [spread(rows[name]) if name in rows else None for name in MEASURES]
        return ["" if one is None else "{:.3f} ({:.3f} to {:.3f})".format(*one) for one in found]

    table = Table("", *MEASURES, "distance", "apa")
    for name, rows in reports[0]["anchors"].items():
        table.add_row(f"{name} songs", *cells(rows), "", "")
    for report in reports:
        name = report["facts"]["model"]
        table.add_row(name, *cells(report["rows"]), str(report["distance"]), str(report.get("apa")))
        if "rows mixed up" in report:
            mixed = report["rows mixed up"]
            distance = str(report["distance mixed up"])
            table.add_row(" its stems mixed up", *cells(mixed), distance, "")
    show(table)
    for i, one in enumerate(reports):
        for other in reports[i + 1 :]:
            shared = [m for m in MEASURES if m in one["rows"] and m in other["rows"]]
            words = (f"{m} {chance_above(one['rows'][m], other['rows'][m]):.3f}" for m in shared)
            names = (r["facts"]["model"] for r in (one, other))
            show("chance that {} is above {}: ".format(*names) + ", ".join(words))

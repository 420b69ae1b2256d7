"""`stembridge evaluate --listening N`, and `--ratings DIR`: the papers' listening tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from stembridge.cli.shared import console
from stembridge.errors import BadArgsError

if TYPE_CHECKING:
    from stembridge.cli.evaluate_songs import Measuring


def write_page(out: Path, count: int, what: Measuring) -> None:
    """Makes the clips and the page; says how many songs it has."""
    from stembridge.evaluation.listening import KEY, clips_of, write_listening

    clips = list(clips_of(what.opener(), what.songs, count, what.trial, what.seed))
    n_songs = len({clip.song for clip in clips})
    if n_songs < 2:
        raise BadArgsError(
            f"{n_songs} songs have all stems sounding at their beginning; a listening test needs "
            "two at least, of which one lends its stems to the other."
        )
    if n_songs < count:
        console().print(f"only {n_songs} songs have all stems sounding at their beginning")
    path = write_listening(clips, out, what.manifest.name, what.seed)
    print(path)
    console().print(
        f"Send the page to listeners, keep {KEY} to yourself, and put their files beside it: "
        f"stembridge evaluate --ratings {out} --out {out}"
    )


def tell_ratings(out: Path, folder: Path) -> None:
    """A table of the marks; everything is in ratings/ratings.json."""
    from rich.console import Console
    from rich.table import Table

    from stembridge.evaluation.listening import ratings

    found = ratings(folder, console().print)
    (out / "ratings").mkdir(parents=True, exist_ok=True)
    path = out / "ratings" / "ratings.json"
    path.write_text(json.dumps(found, indent=1))
    table = Table("", "what", "marks", "mean", "95 %")
    for part, questions in found.items():
        for question, systems in questions.items():
            for system, row in systems.items():
                spread = f"{row['low']:.1f} to {row['high']:.1f}"
                table.add_row(
                    f"{part}, {question}", system, str(row["n"]), f"{row['mean']:.1f}", spread
                )
    Console().print(table)
    print(path)

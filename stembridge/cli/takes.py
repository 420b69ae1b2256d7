"""What the commands that make takes say of them: while they are made, and when they are done."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from stembridge.cli.shared import console

if TYPE_CHECKING:
    from stembridge.pipeline.events import Event, OnEvent, StemFile


@contextlib.contextmanager
def progress(show: bool) -> Iterator[OnEvent]:
    """A progress bar on a terminal; nothing elsewhere."""
    from stembridge.pipeline.events import Progress, ignore

    if not show:
        yield ignore
        return
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description:<16}"), BarColumn(), TimeRemainingColumn())
    with Bar(*columns, console=console(), transient=True) as bar:
        task = bar.add_task("loading model", total=1.0)

        def on_event(event: Event) -> None:
            if isinstance(event, Progress):
                words = f"take {event.variation + 1}: {event.stage}"
                bar.update(task, completed=event.fraction, description=words)

        yield on_event


def compare_with(receipt: dict[str, Any], stems: list[StemFile], artifact: str) -> list[str]:
    """Why or how new stems differ from a receipt's; empty if every file has the same bytes."""
    before = {(item["stem"], item["variation"]): item["sha256"] for item in receipt["stems"]}
    changed = [s for s in stems if before.get((s.stem, s.variation)) != s.sha256]
    if not changed:
        return []
    differences = [
        f"take {s.variation + 1} of {s.stem} differs from the receipt's" for s in changed
    ]
    if receipt["model"]["artifact_sha256"] != artifact:
        differences.append(f"the receipt names another model ({receipt['model']['name']})")
    return differences


def as_mapping(stems: list[StemFile], differences: list[str] | None) -> dict[str, Any]:
    """The report for programs."""
    from stembridge.pipeline.receipt import RECEIPT_NAME

    folder = stems[0].path.parent
    mapping: dict[str, Any] = {
        "folder": str(folder),
        "receipt": str(folder / RECEIPT_NAME),
        "stems": [{"path": str(stem.path), **stem.facts()} for stem in stems],
    }
    if differences is not None:
        mapping |= {"identical": not differences, "differences": differences}
    return mapping


def tell(stems: list[StemFile], differences: list[str] | None) -> None:
    """The report for people."""
    for stem in stems:
        print(f"{stem.path.name}: {_summary(stem)}")
        for warning in stem.verdict.warnings:
            print(f"  note: {warning}")
    if differences is not None:
        print("; ".join(differences) if differences else "The same bytes as in the receipt.")
    print(f"The stems lie in {stems[0].path.parent}")


def _summary(stem: StemFile) -> str:
    verdict = stem.verdict
    parts = [f"{stem.frames / stem.rate:.2f} s"]
    parts += [*stem.made_of, f"seed {stem.seed}"]
    if verdict.on_grid_share is not None:
        parts.append(f"{verdict.on_grid_share:.0%} of the onsets on the sixteenth grid")
        parts.append(f"{verdict.onset_offset_ms:+.0f} ms")
    if verdict.relative_loudness_lu is not None:
        parts.append(f"{verdict.relative_loudness_lu:+.1f} LU to the context")
    if verdict.peak_dbfs is not None:
        parts.append(f"peak {verdict.peak_dbfs:.1f} dBFS")
    return ", ".join(parts)

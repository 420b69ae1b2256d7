"""The commands that make takes: where to and by what, and what they say while and afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

import typer

from stembridge.cli.shared import (
    CpuOption,
    GpuOption,
    JsonOption,
    ModelOption,
    console,
    device_word,
    is_terminal,
    print_json,
)

if TYPE_CHECKING:
    from stembridge.engines import SoundEngine
    from stembridge.pipeline.events import Event, OnEvent, StemFile
    from stembridge.runtime.model import StemModel

    Maker = TypeVar("Maker", bound=StemModel | SoundEngine)
    Work: TypeAlias = Callable[[Maker, Path, OnEvent], list[StemFile]]
    Open: TypeAlias = Callable[[str | None, str], Maker]

OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="Folder for the takes; if left out, your music folder, or that of the old take.",
    ),
]


@dataclass(frozen=True)
class Making:
    """Where takes go, what makes them, and for whom it is told.

    Attributes:
        out: folder; None for the command's own.
        model: a folder, or None for the built-in one.
        device: as `device_word` says.
        json: whether a program reads the report.
    """

    out: Path | None
    model: str | None
    device: str
    json: bool

    @classmethod
    def of(
        cls,
        out: OutOption = None,
        model: ModelOption = None,
        gpu: GpuOption = None,
        cpu: CpuOption = False,
        json: JsonOption = False,
    ) -> Making:
        """From the options, which every command that makes takes has.

        Raises:
            BadArgsError: two devices.
        """
        return cls(out, model, device_word(gpu, cpu), json)

    def make(
        self,
        open_: Open[Maker],
        work: Work[Maker],
        otherwise: Path,
        receipt: dict[str, Any] | None = None,
    ) -> None:
        """Makes takes and reports them.

        Args:
            open_: opens a model by its folder, on a device.
            work: makes them with it, in a folder, and tells of its progress.
            otherwise: folder for them where none was named.
            receipt: of takes that these should equal.
        """
        folder = (self.out or otherwise).expanduser().absolute()
        with progress(show=not self.json and is_terminal()) as on_event:
            model = open_(self.model, self.device)
            stems = work(model, folder, on_event)
            artifact = model.manifest.artifact_sha256
        differences = None if receipt is None else compare_with(receipt, stems, artifact)
        if self.json:
            print_json(as_mapping(stems, differences))
        else:
            tell(stems, differences)


@contextlib.contextmanager
def progress(show: bool) -> Iterator[OnEvent]:
    """A progress bar on a terminal, and each stem as soon as it is ready; nothing elsewhere."""
    from stembridge.pipeline.events import StageProgress, ignore

    if not show:
        yield ignore
        return
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description:<16}"), BarColumn(), TimeRemainingColumn())
    with Bar(*columns, console=console(), transient=True) as bar:
        task = bar.add_task("loading model", total=1.0)

        def on_event(event: Event) -> None:
            if isinstance(event, StageProgress):
                words = f"take {event.variation + 1}: {event.stage}"
                bar.update(task, completed=event.fraction, description=words)
            else:  # it can be used while the others are made
                bar.console.print(f"ready: {event.stem.path}", soft_wrap=True)

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
    parts += stem.made_of
    if verdict.on_grid_share is not None:
        parts.append(f"{verdict.on_grid_share:.0%} of the onsets on the sixteenth grid")
        parts.append(f"{verdict.onset_offset_ms:+.0f} ms")
    if verdict.relative_loudness_lu is not None:
        parts.append(f"{verdict.relative_loudness_lu:+.1f} LU to the context")
    if verdict.peak_dbfs is not None:
        parts.append(f"peak {verdict.peak_dbfs:.1f} dBFS")
    return ", ".join(parts)

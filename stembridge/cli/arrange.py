"""`stembridge arrange`: make stems without the daemon."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stembridge.cli.request_options import request_options
from stembridge.cli.shared import (
    CpuOption,
    GpuOption,
    JsonOption,
    ModelOption,
    console,
    device_word,
    is_terminal,
    open_model,
    print_json,
    quiet_logging,
)

if TYPE_CHECKING:
    from stembridge.pipeline.events import Event, OnEvent, StemFile
    from stembridge.request import GenerationRequest

MIDI_SUFFIXES = (".mid", ".midi", ".smf")


@request_options
def arrange(
    wishes: dict[str, Any],
    receipt: Annotated[
        Path | None, typer.Option(help="Make the take of this receipt.json again.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the takes; your music folder if left out.")
    ] = None,
    model: ModelOption = None,
    gpu: GpuOption = None,
    cpu: CpuOption = False,
    json: JsonOption = False,
) -> None:
    """Make stems that fit the given ones, as WAV files of exactly the bars asked for."""
    quiet_logging()
    device = device_word(gpu, cpu)
    if receipt is None:
        _make(parse_wishes(wishes), None, out, model, device, json)
    else:
        _make_again(receipt, out, model, device, json)


def parse_wishes(wishes: dict[str, Any]) -> GenerationRequest:
    """The request the options describe; chords may come from a MIDI file."""
    from stembridge.request import parse_request, request_to_mapping

    chords = wishes.pop("chords", None)
    if chords is None or Path(chords).suffix.lower() not in MIDI_SUFFIXES:
        return parse_request(wishes | ({"chords": chords} if chords else {}))
    from stembridge.chords import chords_from_midi

    request = parse_request(wishes)
    spans = chords_from_midi(chords, request.length_beats, request.time_signature.beats_per_bar)
    return parse_request(request_to_mapping(request) | {"chords": spans})


def _make_again(
    receipt_path: Path, out: Path | None, model: str | None, device: str, json: bool
) -> None:
    from stembridge.pipeline.receipt import read_receipt, request_of

    receipt = read_receipt(receipt_path)
    if "rework" in receipt:
        from stembridge.cli.rework import rework_again

        rework_again(receipt, out, model, device, json)
        return
    _make(request_of(receipt), receipt, out, model, device, json)


def _make(
    request: GenerationRequest,
    receipt: dict[str, Any] | None,
    out: Path | None,
    model_name: str | None,
    device: str,
    json: bool,
) -> None:
    from stembridge.paths import default_output_dir
    from stembridge.pipeline.run import arrange as run

    folder = (out or default_output_dir()).expanduser().absolute()
    with progress(show=not json and is_terminal()) as on_event:
        model = open_model(model_name, device)
        stems = run(request, model, folder, on_event)
        artifact = model.manifest.artifact_sha256
    differences = None if receipt is None else compare_with(receipt, stems, artifact)
    if json:
        print_json(as_mapping(stems, differences))
    else:
        tell(stems, differences)


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
    folder = stems[0].path.parent
    mapping: dict[str, Any] = {
        "folder": str(folder),
        "receipt": str(folder / "receipt.json"),
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
    if played := [word for word in (stem.style, stem.timbre) if word is not None]:
        parts.append(" on ".join(played))
    if verdict.on_grid_share is not None:
        parts.append(f"{verdict.on_grid_share:.0%} of the onsets on the sixteenth grid")
        parts.append(f"{verdict.onset_offset_ms:+.0f} ms")
    if verdict.relative_loudness_lu is not None:
        parts.append(f"{verdict.relative_loudness_lu:+.1f} LU to the context")
    if verdict.peak_dbfs is not None:
        parts.append(f"peak {verdict.peak_dbfs:.1f} dBFS")
    return ", ".join(parts)

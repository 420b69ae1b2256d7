"""`stembridge arrange`: make stems without the daemon."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

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
from stembridge.errors import BadArgsError

if TYPE_CHECKING:
    from stembridge.pipeline.events import Event, OnEvent, StemFile
    from stembridge.request import GenerationRequest

MIDI_SUFFIXES = (".mid", ".midi", ".smf")


def arrange(
    generate: Annotated[
        str | None,
        typer.Option(help="Stems to make, with commas: bass,drums,guitar,piano."),
    ] = None,
    context: Annotated[
        list[str] | None,
        typer.Option(help="Given audio as stem=file, such as drums=loop.wav; once per file."),
    ] = None,
    bpm: Annotated[str | None, typer.Option(help="Tempo in quarter notes per minute.")] = None,
    bars: Annotated[float | None, typer.Option(help="Length in bars.")] = None,
    time_signature: Annotated[str, typer.Option(help="Such as 4/4, 3/4 or 7/8.")] = "4/4",
    chords: Annotated[
        str | None, typer.Option(help='One chord per bar, "Am F C G", or a MIDI file.')
    ] = None,
    rate: Annotated[int, typer.Option(help="Sample rate of the files in Hz.")] = 44_100,
    seed: Annotated[int, typer.Option(help="The same seed makes the same take.")] = 0,
    variations: Annotated[int, typer.Option(help="Number of takes, 1 to 8.")] = 1,
    steps: Annotated[
        int | None, typer.Option(help="Sampler steps; the model's own number.")
    ] = None,
    sampler: Annotated[
        str | None, typer.Option(help="dpmpp_2m, dpmpp_2m_sde, heun or euler.")
    ] = None,
    guidance: Annotated[float, typer.Option(help="Pull of chords and grid; 1: the model's.")] = 1.0,
    style: Annotated[
        str | None, typer.Option(help="One of the model's styles (default: as heard).")
    ] = None,
    timbre: Annotated[
        list[str] | None, typer.Option(help="Sound of a stem as stem=name; once per stem.")
    ] = None,
    no_grid: Annotated[bool, typer.Option("--no-grid", help="Do not tell the tempo.")] = False,
    float_: Annotated[bool, typer.Option("--float", help="Write 32-bit float WAV.")] = False,
    midi: Annotated[
        bool, typer.Option("--midi", help="Write bass and drums as MIDI files too.")
    ] = False,
    name: Annotated[str | None, typer.Option(help="Name of the takes' folder.")] = None,
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
    wishes = {
        "generate": generate,
        "context": context_clips(context or []),
        "bpm": bpm,
        "bars": bars,
        "time_signature": time_signature,
        "session_rate": rate,
        "seed": seed,
        "variations": variations,
        "steps": steps,
        "sampler": sampler,
        "guidance": guidance,
        "style": style,
        "timbres": dict(_pair(item, "--timbre", "bass=name") for item in timbre or []),
        "use_grid": not no_grid,
        "sample_format": "float" if float_ else "pcm24",
        "midi": midi,
        "name": name,
    }
    if receipt is None:
        _make(parse_wishes(wishes, chords), None, out, model, device, json)
    else:
        _make_again(receipt, out, model, device, json)


def context_clips(words: list[str]) -> list[dict[str, str]]:
    """Clips of "stem=file" words; paths become absolute, so that receipts work from anywhere.

    Raises:
        BadArgsError: a word without "=".
    """
    pairs = [_pair(word, "--context", "drums=drums.wav") for word in words]
    return [{"stem": stem, "path": str(Path(path).expanduser().absolute())} for stem, path in pairs]


def _pair(word: str, option: str, example: str) -> tuple[str, str]:
    stem, equals, value = word.partition("=")
    if not (stem and equals and value):
        raise BadArgsError(f'{option} is written like {option} {example}; it was "{word}".')
    return stem.strip().lower(), value


def parse_wishes(wishes: dict[str, Any], chords: str | None) -> GenerationRequest:
    """The request the options describe; chords may come from a MIDI file."""
    from stembridge.request import parse_request, request_to_mapping

    told = {key: value for key, value in wishes.items() if value is not None}
    if chords is None or Path(chords).suffix.lower() not in MIDI_SUFFIXES:
        return parse_request(told | ({"chords": chords} if chords else {}))
    from stembridge.chords import chords_from_midi

    request = parse_request(told)
    spans = chords_from_midi(chords, request.length_beats)
    return parse_request(request_to_mapping(request) | {"chords": spans})


def _make_again(
    receipt_path: Path, out: Path | None, model: str | None, device: str, json: bool
) -> None:
    from stembridge.pipeline.receipt import read_receipt, request_of

    receipt = read_receipt(receipt_path)
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
    with _progress(show=not json and is_terminal()) as on_event:
        model = open_model(model_name, device)
        stems = run(request, model, folder, on_event)
        artifact = model.manifest.artifact_sha256
    differences = None if receipt is None else compare_with(receipt, stems, artifact)
    if json:
        print_json(_as_mapping(stems, differences))
    else:
        _tell(stems, differences)


@contextlib.contextmanager
def _progress(show: bool) -> Iterator[OnEvent]:
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


def _as_mapping(stems: list[StemFile], differences: list[str] | None) -> dict[str, Any]:
    folder = stems[0].path.parent
    mapping: dict[str, Any] = {
        "folder": str(folder),
        "receipt": str(folder / "receipt.json"),
        "stems": [{"path": str(stem.path), **stem.facts()} for stem in stems],
    }
    if differences is not None:
        mapping |= {"identical": not differences, "differences": differences}
    return mapping


def _tell(stems: list[StemFile], differences: list[str] | None) -> None:
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

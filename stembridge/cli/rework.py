"""`stembridge rework`: work on a finished take, as one would with a session musician."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stembridge.cli.shared import (
    CpuOption,
    GpuOption,
    JsonOption,
    ModelOption,
    device_word,
    is_terminal,
    open_model,
    print_json,
    quiet_logging,
)
from stembridge.cli.takes import as_mapping, compare_with, progress, tell
from stembridge.errors import BadArgsError

if TYPE_CHECKING:
    from stembridge.pipeline.rework_wish import Rework

_BARS = re.compile(r"(\d+)(?:\s*[-–:]\s*(\d+))?")


def rework(
    receipt: Annotated[Path, typer.Argument(help="The take's folder, or its receipt.json.")],
    take: Annotated[int, typer.Option(min=1, help="Which of its takes.")] = 1,
    stems: Annotated[str, typer.Option(help="What it is about, by comma; all if left out.")] = "",
    redo: Annotated[bool, typer.Option("--redo", help="Make it anew, hearing the rest.")] = False,
    bars: Annotated[str, typer.Option(help="Only these bars anew, such as 5-8.")] = "",
    like: Annotated[
        float | None, typer.Option(min=0, max=1, help="More like it: 0 stays, 1 is a new one.")
    ] = None,
    more_bars: Annotated[float, typer.Option(min=0, help="Go on for so many bars.")] = 0.0,
    seed: Annotated[int | None, typer.Option(min=0, help="Of what is made anew.")] = None,
    density: Annotated[
        float | None, typer.Option(min=0.05, max=8, help="Busier (2) or simpler (0.5).")
    ] = None,
    swing: Annotated[
        float | None, typer.Option(min=0.5, max=0.75, help="0.5 is straight, 0.67 a triplet.")
    ] = None,
    swing_sixteenths: Annotated[
        bool, typer.Option("--swing-sixteenths", help="Sixteenths swing, not eighths.")
    ] = False,
    quantise: Annotated[
        float | None, typer.Option(min=0, max=1, help="Draw notes to the grid.")
    ] = None,
    loosen: Annotated[
        float | None, typer.Option(min=0, max=100, help="Move notes by about so many ms.")
    ] = None,
    louder: Annotated[
        float | None, typer.Option(min=0.05, max=8, help="Times as hard; below 1 is softer.")
    ] = None,
    octaves: Annotated[int, typer.Option(min=-6, max=6, help="Octaves up.")] = 0,
    semitones: Annotated[int, typer.Option(min=-24, max=24, help="Semitones up: a new key.")] = 0,
    bpm: Annotated[str | None, typer.Option(help="Another tempo, exactly.")] = None,
    rate: Annotated[int | None, typer.Option(help="Another sample rate.")] = None,
    timbre: Annotated[
        list[str] | None, typer.Option(help="Another instrument of the model, bass=slap.")
    ] = None,
    instrument: Annotated[
        list[str] | None, typer.Option(help="One of your own, bass=gm.sf2:33 or bass=my.sfz.")
    ] = None,
    sound: Annotated[str | None, typer.Option(help="played or model.")] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Its end flows into its start.")] = False,
    midi: Annotated[bool, typer.Option("--midi", help="Write MIDI files, too.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for the takes.")] = None,
    model: ModelOption = None,
    gpu: GpuOption = None,
    cpu: CpuOption = False,
    json: JsonOption = False,
) -> None:
    """Make a new take of an old one: bars or stems anew, more like it, or its notes changed."""
    from stembridge.pipeline.rework_wish import Rework

    quiet_logging()
    told: dict[str, Any] = {"bpm": bpm, "session_rate": rate, "sound": sound}
    told |= {"loop": loop or None, "midi": midi or None}
    told |= {"instruments": _pairs(instrument, "--instrument", "bass=gm.sf2:33") or None}
    wish = Rework(
        take=take, stems=tuple(w.strip() for w in stems.split(",") if w.strip()),
        redo=redo or bool(bars and like is None), bars=_bars(bars), like=like,
        more_bars=more_bars, seed=seed, density=density, swing=swing,
        swing_unit=0.5 if swing_sixteenths else 1.0, quantise=quantise, loosen_ms=loosen,
        louder=louder, octaves=octaves, semitones=semitones,
        changes={key: value for key, value in told.items() if value is not None},
        timbres=_pairs(timbre, "--timbre", "bass=slap"),
    )  # fmt: skip
    _run(receipt, wish, None, out, model, device_word(gpu, cpu), json)


def rework_again(
    receipt: dict[str, Any], out: Path | None, model: str | None, device: str, json: bool
) -> None:
    """The rework of a receipt once more, from its parent."""
    from stembridge.pipeline.rework_wish import Rework

    told = receipt["rework"]
    lists = {k: tuple(told[k]) for k in ("stems", "bars") if told.get(k) is not None}
    try:
        wish, parent = Rework(**(told | lists)), Path(receipt["parent"]["receipt"])
    except (TypeError, KeyError) as error:
        raise BadArgsError("The receipt's rework is damaged.") from error
    _run(parent, wish, receipt, out, model, device, json)


def _run(
    path: Path,
    wish: Rework,
    receipt: dict[str, Any] | None,
    out: Path | None,
    model_name: str | None,
    device: str,
    json: bool,
) -> None:
    from stembridge.pipeline.rework import rework as run

    folder = out or (path if path.is_dir() else path.parent).absolute().parent
    with progress(show=not json and is_terminal()) as on_event:
        model = open_model(model_name, device)
        stems = run(path, wish, model, folder.expanduser().absolute(), on_event)
        artifact = model.manifest.artifact_sha256
    differences = None if receipt is None else compare_with(receipt, stems, artifact)
    if json:
        print_json(as_mapping(stems, differences))
    else:
        tell(stems, differences)


def _bars(text: str) -> tuple[float, float] | None:
    if not text.strip():
        return None
    match = _BARS.fullmatch(text.strip())
    if match is None:
        raise BadArgsError(f'Bars are written like 5-8, or 5 for one; they were "{text[:20]}".')
    first = float(match[1])
    return first, float(match[2] or first)


def _pairs(words: list[str] | None, option: str, example: str) -> dict[str, str]:
    pairs = [word.partition("=") for word in words or []]
    if any(not (stem and equals and value) for stem, equals, value in pairs):
        raise BadArgsError(f"{option} is written like {option} {example}.")
    return {stem.strip().lower(): value for stem, _, value in pairs}

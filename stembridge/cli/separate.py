"""`stembridge separate`: take a mix apart."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stembridge.cli.request_options import field_options
from stembridge.cli.shared import is_terminal, open_model, print_json
from stembridge.cli.takes import Making, progress
from stembridge.request.separation import SEPARATION_FIELDS

if TYPE_CHECKING:
    from stembridge.pipeline.separated import SeparatedFile


@field_options(SEPARATION_FIELDS)
def separate(
    wishes: dict[str, Any],
    making: Making,
    mix: Annotated[Path, typer.Argument(help="The recording: WAV, AIFF, FLAC, OGG or MP3.")],
) -> None:
    """Take a mix apart into stems that add up to it, with a file of what belongs to none."""
    from stembridge.paths import default_output_dir
    from stembridge.pipeline.separate import separate as run
    from stembridge.request.separation import parse_separation

    request = parse_separation(wishes | {"mix": str(mix.expanduser().absolute())})
    folder = (making.out or default_output_dir()).expanduser().absolute()
    with progress(show=not making.json and is_terminal()) as on_event:
        model = open_model(making.model, making.device)
        began_s = time.monotonic()
        files = run(request, model, folder, on_event)
        took_s = time.monotonic() - began_s
    if making.json:
        print_json(_as_mapping(files, took_s))
    else:
        _tell(files, took_s)


def _as_mapping(files: list[SeparatedFile], took_s: float) -> dict[str, Any]:
    from stembridge.request.tag import RECEIPT_NAME

    folder = files[0].path.parent
    return {
        "folder": str(folder),
        "receipt": str(folder / RECEIPT_NAME),
        "seconds": round(took_s, 3),
        "stems": [{"path": str(file.path), **file.facts()} for file in files],
    }


def _tell(files: list[SeparatedFile], took_s: float) -> None:
    of_all = {remark.code: remark for remark in files[0].verdict.remarks}
    for file in files[1:]:
        of_all = {r.code: r for r in file.verdict.remarks if r == of_all.get(r.code)}
    for remark in of_all.values():
        print(f"note: {remark.words}")
    for file in files:
        print(f"{file.path.name}: {_summary(file)}")
        for remark in file.verdict.remarks:
            if remark != of_all.get(remark.code):
                print(f"  note: {remark.words}")
    length_s = files[0].frames / files[0].rate
    print(f"{length_s:.1f} s of sound in {took_s:.1f} s. The stems lie in {files[0].path.parent}")


def _summary(file: SeparatedFile) -> str:
    verdict = file.verdict
    if verdict.silent:
        return "silent"
    sure = [] if verdict.sureness is None else [f"{verdict.sureness:.0%} surely its own"]
    return ", ".join(
        [f"{verdict.share:.1%} of the mix's power", *sure, f"peak {verdict.peak_dbfs:.1f} dBFS"]
    )

"""`stembridge rework`: work on a finished take, as one would with a session musician."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stembridge.cli.request_options import field_options
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
from stembridge.request.rework import REWORK_FIELDS

if TYPE_CHECKING:
    from stembridge.request import Rework


@field_options(REWORK_FIELDS)
def rework(
    wishes: dict[str, Any],
    receipt: Annotated[Path, typer.Argument(help="The take's folder, or its receipt.json.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for the takes; beside the old one if left out.")
    ] = None,
    model: ModelOption = None,
    gpu: GpuOption = None,
    cpu: CpuOption = False,
    json: JsonOption = False,
) -> None:
    """Make a new take of an old one: bars or stems anew, more like it, or its notes changed."""
    from stembridge.request import parse_rework

    quiet_logging()
    if own := wishes.get("instruments"):  # absolute, so that receipts work from anywhere
        own = {stem: str(Path(file).expanduser().absolute()) for stem, file in own.items()}
        wishes = wishes | {"instruments": own}
    path = receipt.expanduser().absolute()
    wish = parse_rework(wishes | {"parent": str(path)})
    _run(wish, None, out, model, device_word(gpu, cpu), json)


def rework_again(
    receipt: dict[str, Any], out: Path | None, model: str | None, device: str, json: bool
) -> None:
    """The rework of a receipt once more, from its parent."""
    from stembridge.request import parse_rework

    told, parent = receipt["rework"], receipt.get("parent")
    if not isinstance(told, dict) or not isinstance(parent, dict) or "receipt" not in parent:
        raise BadArgsError("The receipt's rework is damaged.")
    wish = parse_rework(told | {"request_id": None, "parent": parent["receipt"]})
    _run(wish, receipt, out, model, device, json)


def _run(
    wish: Rework,
    receipt: dict[str, Any] | None,
    out: Path | None,
    model_name: str | None,
    device: str,
    json: bool,
) -> None:
    from stembridge.pipeline.rework import rework as run
    from stembridge.request.tag import receipt_of

    folder = out or receipt_of(wish.parent).parent.parent
    with progress(show=not json and is_terminal()) as on_event:
        model = open_model(model_name, device)
        stems = run(wish, model, folder.expanduser().absolute(), on_event)
        artifact = model.manifest.artifact_sha256
    differences = None if receipt is None else compare_with(receipt, stems, artifact)
    if json:
        print_json(as_mapping(stems, differences))
    else:
        tell(stems, differences)

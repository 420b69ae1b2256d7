"""`stembridge rework`: work on a finished take, as one would with a session musician."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stembridge.cli.request_options import field_options
from stembridge.cli.shared import open_model
from stembridge.cli.takes import Making
from stembridge.errors import BadArgsError
from stembridge.request.rework import REWORK_FIELDS

if TYPE_CHECKING:
    from stembridge.request import Rework


@field_options(REWORK_FIELDS)
def rework(
    wishes: dict[str, Any],
    making: Making,
    receipt: Annotated[Path, typer.Argument(help="The take's folder, or its receipt.json.")],
) -> None:
    """Make a new take of an old one: bars or stems anew, more like it, or its notes changed."""
    from stembridge.request import parse_rework

    parent = str(receipt.expanduser().absolute())
    _make(parse_rework(wishes | {"parent": parent}), making)


def rework_again(receipt: dict[str, Any], making: Making) -> None:
    """The rework of a receipt once more, from its parent.

    Raises:
        BadArgsError: the receipt does not say which.
    """
    from stembridge.request import parse_rework

    wishes, parent = receipt["rework"], receipt.get("parent")
    if not isinstance(wishes, dict) or not isinstance(parent, dict) or "receipt" not in parent:
        raise BadArgsError("The receipt's rework is damaged.")
    wish = parse_rework(wishes | {"request_id": None, "parent": parent["receipt"]})
    _make(wish, making, receipt)


def _make(wish: Rework, making: Making, receipt: dict[str, Any] | None = None) -> None:
    from stembridge.pipeline.rework import rework as run
    from stembridge.request.tag import receipt_of

    making.make(open_model, partial(run, wish), receipt_of(wish.parent).parent.parent, receipt)

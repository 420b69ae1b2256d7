"""One message is one line of JSON: readable in a log, bounded in length, typed at both ends."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from stembridge.children import messages
from stembridge.errors import BadArgsError

MAX_LINE_BYTES = 65_536

_TYPES: dict[str, type[Any]] = {
    name: kind
    for name, kind in vars(messages).items()
    if isinstance(kind, type) and dataclasses.is_dataclass(kind)
}


def encode(message: object) -> bytes:
    """The message's class name and fields, with a line end.

    Raises:
        BadArgsError: not one of `messages`, or longer than `MAX_LINE_BYTES`.
    """
    name = type(message).__name__
    if name not in _TYPES or not dataclasses.is_dataclass(message) or isinstance(message, type):
        raise BadArgsError(f"{name} is no message between processes.")
    line = json.dumps({"type": name, **dataclasses.asdict(message)}).encode() + b"\n"
    if len(line) > MAX_LINE_BYTES:
        raise BadArgsError(f"A {name} message of {len(line)} bytes is too long.")
    return line


def decode(line: bytes) -> Any:
    """The message a line spells.

    Raises:
        BadArgsError: not JSON, an unknown message, fields that do not fit.
    """
    try:
        values = json.loads(line)
        kind = _TYPES[values.pop("type")]
        return kind(**{name: _frozen(value) for name, value in values.items()})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadArgsError(f"A line between processes cannot be read: {error}.") from error


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value

"""What derives from the address table: binding what comes in, packing what goes out, README.md.

`python -m stembridge.wire.protocol` prints the tables of README.md;
`python -m stembridge.wire.protocol --json` prints the table for other programs' checks.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from stembridge.errors import BY_SYMBOL, BadArgsError
from stembridge.readers import decimal
from stembridge.request.fields import PER_STEM
from stembridge.roles import NAME as STEM_NAME
from stembridge.wire import osc, schema
from stembridge.wire.addresses import BY_ADDRESS, ROWS
from stembridge.wire.schema import AddressRow, Arg, WireKey

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_LARGEST = 3.4e38
_OWN_KEYS = frozenset({"reply_port", "clips"})
"""Keys the daemon reads itself; all other values go through `request.parse_request` as they are."""


@dataclass(frozen=True)
class Call:
    """A message that fits its row: positional values by name, and the key/value tail."""

    row: AddressRow
    args: dict[str, Any]
    pairs: dict[str, Any]


def bind(message: osc.Message) -> Call:
    """Hold a message against the table.

    Raises:
        BadArgsError: unknown address, wrong number or kind of values, unknown key.
    """
    row = BY_ADDRESS.get(message.address)
    if row is None:
        raise BadArgsError(f"There is no address {_clip(message.address)}.")
    needed = sum(not arg.optional for arg in row.args)
    count = len(message.values)
    if count < needed or (row.keys is None and count > len(row.args)):
        raise BadArgsError(f"{row.address} takes: {signature(row)}; it got {count} values.")
    positional = message.values[: len(row.args)]
    args = {
        arg.name: _argument(row, arg, value)
        for arg, value in zip(row.args, positional, strict=False)
    }
    pairs = {} if row.keys is None else _pairs(row.keys, message.values[len(row.args) :])
    return Call(row, args, pairs)


def split_token(message: osc.Message) -> tuple[osc.Message, str]:
    """A message without the token at its end, and the token ("" if there is none)."""
    key, token = message.values[-2:] if len(message.values) > 1 else (None, None)
    if key != schema.TOKEN_KEY.name or not isinstance(token, str):
        return message, ""
    return osc.Message(message.address, message.values[:-2]), token


def pack(address: str, *values: osc.Value, token: str = "") -> bytes:
    """One message of the table as bytes; the values in the row's order, then keys and values.

    Args:
        address: of the row.
        values: its values.
        token: goes behind them, unless empty.
    """
    row = BY_ADDRESS[address]
    tags = [arg.tag for arg, _ in zip(row.args, values, strict=False)]
    rest = values[len(tags) :]
    last = (schema.TOKEN_KEY.name, token) if token else ()
    tail = "".join(_tag(value) for value in (*rest, *last))
    return osc.encode(address, "".join(tags) + tail, (*values, *last))


def pack_call(address: str, *values: osc.Value, token: str = "") -> bytes:
    """`pack` for a client: what the daemon would not read is refused here, with what to do.

    Raises:
        BadArgsError: a text or the whole message is too long, or a name is in an old encoding.
    """
    for value in values:
        try:
            length = len(value.encode()) if isinstance(value, str) else 0
        except UnicodeEncodeError:
            raise BadArgsError(
                f"{_clip(ascii(value))} holds characters in an old encoding. Rename the file."
            ) from None
        if length > schema.MAX_STRING_BYTES:
            raise BadArgsError(
                f"{_clip(value)} is {length} bytes long; {schema.MAX_STRING_BYTES} fit. "
                f"{osc.SHORTER}"
            )
    datagram = pack(address, *values, token=token)
    if len(datagram) > schema.MAX_DATAGRAM_BYTES:
        raise BadArgsError(
            f"The request is {len(datagram)} bytes long; {schema.MAX_DATAGRAM_BYTES} fit into one "
            "message. Use shorter paths or fewer chords."
        )
    return datagram


def signature(row: AddressRow) -> str:
    """The arguments of a row in one line: `s request_id, s client_id, (s key, value)*`."""
    parts = [f"{a.tag} {a.name}" if not a.optional else f"[{a.tag} {a.name}]" for a in row.args]
    if row.keys is not None:
        parts.append("(s key, value)*")
    return ", ".join(parts) or "nothing"


def _argument(row: AddressRow, arg: Arg, value: osc.Value) -> str | int | float:
    if arg.tag == "s":
        text = _text(arg.name, value)
        named = arg.name in {"request_id", "client_id"} and row.direction != "out"
        if named and not _NAME.match(text):
            raise BadArgsError(
                f"{arg.name} must be 1 to 64 letters, digits, dots, dashes or underscores."
            )
        return text
    return integer(arg.name, value) if arg.tag == "i" else _number(arg.name, value)


def _pairs(keys: Iterable[WireKey], tail: tuple[osc.Value, ...]) -> dict[str, Any]:
    if len(tail) % 2:
        raise BadArgsError("Keys and values must come in pairs; one value is missing.")
    known = {key.name for key in keys}
    pairs: dict[str, Any] = {}
    for name, value in zip(tail[::2], tail[1::2], strict=True):
        if not isinstance(name, str) or _key_of(name) not in known:
            raise BadArgsError(f"There is no key {_clip(name)}; known: {', '.join(sorted(known))}.")
        read: Any = integer(name, value) if name in _OWN_KEYS else value
        if name == "chords" and name in pairs:
            read = f"{pairs[name]} {read}"  # a long progression comes in several strings
        elif name in pairs:
            raise BadArgsError(f"The key {name} came twice.")
        pairs[name] = read
    return pairs


def _key_of(name: str) -> str:
    """The key in the table: `timbre.bass` is `timbre.<stem>`, whatever stems the model knows."""
    head, dot, stem = name.partition(".")
    return head + PER_STEM if dot and STEM_NAME.fullmatch(stem) else name


def _text(name: str, value: osc.Value) -> str:
    if not isinstance(value, str):
        raise BadArgsError(f"{name} must be text, not {_clip(value)}.")
    return value


def _number(name: str, value: osc.Value) -> float:
    if isinstance(value, str):
        try:
            value = decimal(value)
        except ValueError:
            raise BadArgsError(f"{name} must be a number, not {_clip(value)}.") from None
    if value is None or isinstance(value, bool):
        raise BadArgsError(f"{name} must be a number, not {_clip(value)}.")
    if not abs(value) <= _LARGEST:  # also catches NaN
        raise BadArgsError(f"{name} must be a finite number of 32 bits.")
    return float(value)


def integer(name: str, value: osc.Value) -> int:
    """A whole number of 32 bits, or its decimal text; a port must be one.

    Raises:
        BadArgsError: it is none.
    """
    number = _number(name, value)
    if number != int(number) or not -(2**31) <= number < 2**31:
        raise BadArgsError(f"{name} must be a whole number of 32 bits, not {_clip(value)}.")
    if name == "reply_port" and not 0 <= number < 2**16:
        raise BadArgsError(f"A port must be 0 to 65535; it was {number:g}.")
    return int(number)


def _tag(value: osc.Value) -> str:
    if isinstance(value, bool):
        return "T" if value else "F"
    if value is None:
        return "N"
    return {str: "s", int: "i", float: "d"}[type(value)]


def _clip(value: osc.Value) -> str:
    """A foreign value, short enough to be quoted back."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def as_json() -> dict[str, Any]:
    """The whole table for other programs."""
    return {
        "api": {"major": schema.API_MAJOR, "minor": schema.API_MINOR},
        "default_port": schema.DEFAULT_PORT,
        "limits": {
            "datagram_bytes": schema.MAX_DATAGRAM_BYTES,
            "string_bytes": schema.MAX_STRING_BYTES,
            "args": schema.MAX_ARGS,
            "clips": schema.MAX_SENT_CLIPS,
            "lease_s": schema.LEASE_S,
        },
        "last_pair": asdict(schema.TOKEN_KEY),
        "addresses": [asdict(row) for row in ROWS],
        "errors": [
            {"code": error.code, "symbol": symbol, "doc": _sentence(error)}
            for symbol, error in BY_SYMBOL.items()
        ],
    }


def as_markdown() -> str:
    """The tables of README.md beside this."""
    lines = ["| Address | | Values | Answer | |", "|---|---|---|---|---|"]
    for row in ROWS:
        answers = ", ".join(f"`{answer.removeprefix('/stembridge')}`" for answer in row.answers)
        lines.append(
            f"| `{row.address}` | {row.direction} | {signature(row)} | {answers} | {row.doc} |"
        )
    for row in ROWS:
        if row.keys is not None:
            lines += ["", f"Keys of `{row.address}`:", "", "| Key | Kind | |", "|---|---|---|"]
            lines += [f"| `{key.name}` | {key.kind} | {key.doc} |" for key in row.keys]
    key = schema.TOKEN_KEY
    lines += [
        "",
        "Last pair of any message to the daemon:",
        "",
        "| Key | Kind | |",
        "|---|---|---|",
    ]
    lines += [f"| `{key.name}` | {key.kind} | {key.doc} |"]
    lines += ["", "| Code | Symbol | |", "|---|---|---|"]
    lines += [f"| {e.code} | `{symbol}` | {_sentence(e)} |" for symbol, e in BY_SYMBOL.items()]
    return "\n".join(lines)


def _sentence(error: type[Exception]) -> str:
    return (error.__doc__ or "").strip().splitlines()[0]


if __name__ == "__main__":
    wants_json = "--json" in sys.argv[1:]
    sys.stdout.write((json.dumps(as_json(), indent=2) if wants_json else as_markdown()) + "\n")

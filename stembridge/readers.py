"""Readers for values from outside: text from OSC, JSON, TOML or a shell becomes a checked value.

Each reader takes whatever arrived and returns the value or raises `ValueError` with a sentence a
musician understands; `stembridge.request` and `stembridge.config` hang them on their fields.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import ValidationError

Reader = Callable[[Any], Any]


def shown(value: object) -> str:
    """A bad value, short enough to be read aloud."""
    if isinstance(value, str):
        return f'"{value[:40]}…"' if len(value) > 40 else f'"{value}"'
    if value is None:
        return "nothing"
    text = repr(value) if isinstance(value, bool | int | float) else f"a {type(value).__name__}"
    return text if len(text) <= 40 else f"{text[:40]}…"


def decimal(text: str) -> float:
    """A number as programs of any language write it: "93,5" is 93.5, and a minus may be U+2212.

    Raises:
        ValueError: it is none.
    """
    plain = text.replace("\u2212", "-")
    return float(plain if "." in plain else plain.replace(",", ".", 1))


def number(what: str, low: float, high: float, unit: str = "") -> Reader:
    """A finite decimal number between `low` and `high`."""
    range_ = f"between {low:.12g} and {high:.12g}{' ' + unit if unit else ''}"

    def read(value: Any) -> float:
        try:
            if isinstance(value, bool) or not isinstance(value, str | int | float):
                raise ValueError
            result = decimal(value) if isinstance(value, str) else float(value)
        except (ValueError, OverflowError):
            raise ValueError(
                f"The {what} must be a number {range_}; it was {shown(value)}."
            ) from None
        if not (isfinite(result) and low <= result <= high):
            raise ValueError(f"The {what} must be {range_}; it was {result:.12g}.")
        return result

    return read


def whole(what: str, low: int, high: int, unit: str = "") -> Reader:
    """A whole number between `low` and `high`; 44100.0 (OSC clients send floats) is whole."""
    read_number = number(what, low, high, unit)

    def read(value: Any) -> int:
        result: float = read_number(value)
        if result != int(result):
            raise ValueError(f"The {what} must be a whole number; it was {result:.12g}.")
        return int(result)

    return read


def flag(what: str) -> Reader:
    """Yes or no: OSC's T and F, 1 and 0, or the words."""
    words = {"true": True, "yes": True, "on": True, "1": True}
    words |= {"false": False, "no": False, "off": False, "0": False}

    def read(value: Any) -> bool:
        word = str(value).strip().lower() if isinstance(value, str | bool) else value
        if isinstance(word, str) and word in words:
            return words[word]
        if isinstance(word, int | float) and word in (0, 1):
            return bool(word)
        raise ValueError(f"{what} must be yes or no; it was {shown(value)}.")

    return read


def choice(what: str, options: Sequence[str]) -> Reader:
    """One of a few words."""

    def read(value: Any) -> str:
        word = value.strip().lower() if isinstance(value, str) else value
        if word not in options:
            raise ValueError(
                f"The {what} must be one of {', '.join(options)}; it was {shown(value)}."
            )
        return str(word)

    return read


def text(what: str, longest: int) -> Reader:
    """Non-empty text without control characters."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"The {what} must be text; it was {shown(value)}.")
        if len(value) > longest:
            raise ValueError(f"The {what} is longer than {longest} characters.")
        if any(ord(sign) < 32 or ord(sign) == 127 for sign in value):
            raise ValueError(f"The {what} holds a control character.")
        if any("\ud800" <= sign <= "\udfff" for sign in value):
            raise ValueError(
                f"The {what} {ascii(value)[:80]} is in an old encoding. Rename the file or folder."
            )
        return value

    return read


def optional(reader: Reader) -> Reader:
    """None and "" (OSC clients cannot all send None) mean: not given."""

    def read(value: Any) -> Any:
        return None if value is None or value == "" else reader(value)

    return read


_PLAIN = {"unexpected_keyword_argument": "there is no such entry", "missing": "it is missing"}


def first_fault(error: ValidationError) -> str:
    """The first thing that a checked file says wrongly, such as `sampler.steps: it is missing`."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    said = _PLAIN.get(first["type"], first["msg"]).removeprefix("Value error, ")
    return f"{where}: {said}" if where else said

"""What a request field is: declared once, beside its type and default (see `model`).

    seed: Annotated[int, Wish(whole("seed", 0, 9), "same seed, same take")] = 0

Whatever else a field needs derives from that line: the reader of its value, the wire's key and the
README's row (`wire/schema.py`), the command line's option (`cli/request_options.py`). What the Max
device sends is held against it by a test.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from typing import Any, Literal, get_args, get_type_hints

from stembridge.errors import BadArgsError
from stembridge.readers import Reader

Kind = Literal["text", "decimal", "integer", "flag"]
PER_STEM = ".<stem>"
"""The end of a key that stands for one key per stem."""


@dataclass(frozen=True)
class Wish:
    """How a field is asked for.

    Attributes:
        read: makes the checked value of whatever arrived, or raises ValueError with a sentence.
        words: what it is, for the README and the option's help; without a full stop.
        key: its name on the wire; "" for the field's own; None where it is none. A key that ends
            in `.<stem>` stands for one key per stem, and the field collects them.
        option: its name on the command line; "" for "--" and the key; None where it is none.
        help: the option's help where it is not `words`.
        switch: the value that the option, a mere switch, stands for; None: it takes a value.
        optional: whether it may stay away although the type has no default.
        names_file: whether it is a path; the command line makes it absolute, so that receipts work
            from anywhere.
    """

    read: Reader
    words: str
    key: str | None = ""
    option: str | None = ""
    help: str = ""
    switch: Any = None
    optional: bool = False
    names_file: bool = False


@dataclass(frozen=True)
class Field:
    """A declared field, with what derives from its declaration.

    Attributes:
        name: in Python and in receipts.
        wish: its declaration.
        kind: of a value on the wire.
        needed: whether a request must have it.
        default: its value where it was not given.
    """

    name: str
    wish: Wish
    kind: Kind = "text"
    needed: bool = False
    default: Any = None

    @property
    def key(self) -> str | None:
        """Its name on the wire."""
        return self.name if self.wish.key == "" else self.wish.key

    @property
    def head(self) -> str | None:
        """What stands before the stem's name in the keys it collects: "timbre" of `timbre.bass`."""
        key = self.key or ""
        return key.removesuffix(PER_STEM) if key.endswith(PER_STEM) else None

    @property
    def option(self) -> str | None:
        """Its name on the command line."""
        if self.wish.option is None or self.wish.option:
            return self.wish.option
        return "--" + (self.head or self.key or self.name).replace("_", "-")


def fields_of(declared: type) -> dict[str, Field]:
    """The fields of a dataclass whose annotations hold a `Wish` each, in their order."""
    hints = get_type_hints(declared, include_extras=True)
    return {
        field.name: _field(field, *get_args(hints[field.name]))
        for field in dataclasses.fields(declared)
    }


def _field(field: dataclasses.Field[Any], type_: Any, wish: Wish) -> Field:
    missing = field.default is MISSING
    default = None if missing else field.default
    return Field(field.name, wish, _kind(type_), missing and not wish.optional, default)


def _kind(type_: Any) -> Kind:
    """`int | None` is an integer."""
    plain = {part for part in get_args(type_) if part is not type(None)} or {type_}
    kinds: dict[Any, Kind] = {int: "integer", float: "decimal", bool: "flag"}
    return kinds.get(plain.pop(), "text") if len(plain) == 1 else "text"


def read_fields(fields: Mapping[str, Field], values: object, what: str) -> dict[str, Any]:
    """Checked values of all fields.

    Args:
        fields: by name.
        values: what arrived, by the fields' names.
        what: a request, clip or chord, for the sentences.

    Raises:
        BadArgsError: a field is wrong, missing or unknown; the sentence is about the first.
    """
    if not isinstance(values, Mapping):
        raise BadArgsError(f"A {what} must be a set of named values.")
    read = {name: _read(field, values, what) for name, field in fields.items()}
    for name in values:
        if name not in fields:
            near = difflib.get_close_matches(str(name), fields, n=1)
            hint = f'did you mean "{near[0]}"?' if near else f"known are {', '.join(fields)}."
            raise BadArgsError(f'A {what} has no setting "{str(name)[:40]}"; {hint}')
    return read


def _read(field: Field, values: Mapping[str, Any], what: str) -> Any:
    if field.name not in values:
        if field.needed:
            raise BadArgsError(
                f'The {what} says nothing about "{field.name}", which it must. Add it.'
            )
        return field.default
    try:
        return field.wish.read(values[field.name])
    except ValueError as error:
        raise BadArgsError(str(error)) from None

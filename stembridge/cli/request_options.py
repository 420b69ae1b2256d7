"""The options of commands that make takes: one for each declared field, and those they all have."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from stembridge.cli.shared import quiet_logging
from stembridge.cli.takes import Making
from stembridge.errors import BadArgsError
from stembridge.request.fields import Field
from stembridge.request.model import REQUEST_FIELDS


def request_options(command: Callable[..., None]) -> Callable[..., None]:
    """`field_options` of a request."""
    return field_options(REQUEST_FIELDS)(command)


def field_options(
    declared: Mapping[str, Field],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Makes a command of wishes and a `Making` have an option for each field, and for that."""
    return functools.partial(_with_options, {n: f for n, f in declared.items() if f.option})


def _with_options(fields: Mapping[str, Field], command: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(command)
    def with_options(**given: Any) -> None:
        quiet_logging()
        wishes = {name: given.pop(name) for name in fields}
        making = Making.of(**{name: given.pop(name) for name in common})
        command(_wishes(fields, wishes), making, **given)

    signature = inspect.signature(command, eval_str=True)
    common = inspect.signature(Making.of, eval_str=True).parameters
    _, _, *others = signature.parameters.values()
    options = [_option(field) for field in fields.values()]
    parameters = (*options, *others, *common.values())
    by_name = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]
    with_options.__signature__ = signature.replace(parameters=by_name)  # type: ignore[attr-defined]
    return with_options


def _option(field: Field) -> inspect.Parameter:
    words = field.wish.help or field.wish.words
    help_ = words[0].upper() + words[1:] + "."
    # Numbers stay text: the field's own reader has the better words for what is no number.
    metavar = {"integer": "<int>", "decimal": "<number>"}.get(field.kind)
    type_: Any = str | None
    default: Any = None
    if field.head:
        type_ = list[str] | None
    elif field.wish.switch is not None:
        type_, default, metavar = bool, False, None
    annotation = Annotated[type_, typer.Option(field.option, help=help_, metavar=metavar)]
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(field.name, kind, default=default, annotation=annotation)


def _wishes(fields: Mapping[str, Field], given: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked for, by the names of the fields; no option, no wish."""
    wishes: dict[str, Any] = {}
    for name, value in given.items():
        field = fields[name]
        if field.wish.switch is not None:
            wishes |= {name: field.wish.switch} if value else {}
        elif name == "context":
            wishes[name] = context_clips(value or [])
        elif field.head:
            pairs = _pairs(value or [], str(field.option))
            wishes[name] = {stem: _named(field, word) for stem, word in pairs.items()}
        elif value is not None:
            wishes[name] = _named(field, value)
    return wishes


def _named(field: Field, word: str) -> str:
    return _absolute(word) if field.wish.names_file and word else word


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute())


def context_clips(words: list[str]) -> list[dict[str, str]]:
    """Clips of "stem=file" words; paths become absolute.

    Raises:
        BadArgsError: a word without "=".
    """
    pairs = [_pair(word, "--context", "drums=drums.wav") for word in words]
    return [{"stem": stem, "path": _absolute(path)} for stem, path in pairs]


def _pairs(words: list[str], option: str) -> dict[str, str]:
    pairs = [_pair(word, option, "bass=name") for word in words]
    stems = [stem for stem, _ in pairs]
    if twice := next((stem for stem in stems if stems.count(stem) > 1), None):
        raise BadArgsError(f"{option} is given twice for {twice}. Give it once, with everything.")
    return dict(pairs)


def _pair(word: str, option: str, example: str) -> tuple[str, str]:
    stem, equals, value = word.partition("=")
    if not (stem and equals and value):
        raise BadArgsError(f'{option} is written like {option} {example}; it was "{word}".')
    return stem.strip().lower(), value

"""One declared field of a request is one option of the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer

from stembridge.cli import request_options
from stembridge.cli.takes import Making
from stembridge.errors import BadArgsError
from stembridge.readers import flag, optional, text, whole
from stembridge.request.fields import Field, Wish, fields_of, read_fields
from stembridge.request.model import REQUEST_FIELDS
from stembridge.request.rework import REWORK_FIELDS
from stembridge.wire.schema import _keys


@dataclass(frozen=True)
class Asked:
    """Fields that no request has."""

    title: Annotated[str, Wish(text("title", 9), "what it is called")]
    choruses: Annotated[int, Wish(whole("choruses", 1, 9), "how many, 1 to 9", option="--ch")] = 2
    dry: Annotated[bool, Wish(flag("The dry switch"), "without room", switch=True)] = False
    moods: Annotated[
        tuple[str, ...], Wish(optional(dict), "mood of a stem", key="mood.<stem>")
    ] = ()
    hidden: Annotated[str | None, Wish(optional(text("x", 9)), "", key=None, option=None)] = None


FIELDS: dict[str, Field] = fields_of(Asked)


def test_a_declaration_gives_reader_key_and_row() -> None:
    assert read_fields(FIELDS, {"title": "Blue", "choruses": "3"}, "song") == {
        "title": "Blue", "choruses": 3, "dry": False, "moods": (), "hidden": None,
    }  # fmt: skip
    assert [(key.name, key.kind, key.doc) for key in _keys(FIELDS)] == [
        ("title", "text", "what it is called"),
        ("choruses", "integer", "how many, 1 to 9"),
        ("dry", "flag", "without room"),
        ("mood.<stem>", "text", "mood of a stem"),
    ]
    with pytest.raises(BadArgsError, match='The song says nothing about "title", which it must'):
        read_fields(FIELDS, {}, "song")
    with pytest.raises(BadArgsError, match='no setting "titel"; did you mean "title"'):
        read_fields(FIELDS, {"title": "a", "titel": "b"}, "song")
    with pytest.raises(BadArgsError, match="choruses must be between 1 and 9"):
        read_fields(FIELDS, {"title": "a", "choruses": 10}, "song")


def test_a_declaration_gives_an_option(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(request_options, "REQUEST_FIELDS", FIELDS)
    heard: list[Any] = []

    @request_options.request_options
    def command(
        wishes: dict[str, Any], making: Making, takes: Annotated[int, typer.Option()] = 1
    ) -> None:
        heard.append((wishes, making, takes))

    app = typer.Typer(add_completion=False)
    app.command()(command)
    run = typer.main.get_command(app)
    words = [
        "--title",
        "Blue",
        "--ch",
        "3",
        "--dry",
        "--mood",
        "Bass=sad",
        "--out",
        "x",
        "--cpu",
        "--takes",
        "2",
    ]
    run(words, standalone_mode=False)
    run([], standalone_mode=False)
    assert heard == [
        (
            {"title": "Blue", "choruses": "3", "dry": True, "moods": {"bass": "sad"}},
            Making(Path("x"), None, "cpu", json=False), 2,
        ),
        ({"moods": {}}, Making(None, None, "auto", json=False), 1),
    ]  # fmt: skip
    with pytest.raises(BadArgsError, match="either --gpu or --cpu"):
        run(["--cpu", "--gpu", "0"], standalone_mode=False)
    with pytest.raises(SystemExit):
        run(["--help"])
    assert "What it is called." in capsys.readouterr().out


def test_every_field_of_a_request_can_be_asked_for() -> None:
    unasked = {name for name, field in REQUEST_FIELDS.items() if not field.option}
    assert unasked == {"request_id"}
    options = [field.option for field in REQUEST_FIELDS.values() if field.option]
    assert len(set(options)) == len(options)


def test_only_what_names_a_file_becomes_absolute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    wish = request_options._wishes(REQUEST_FIELDS, {"like": "a.wav", "name": "b", "style": "pop"})
    assert wish == {"like": str(Path("/a.wav").absolute()), "name": "b", "style": "pop"}
    own = request_options._wishes(REQUEST_FIELDS, {"instruments": ["bass=gm.sf2:33"]})
    assert own == {"instruments": {"bass": str(Path("/gm.sf2:33").absolute())}}
    # Of a rework, "like" is a number.
    assert request_options._wishes(REWORK_FIELDS, {"like": "0.4"}) == {"like": "0.4"}

"""The address table and what derives from it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from stembridge.errors import BY_SYMBOL, BadArgsError
from stembridge.request.model import CLIP_FIELDS, REQUEST_FIELDS
from stembridge.request.rework import REWORK_FIELDS
from stembridge.wire import osc, protocol, schema
from stembridge.wire.addresses import BY_ADDRESS, ROWS
from stembridge.wire.osc import Message

SAMPLES: dict[str, osc.Value] = {"s": "text", "i": 3, "f": 0.5}


def test_every_row_survives_the_wire() -> None:
    for row in ROWS:
        values = tuple(SAMPLES[arg.tag] for arg in row.args)
        (message,) = osc.parse(protocol.pack(row.address, *values))
        call = protocol.bind(message)
        assert tuple(call.args.values()) == values
        assert call.row is row


def test_optional_values_may_stay_away_and_needed_ones_not() -> None:
    assert protocol.bind(Message("/stembridge/status", ("id",))).args == {"request_id": "id"}
    with pytest.raises(BadArgsError, match="s request_id"):
        protocol.bind(Message("/stembridge/status", ()))
    with pytest.raises(BadArgsError, match="got 3 values"):
        protocol.bind(Message("/stembridge/status", ("id", 1, 2)))


def test_answers_name_rows_and_rows_lie_in_our_namespace() -> None:
    assert len(BY_ADDRESS) == len(ROWS)
    for row in ROWS:
        assert row.address.startswith(schema.PREFIX)
        assert all(BY_ADDRESS[answer].direction == "out" for answer in row.answers)
        assert row.doc[-1] in ".)?"
        assert (row.direction == "relay") <= bool(row.capability)


def test_the_keys_are_the_fields_of_a_request() -> None:
    """Each field has one key; what is collected from several keys has another name there."""
    named = [key.name for key in schema.GENERATE_KEYS]
    assert named[-2:] == ["clips", "reply_port"]
    unlike = {
        "prompts": "prompt.<stem>",
        "negative_prompts": "negative_prompt.<stem>",
        "timbres": "timbre.<stem>",
        "instruments": "instrument.<stem>",
        "context": "context.<stem>",
    }
    assert named[:-2] == [unlike.get(name, name) for name in REQUEST_FIELDS if name != "request_id"]
    assert [key.name for key in schema.CLIP_KEYS] == [*CLIP_FIELDS, "reply_port"]
    kinds = {key.name: key.kind for key in schema.GENERATE_KEYS}
    names = ("seed", "bpm", "midi", "steps", "style")
    assert [kinds[name] for name in names] == ["integer", "decimal", "flag", "integer", "text"]


def test_the_keys_of_a_rework_are_its_fields() -> None:
    named = [key.name for key in schema.REWORK_KEYS]
    unlike = {
        "prompts": "prompt.<stem>",
        "negative_prompts": "negative_prompt.<stem>",
        "timbres": "timbre.<stem>",
        "instruments": "instrument.<stem>",
    }
    fields = [unlike.get(name, name) for name in REWORK_FIELDS if name != "request_id"]
    assert named == [*fields, "reply_port"]
    kinds = {key.name: key.kind for key in schema.REWORK_KEYS}
    assert [kinds[name] for name in ("redo", "like", "best", "bars")] == [
        "flag", "decimal", "integer", "text",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (("r", "c", "bpm"), "pairs"),
        (("r", "c", "tempo", 120), "no key 'tempo'"),
        (("r", "c", 5, 120), "no key 5"),
        (("r", "c", "bpm", 120, "bpm", 121), "twice"),
        (("r", "c", "clips", "many"), "number"),
        (("r", "c", "clips", 1.5), "whole"),
        (("r", "c", "clips", None), "number"),
        (("r", "c", "clips", float("nan")), "finite"),
        (("r/../x", "c"), "request_id"),
        (("", "c"), "request_id"),
        (("r", "c" * 65), "client_id"),
        ((1, "c"), "must be text"),
        (("r", "c", "x" * 100, 1), "…"),
    ],
)
def test_bad_values_are_refused(values: tuple[osc.Value, ...], reason: str) -> None:
    with pytest.raises(BadArgsError, match=reason):
        protocol.bind(Message("/stembridge/generate", values))


def test_numbers_come_in_many_tags() -> None:
    for n in (7, 7.0, "7"):
        assert protocol.bind(Message("/stembridge/ping", ("c", n))).args["n"] == 7


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 2**62, 1e300, float("inf"), "9" * 400])
def test_what_cannot_be_said_back_is_not_taken(value: osc.Value) -> None:
    for address, values in (
        ("/stembridge/ping", ("c", value)),
        ("/stembridge/midi/tempo", (1e300, 0.1, 1, 0.0)),
    ):
        with pytest.raises(BadArgsError, match="32 bits"):
            protocol.bind(Message(address, values))


def test_unknown_address() -> None:
    with pytest.raises(BadArgsError, match="no address"):
        protocol.bind(Message("/live/song/get/tempo", ()))


def test_a_long_progression_comes_in_several_strings() -> None:
    call = protocol.bind(
        Message("/stembridge/generate", ("r", "c", "chords", "Am F", "chords", "C G"))
    )
    assert call.pairs == {"chords": "Am F C G"}


def test_timbre_and_context_keys_exist_for_every_stem() -> None:
    values = ("r", "c", "timbre.bass", "slap", "context.piano", "/p.wav")
    call = protocol.bind(Message("/stembridge/generate", values))
    assert call.pairs == {"timbre.bass": "slap", "context.piano": "/p.wav"}


def test_keys_and_values_are_packed_by_their_type() -> None:
    values = ("r", "c", "midi", True, "use_grid", False, "seed", 5, "guidance", 0.1, "style", None)
    (message,) = osc.parse(protocol.pack("/stembridge/generate", *values))
    assert message.values == values


def test_markdown_and_json_name_everything() -> None:
    text, table = protocol.as_markdown(), json.loads(json.dumps(protocol.as_json()))
    for row in ROWS:
        assert f"`{row.address}`" in text
    assert {entry["symbol"] for entry in table["errors"]} == set(BY_SYMBOL)
    assert [row["address"] for row in table["addresses"]] == [row.address for row in ROWS]


@pytest.mark.parametrize("flag", [[], ["--json"]])
def test_the_module_prints_the_table(flag: list[str]) -> None:
    command = [sys.executable, "-m", "stembridge.wire.protocol", *flag]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert out == (json.dumps(protocol.as_json(), indent=2) if flag else protocol.as_markdown()) + (
        "\n"
    )

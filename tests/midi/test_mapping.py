"""The mapping file: what it accepts, what it refuses, which pad a message presses."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from stembridge.errors import BadArgsError, NoSuchFileError
from stembridge.midi.mapping import (
    MidiMapping,
    Pad,
    Trigger,
    add_pad,
    load_mapping,
    pad_entry,
    parse_mapping,
)

FILE = """
[midi]
input = "Launchpad"
time_signature = "3/4"

[[pad]]
note = 36
channel = 10
action = "generate"
stem = "bass"

[[pad]]
cc = 20
action = "stop"

[[pad]]
program = 3
action = "reroll"

[[lamp]]
state = "working"
stem = "bass"
cc = 30
channel = 2
value = -1

[[lamp]]
state = "done"
note = 36

[request]
bars = 4
"""


def read(text: str) -> MidiMapping:
    return parse_mapping(tomllib.loads(text))


def test_the_file_says_what_it_says() -> None:
    mapping = read(FILE)
    assert mapping.input == "Launchpad"
    assert mapping.time_signature.beats_per_bar == 3
    assert [pad.action for pad in mapping.pads] == ["generate", "stop", "reroll"]
    assert dict(mapping.request) == {"bars": 4}


@pytest.mark.parametrize(
    ("data", "action"),
    [
        ((0x99, 36, 100), "generate"),
        ((0x99, 36, 0), None),
        ((0x89, 36, 64), None),
        ((0x90, 36, 100), None),
        ((0xB5, 20, 127), "stop"),
        ((0xB5, 20, 63), None),
        ((0xC0, 3), "reroll"),
        ((0xC0, 4), None),
        ((0xF8,), None),
    ],
)
def test_which_pad_a_message_presses(data: tuple[int, ...], action: str | None) -> None:
    pad = read(FILE).pad(data)
    assert (pad.action if pad else None) == action


def test_lamps_show_states_and_progress() -> None:
    mapping = read(FILE)
    assert mapping.lights("working", "bass", 0.5) == [(0xB1, 30, 64)]
    assert mapping.lights("working", "piano", 0.5) == []
    assert mapping.lights("done", "piano", 1.0) == [(0x90, 36, 127)]
    assert mapping.lights("failed", "bass", 0.0) == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[[pad]]\nnote = 1\naction = 'explode'", "action"),
        ("[[pad]]\nnote = 1\naction = 'generate'", "stem"),
        ("[[pad]]\nnote = 1\naction = 'generate'\nstem = 'O boe'", "stem"),
        ("[[pad]]\naction = 'stop'", "note"),
        ("[[pad]]\nnote = 1\ncc = 2\naction = 'stop'", "one of"),
        ("[[pad]]\nnote = 128\naction = 'stop'", "note"),
        ("[[pad]]\nnote = 1\nchannel = 17\naction = 'stop'", "channel"),
        ("[[pad]]\nnote = true\naction = 'stop'", "note"),
        ("[[lamp]]\nnote = 1\nstate = 'happy'", "state"),
        ("[midi]\ncolour = 'red'", "colour"),
        ("[midi]\napi = 'oss'", "api"),
        ("[midi]\ntime_signature = '4'", "time signature"),
        ("[pads]\n", "pads"),
        ("[request]\nbarss = 4\n", "barss"),
        ("[request]\ntimbre = 'slap'\n", "timbre"),
        ("[request]\nbpm = [120]\n", "bpm"),
        ("request = 4", "table"),
    ],
)
def test_what_it_refuses(text: str, word: str) -> None:
    with pytest.raises(BadArgsError, match=word):
        read(text)


def test_learning_keeps_the_file_and_the_later_pad_wins(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "midi.toml"
    add_pad(path, Pad(Trigger("note", 36, 10), "generate", "bass"))
    path.write_text("# my pads\n" + path.read_text())
    add_pad(path, Pad(Trigger("note", 36, 10), "generate", "drums"))
    mapping = load_mapping(path)
    assert path.read_text().startswith("# my pads\n")
    assert len(mapping.pads) == 2
    pressed = mapping.pad((0x99, 36, 1))
    assert pressed is not None
    assert pressed.stem == "drums"


def test_an_impossible_pad_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "midi.toml"
    with pytest.raises(BadArgsError):
        add_pad(path, Pad(Trigger("note", 36), "generate"))
    assert not path.exists()


def test_entries_read_back() -> None:
    pad = Pad(Trigger("cc", 7), "capture", "guitar")
    assert read(pad_entry(pad)).pads == (pad,)


def test_missing_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFileError):
        load_mapping(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_bytes(b"\xff[[")
    with pytest.raises(BadArgsError):
        load_mapping(broken)
    assert load_mapping(None) == MidiMapping()


def test_keys_of_every_request_are_those_of_the_wire() -> None:
    text = "[request]\nbars = 4\nseed = 3\ntimbre.bass = 'slap'\nuse_grid = false\n"
    assert dict(parse_mapping(tomllib.loads(text)).request) == {
        "bars": 4, "seed": 3, "timbre.bass": "slap", "use_grid": False,
    }  # fmt: skip

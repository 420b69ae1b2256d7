"""The shipped script's pure functions: the wire, musical time, clip geometry."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import mido
import pytest
from live_stage import Ask

from stembridge.musical_time import TimeSignature, beats_to_samples
from stembridge.request import parse_request, parse_rework
from stembridge.wire import schema
from stembridge.wire.addresses import BY_ADDRESS, ROWS
from stembridge.wire.schema import CLIP_KEYS, GENERATE_KEYS, REWORK_KEYS

pytestmark = pytest.mark.foreign

# ---- the wire ----------------------------------------------------------------------------------


def test_addresses_and_arguments_are_the_daemons(ask: Ask) -> None:
    sends, hears, major, minor, port = ask(
        ["SENDS"], ["HEARS"], ["API_MAJOR"], ["API_MINOR"], ["DEFAULT_PORT"]
    )
    assert (major, minor, port) == (schema.API_MAJOR, schema.API_MINOR, schema.DEFAULT_PORT)
    for verb, tags in sends.items():
        row = BY_ADDRESS[schema.PREFIX + verb]
        table = "".join(arg.tag for arg in row.args)
        needed = "".join(arg.tag for arg in row.args if not arg.optional)
        assert row.direction == "in" and tags.endswith("*") == (row.keys is not None), verb
        assert table.startswith(tags.rstrip("*")) and len(tags.rstrip("*")) >= len(needed), verb
    for verb, tags in hears.items():
        row = BY_ADDRESS[schema.PREFIX + verb]
        assert row.direction == "out" and tags == "".join(arg.tag for arg in row.args), verb
    answers = {
        answer for row in ROWS if row.address.split("/")[2] in sends for answer in row.answers
    }
    ignored = {"/stembridge/farewell"}
    assert answers - ignored <= {schema.PREFIX + verb for verb in hears}


def test_a_whole_request_uses_only_known_keys(ask: Ask) -> None:
    plan = {
        "stems": ["bass"], "bpm": 87.3, "beats": 28, "signature": "7/8", "start": 3.5,
        "rate": 48000, "seed": 5, "takes": 2, "steps": 8, "guidance": 1.5, "chords": "Am C",
        "name": "song", "clips": [{"stem": "drums", "path": "/a.wav", "file_start_s": 1 / 3}],
        "sound": "model", "clipsAs": "both", "loop": True, "best": 3,
    }  # fmt: skip
    pairs, clip_pairs = ask(
        ["generatePairs", plan],
        ["clipPairs", plan["clips"][0]],  # type: ignore[index]
    )
    assert {key for key, _ in pairs} <= {key.name for key in GENERATE_KEYS}
    assert {key for key, _ in clip_pairs} <= {key.name for key in CLIP_KEYS}
    values = {key: value for key, value in pairs if key != "clips"}
    request = parse_request(values | {"clips": [dict(clip_pairs)]})
    assert request.bpm == 87.3 and request.length_beats == 28 and request.guidance == 1.5
    assert request.context[0].file_start_s == pytest.approx(1 / 3, abs=1e-9)
    assert (request.sound, request.midi, request.loop, request.best) == ("model", True, True, 3)


def test_a_rework_uses_only_known_keys(ask: Ask) -> None:
    plan = {
        "parent": "/takes/bass_1", "number": 2, "stems": ["bass"], "clipsAs": "midi",
        "changes": [["like", 0.3], ["seed", 5], ["best", 2]],
    }  # fmt: skip
    (pairs,) = ask(["reworkPairs", plan])
    assert {key for key, _ in pairs} <= {key.name for key in REWORK_KEYS}
    wish = parse_rework(dict(pairs))
    assert (wish.take, wish.stems, wish.like, wish.best) == (2, ("bass",), 0.3, 2)
    assert wish.changes == {"midi": 1}


def test_the_bars_under_the_loop_brace(ask: Ask) -> None:
    take = {"start": 16, "beats": 16}
    spans = ((16, 16, "1-4"), (20, 8, "2-3"), (21, 1, "2-2"), (0, 17, "1-1"), (28, 99, "4-4"),
             (0, 16, ""), (32, 8, ""))  # fmt: skip
    calls = [["braceBars", take, {"beatsPerBar": 4, "loopStart": start, "loopLength": length}]
             for start, length, _ in spans]  # fmt: skip
    assert ask(*calls) == [bars for _, _, bars in spans]


def test_midi_files_of_others_are_read(ask: Ask) -> None:
    """Written by mido: several tracks, note-ons without strength, system messages, a long file."""
    file = mido.MidiFile(ticks_per_beat=96)
    for channel in (0, 9):
        track = file.add_track("t" * 300)
        track.append(mido.MetaMessage("set_tempo", tempo=500_000))
        track.append(mido.Message("sysex", data=[1] * 200))
        track.append(mido.Message("pitchwheel", channel=channel))
        track.append(mido.Message("program_change", channel=channel))
        for pitch in range(40, 90):
            on = {"channel": channel, "note": pitch, "time": 24}
            track.append(mido.Message("note_on", velocity=pitch, **on))
            track.append(mido.Message("note_on", velocity=0, **on))
    data = io.BytesIO()
    file.save(file=data)
    wrong = [["notesOf", list(b"RIFFxxxxxxxxxxxx")], ["notesOf", None]]
    notes, *none = ask(["notesOf", list(data.getvalue())], *wrong)
    assert none == [None, None]
    assert (
        len(notes) == 100
        and notes[:2] == [{"pitch": 40, "start": 0.25, "duration": 0.25, "velocity": 40}] * 2
    )


def test_packet_size_is_what_goes_on_the_wire(ask: Ask) -> None:
    from pythonosc.osc_message_builder import OscMessageBuilder

    atoms = ["/stembridge/clip", "id", "client", 3, "path", "/Users/mü/häuser 🎹.wav", "x", 0.5]
    builder = OscMessageBuilder(atoms[0])  # type: ignore[arg-type]
    for atom in atoms[1:]:
        builder.add_arg(atom)  # type: ignore[arg-type]
    assert ask(["packetSize", atoms]) == [len(builder.build().dgram)]
    assert ask(["fits", ["/a", "x" * 1016]], ["fits", ["/a", *["x"] * 65]]) == [False, False]


# ---- musical time ------------------------------------------------------------------------------


def test_decimals_are_exact_text(ask: Ask) -> None:
    answers = ask(["decimal", 1 / 3], ["decimal", 16], ["decimal", -0.5], ["decimal", 1e-12])
    assert answers == ["0.333333333", "16", "-0.5", "0"]


@pytest.mark.parametrize("typed", ["87.3", "93", "120.5", "174.25", "20", "999", "133.333"])
def test_the_typed_tempo_comes_back_from_lives_float32(ask: Ask, typed: str) -> None:
    import numpy as np

    assert ask(["tempoText", float(np.float32(float(typed)))]) == [typed]


def test_frames_agree_with_the_daemon(ask: Ask) -> None:
    cases = [
        (beats, bpm, rate)
        for beats in (8, 14, 24, 32, 64)
        for bpm in (60, 87.3, 93, 120, 174)
        for rate in (44_100, 48_000)
    ]
    answers = ask(*(["expectedFrames", *case] for case in cases))
    assert answers == [beats_to_samples(*case) for case in cases]


def test_the_requested_span(ask: Ask) -> None:
    bar = TimeSignature.parse("7/8").beats_per_bar
    song = {"time": 17.3, "beatsPerBar": bar, "loopStart": 8, "loopLength": 12}
    answers = ask(
        ["requestedSpan", 4, song, None],
        ["requestedSpan", "loop", song, None],
        ["requestedSpan", "clip", song, None],
        ["requestedSpan", "clip", song, {"start": 5, "end": 9}],
        ["spanText", {"start": 14, "beats": 14}, bar],
        ["spanText", {"start": 14, "beats": 3.5}, bar],
    )
    assert answers == [
        {"start": 14, "beats": 14}, {"start": 8, "beats": 12}, None, {"start": 5, "beats": 4},
        "bars 5-8", "bar 5",
    ]  # fmt: skip


# ---- geometry ----------------------------------------------------------------------------------

SPAN = {"start": 16, "beats": 8}
UNWARPED = {
    "path": "/a.wav", "start": 10, "end": 40, "clipStart": 1.5, "looping": False, "loopStart": 1.5,
    "loopEnd": 20, "warping": False, "markers": None, "gain": 0.5, "muted": False,
}  # fmt: skip
STEADY = [{"beat": 0, "second": 0}, {"beat": 4, "second": 2}]  # 120 bpm


def test_an_unwarped_clip_starts_in_seconds(ask: Ask) -> None:
    ((piece,),) = ask(["pieces", UNWARPED, SPAN, 60])
    assert piece == {
        "path": "/a.wav", "timeline_start_beats": 0, "file_start_s": 7.5, "length_beats": 8,
        "gain": 0.5,
    }  # fmt: skip
    (late,), none, muted = ask(
        ["pieces", UNWARPED | {"start": 20}, SPAN, 60],
        ["pieces", UNWARPED | {"start": 24}, SPAN, 60],
        ["pieces", UNWARPED | {"muted": True}, SPAN, 60],
    )
    assert (late["timeline_start_beats"], late["file_start_s"], late["length_beats"]) == (4, 1.5, 4)
    assert none == muted == []


def test_a_warped_clip_names_its_own_tempo(ask: Ask) -> None:
    clip = UNWARPED | {"warping": True, "markers": STEADY, "clipStart": 2}
    (piece,), (same,) = ask(["pieces", clip, SPAN, 93], ["pieces", clip, SPAN, 120])
    assert piece["file_start_s"] == pytest.approx(4)  # clip beat 8 at 120 bpm
    assert piece["source_bpm"] == pytest.approx(120)
    assert "source_bpm" not in same


def test_warp_markers_cut_the_clip_where_its_tempo_changes(ask: Ask) -> None:
    markers = [
        {"beat": 0, "second": 0}, {"beat": 8, "second": 4}, {"beat": 12, "second": 7},
        {"beat": 13, "second": 7.75},
    ]  # fmt: skip
    clip = UNWARPED | {"warping": True, "markers": markers, "clipStart": 0, "start": 12}
    ((first, second),) = ask(["pieces", clip, SPAN, 100])
    assert [first["length_beats"], second["length_beats"]] == [4, 4]
    assert (first["source_bpm"], second["source_bpm"]) == (120, pytest.approx(80))
    assert (second["timeline_start_beats"], second["file_start_s"]) == (4, 4)


def test_loops_are_unrolled_and_many_repeats_travel_as_one(ask: Ask) -> None:
    clip = UNWARPED | {
        "warping": True, "looping": True, "markers": STEADY, "start": 16, "end": 24,
        "clipStart": 1, "loopStart": 0, "loopEnd": 3,
    }  # fmt: skip
    (pieces,) = ask(["pieces", clip, SPAN, 120])
    assert [
        (one["timeline_start_beats"], one["file_start_s"], one["length_beats"]) for one in pieces
    ] == [(0, 0.5, 2), (2, 0, 3), (5, 0, 3)]
    tiny = clip | {"loopEnd": 0.25, "clipStart": 0}
    ((one,),) = ask(["pieces", tiny, SPAN, 120])
    assert one["loop"] == 1 and one["length_beats"] == 8
    assert (one["loop_start_s"], one["loop_end_s"]) == (0, 0.125)


def test_silence_before_the_file_is_not_asked_for(ask: Ask) -> None:
    clip = UNWARPED | {"warping": True, "markers": STEADY, "clipStart": -2, "start": 16}
    ((piece,),) = ask(["pieces", clip, SPAN, 120])
    assert (piece["timeline_start_beats"], piece["file_start_s"], piece["length_beats"]) == (
        2,
        0,
        6,
    )


def test_markers_and_gain_as_live_writes_them(ask: Ask) -> None:
    raw = {"warp_markers": [{"beat_time": 4, "sample_time": 2}, {"beat_time": 0, "sample_time": 0}]}
    answers = ask(
        ["readMarkers", json.dumps(raw)], ["readMarkers", "{broken"], ["readMarkers", None],
        ["gainFromDb", "-6.0 dB"], ["gainFromDb", "-inf dB"], ["gainFromDb", ""],
        ["gainFromDb", "\u22126,0 dB"], ["gainFromDb", "\u2212\u221e dB"],
    )  # fmt: skip
    assert answers[:3] == [STEADY, None, None]
    half = pytest.approx(0.5012, abs=1e-4)
    assert answers[3:] == [half, 0, 1, half, 0]


def test_only_the_bridge_talks_to_live() -> None:
    sources = Path(__file__).parents[2] / "max_for_live" / "src"
    code = {path.name: re.sub(r"//.*", "", path.read_text()) for path in sources.glob("*.js")}
    assert [name for name, text in code.items() if "LiveAPI" in text] == ["bridge.js"]

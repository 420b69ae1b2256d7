"""The shipped script's pure functions: placement maths, clip geometry, chords, roles, memory."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from live_stage import SIM

from stembridge.daemon import schema
from stembridge.daemon.addresses import BY_ADDRESS, ROWS
from stembridge.daemon.schema import CLIP_KEYS, GENERATE_KEYS
from stembridge.musical_time import TimeSignature, beats_to_samples
from stembridge.request import parse_request

pytestmark = pytest.mark.foreign

Ask = Callable[..., list[Any]]


@pytest.fixture(scope="module")
def ask(script: str, tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """ask(["decimal", 1.5], …) -> the answers."""
    folder = tmp_path_factory.mktemp("unit")
    (folder / "script.js").write_text(script, encoding="utf-8")

    def run(*calls: list[Any]) -> list[Any]:
        (folder / "calls.json").write_text(json.dumps(calls), encoding="utf-8")
        command = ["node", str(SIM / "unit.mjs"), folder / "script.js", folder / "calls.json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        answers: list[Any] = json.loads(done.stdout)
        return answers

    return run


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


def test_keys_are_the_daemons(ask: Ask) -> None:
    generate, clip = ask(["GENERATE_KEYS"], ["CLIP_KEYS"])
    assert set(generate) <= {key.name for key in GENERATE_KEYS}
    assert set(clip) <= {key.name for key in CLIP_KEYS}


def test_a_whole_request_uses_only_known_keys(ask: Ask) -> None:
    plan = {
        "stems": ["bass"], "bpm": 87.3, "beats": 28, "signature": "7/8", "start": 3.5,
        "rate": 48000, "seed": 5, "takes": 2, "steps": 8, "guidance": 1.5, "chords": "Am C",
        "name": "song", "clips": [{"stem": "drums", "path": "/a.wav", "file_start_s": 1 / 3}],
    }  # fmt: skip
    pairs, clip_pairs, known, clip_known = ask(
        ["generatePairs", plan],
        ["clipPairs", plan["clips"][0]],  # type: ignore[index]
        ["GENERATE_KEYS"],
        ["CLIP_KEYS"],
    )
    assert {key for key, _ in pairs} <= set(known) and {key for key, _ in clip_pairs} <= set(
        clip_known
    )
    values = {key: value for key, value in pairs if key != "clips"}
    request = parse_request(values | {"clips": [dict(clip_pairs)]})
    assert request.bpm == 87.3 and request.length_beats == 28 and request.guidance == 1.5
    assert request.context[0].file_start_s == pytest.approx(1 / 3, abs=1e-9)


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
    )  # fmt: skip
    assert answers[:3] == [STEADY, None, None]
    assert answers[3:] == [pytest.approx(0.5012, abs=1e-4), 0, 1]


# ---- roles, chords, memory ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("Bass", "bass"), ("808 Sub", "bass"), ("E-Bass DI", "bass"), ("Drums", "drums"),
        ("Kick", "drums"), ("Bass Drum", "drums"), ("1-Drum Rack", "drums"), ("Gtr L", "guitar"),
        ("Acoustic Guitar", "guitar"), ("Rhodes", "piano"), ("Keys 2", "piano"),
        ("Lead Vox", None), ("1-Audio", None), ("Reference", None), ("Bassline", "bass"),
    ],
)  # fmt: skip
def test_track_names_are_guessed(ask: Ask, name: str, stem: str | None) -> None:
    assert ask(["guessStem", name]) == [stem]


def notes(*chords: tuple[float, list[int]], beats: float = 4) -> list[dict[str, float]]:
    return [
        {"pitch": pitch, "start": at, "duration": beats} for at, keys in chords for pitch in keys
    ]


def test_chords_of_a_midi_clip(ask: Ask) -> None:
    played = notes(
        (0, [45, 60, 64]), (4, [41, 60, 65, 69]), (8, [48, 52, 55, 58]), (12, [55, 59, 62])
    )
    doubled = [
        {"pitch": 60, "start": 0, "duration": 8}, {"pitch": 64, "start": 0, "duration": 8},
        {"pitch": 67, "start": 0, "duration": 8},
    ]  # fmt: skip
    text, held, single = ask(
        ["chordText", played, 16, 4], ["chordText", doubled, 8, 4], ["chordText", doubled[:1], 8, 4]
    )
    assert text == "Am@0 F@4 C7@8 G@12" and held == "C@0" and single == ""
    request = parse_request(
        {"generate": "bass", "bpm": "120", "length_beats": "16", "chords": text}
    )
    assert [span.root for span in request.chords] == [9, 5, 0, 7]


def test_every_chord_name_is_one_the_daemon_reads(ask: Ask) -> None:
    shapes = [
        [0, 4, 7], [0, 3, 7], [0, 4, 7, 10], [0, 4, 7, 11], [0, 3, 7, 10], [0, 3, 6],
        [0, 3, 6, 10], [0, 3, 6, 9], [0, 4, 8], [0, 5, 7], [0, 2, 7], [0, 4, 7, 9],
    ]  # fmt: skip
    names = ask(
        *(
            ["chordName", [(root + s) % 12 for s in shape], root]
            for shape in shapes
            for root in (0, 6)
        )
    )
    for name in names:
        request = parse_request(
            {"generate": "bass", "bpm": "120", "length_beats": "4", "chords": f"{name}@0"}
        )
        assert request.chords[0].root in range(12), name


def test_the_session_survives_max(ask: Ask) -> None:
    state = {
        "client": "c", "sources": {"bass": {"name": 'Weird, "name"; $1 \\ ü', "nth": 0}},
        "tracks": {}, "takes": [{"path": "/a b.wav"}], "jobs": [], "waiting": [],
    }  # fmt: skip
    (atoms,) = ask(["stateToAtoms", state])
    assert all(not set(atom) & set(' ,;"\\$') and len(atom) <= 201 for atom in atoms)
    back, new, broken = ask(
        ["stateFromAtoms", atoms], ["stateFromAtoms", ["empty"]], ["stateFromAtoms", atoms[:2]]
    )
    assert back == state and new is None and (len(atoms) == 2 or broken is None)
    huge = state | {"takes": [{"path": f"/takes/{'x' * 80}{n}.wav"} for n in range(900)]}
    (many,) = ask(["stateToAtoms", huge])
    assert len(many) <= 240


def test_what_lies_in_the_way(ask: Ask) -> None:
    takes = [{"path": "/out/ours.wav"}]
    clips = [
        {"path": "/out/ours.wav", "start": 0, "end": 8},
        {"path": "/mine.wav", "start": 7, "end": 9},
        {"path": "/far.wav", "start": 8, "end": 12},
    ]  # fmt: skip
    (way,) = ask(["inTheWay", clips, takes, 0, 8])
    assert [one["path"] for one in way["ours"]] == ["/out/ours.wav"]
    assert [one["path"] for one in way["theirs"]] == ["/mine.wav"]


def test_paths_of_old_macs(ask: Ask) -> None:
    answers = ask(
        ["plainPath", "Macintosh HD:/Users/a/b.wav"], ["plainPath", "Disk:/x.wav"],
        ["plainPath", "C:/Music/x.wav"], ["plainPath", "/x.wav"], ["pathForms", "/Users/a.wav"],
        ["pathForms", "/home/a.wav"],
    )  # fmt: skip
    assert answers == [
        "/Users/a/b.wav", "/Volumes/Disk/x.wav", "C:/Music/x.wav", "/x.wav",
        ["/Users/a.wav", "/Volumes/Macintosh HD/Users/a.wav"], ["/home/a.wav"],
    ]  # fmt: skip

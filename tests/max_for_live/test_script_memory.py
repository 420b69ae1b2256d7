"""The shipped script's pure functions: roles, chords, and what it remembers."""

from __future__ import annotations

import pytest
from live_stage import Ask
from role_names import NAMES

from stembridge.request import parse_request
from stembridge.roles import ROLES, Role

pytestmark = pytest.mark.foreign


def test_names_are_understood_as_everywhere(ask: Ask) -> None:
    """The script's rules and Python's agree on every name."""
    answers = ask(*(["guessStem", name] for name, _ in NAMES))
    assert dict(zip((name for name, _ in NAMES), answers, strict=True)) == dict(NAMES)


def test_the_track_that_stands_for_the_whole_comes_first(ask: Ask) -> None:
    tracks = [{"name": name} for name in ("Snare", "Gtr", "Drum Bus", "Kick", "Drums", "808 Kick")]
    (found,) = ask(["candidates", "drums", tracks])
    assert [one["name"] for one in found] == ["Drums", "Drum Bus", "Kick", "808 Kick", "Snare"]


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
        "tracks": {}, "midiTracks": {}, "before": {}, "takes": [{"path": "/a b.wav"}], "jobs": [],
            "waiting": [],
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


def test_a_stem_without_a_row_is_placed_with_defaults(ask: Ask) -> None:
    grey, odd, bass = ask(["roleOf", "kazoo"], ["roleOf", "constructor"], ["roleOf", "bass"])
    assert grey == odd and grey["colour"] == Role().colour and grey["pitched"]
    assert bass["colour"] == ROLES["bass"].colour

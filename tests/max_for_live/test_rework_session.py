"""Takes worked on from the device, and MIDI clips placed: shipped script, real daemon, real UDP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mido
import pytest
from daemons import DaemonProcess
from live_stage import BPM, Play, in_words, live_set, track

from stembridge.parts.midi import read_midi

pytestmark = pytest.mark.foreign

START_BEATS, BARS = 16.0, 8
OWN = "Bass (stembridge)"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, stage_folder: Path) -> Iterator[DaemonProcess]:
    """Its model's bass and piano have notes."""
    folder = tmp_path_factory.mktemp("notes")
    flags = ("--context-root", str(stage_folder))
    process = DaemonProcess(folder, 0, *flags, model="fake:notes=bass+piano")
    process.wait_ready()
    yield process
    process.stop()


def click(name: str) -> list[Any]:
    return ["click", name, 0]


def receipt(path: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(Path(path).with_name("receipt.json").read_text())
    return told


def one_clip(step: dict[str, Any], name: str = OWN) -> tuple[str, float, float, str]:
    ((title, start, end, path),) = step["clips"][name]
    return title, start, end, path


def test_the_buttons_rework_the_take_that_lies_there(play: Play, daemon: DaemonProcess) -> None:
    steps = [
        click("make_bass"), click("another"), ["turn", "likeness", 80], click("like_this"),
        ["brace", 20, 8], click("redo_brace"), ["turn", "more_bars", 2], click("go_on"),
        click("simpler"), click("swap_takes"), click("swap_takes"),
    ]  # fmt: skip
    result = play("rework", daemon.port, steps=steps)
    assert result["complaints"] == [] and result["console"] == []
    seen = result["seen"]
    assert all(step["status"].startswith(("Done", "Bass take")) for step in seen), seen
    made, *rest = [one_clip(step) for step in seen]
    assert [title.split(" take ")[1] for title, *_ in rest] == list("2345656")
    reworks = [receipt(path)["rework"] for *_, path in rest[:5]]
    assert reworks[0]["redo"] and reworks[1]["like"] == 0.2
    assert reworks[2]["bars"] == [2, 3] and reworks[3]["more_bars"] == 2
    assert reworks[4]["density"] == 0.6
    parents = [receipt(path)["parent"]["receipt"] for *_, path in rest[:5]]
    paths = [made[3], *(path for *_, path in rest[:4])]
    assert parents == [str(Path(path).with_name("receipt.json")) for path in paths]
    ends = [end for _, _, end, _ in (made, *rest)]
    assert ends == pytest.approx([48, 48, 48, 48, 56, 56, 56, 56], abs=1e-3)
    assert all(start == START_BEATS for _, start, _, _ in (made, *rest))


def test_one_stem_anew_hears_the_others_as_they_sound_now(
    play: Play, daemon: DaemonProcess
) -> None:
    live = {"tempo": 120, "tracks": [{"name": "nothing"}], "file": "/a.als"}
    steps = [
        ["turn", "length", 0], ["turn", "role_bass", 0], ["turn", "role_piano", 0],
        click("generate"), ["turn", "rework_stem", 1], click("another"),
        ["turn", "rework_stem", 4], click("another"),
    ]  # fmt: skip
    seen = play("rework", daemon.port, live=live, steps=steps)["seen"]
    first, second, third = ({n: step["clips"][n] for n in step["clips"] if n != "nothing"}
                            for step in seen)  # fmt: skip
    piano = "Piano (stembridge)"
    assert second[OWN] != first[OWN] and second[piano] == first[piano]
    assert third[OWN] == second[OWN] and third[piano] != second[piano]
    newest = receipt(third[piano][0][3])
    assert newest["parent"]["receipt"] == str(Path(second[OWN][0][3]).with_name("receipt.json"))


def test_what_cannot_be_reworked_is_said(play: Play, daemon: DaemonProcess) -> None:
    steps = [click("another"), click("swap_takes"), click("make_bass"), ["brace", 100, 8],
             click("redo_brace"), ["turn", "rework_stem", 2], click("another"),
             ["turn", "rework_stem", 1], ["tempo", 120, 0], click("another")]  # fmt: skip
    seen = play("rework", daemon.port, steps=steps)["seen"]
    assert [step["status"] for step in seen][:2] == ["No take to work on", "No take before"]
    assert [step["status"] for step in seen][3:] == [
        "No bars",
        "No take to work on",
        "Another tempo",
    ]


def test_played_takes_are_re_timed_from_their_notes(play: Play, daemon: DaemonProcess) -> None:
    steps = [click("make_bass"), ["tempo", 120, 0], click("retime")]
    seen = play("rework", daemon.port, steps=steps)["seen"]
    _, start, end, path = one_clip(seen[1])
    assert receipt(path)["rework"]["bpm"] == "120"
    assert (start, end) == (START_BEATS, pytest.approx(START_BEATS + 4 * BARS, abs=1e-3))


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("clips_as", [1, 2])
def test_notes_are_placed_on_a_midi_track_of_the_stems_name(
    play: Play, daemon: DaemonProcess, place: int, clips_as: int
) -> None:
    turn = [["clips_as", clips_as], ["place_in", place], ["length", 1]]
    result = play("makeAndWait", daemon.port, turn=turn, clicks=["make_bass", "make_bass"])
    assert result["complaints"] == [] and result["console"] == [], result["history"]
    names = [one["name"] for one in result["tracks"]]
    assert names == ["Drums", "Gtr", "Keys", *([OWN] if clips_as == 2 else []), "Bass"]
    midi = track(result, "Bass")
    assert midi["midi"]
    clips = [clip for clip in (midi["slots"] if place else midi["clips"]) if clip]
    assert len(clips) == (2 if place else 1)  # in the arrangement the second replaced the first
    clip = clips[-1]
    assert clip["name"].startswith("Bass seed ") and clip["color"] > 0
    assert place or (clip["start"], clip["end"]) == (START_BEATS, START_BEATS + 16)
    part = written(daemon, clip["name"])
    held = [
        (n["start_time"], round(n["duration"], 9), n["pitch"], n["velocity"]) for n in clip["notes"]
    ]
    told = [(n.start_beats, round(n.length_beats, 9), n.pitch, n.velocity) for n in part.notes]
    assert held and sorted(held) == sorted(told)
    if clips_as == 2:
        audio = track(result, OWN)
        assert len([one for one in (audio["slots"] if place else audio["clips"]) if one]) == len(
            clips
        )


def written(daemon: DaemonProcess, clip_name: str) -> Any:
    """The part in the MIDI file of the take that the clip is named after."""
    seed = clip_name.split()[2]
    (path,) = daemon.folder.rglob(f"*_bass_seed{seed}_take1.mid")
    assert mido.MidiFile(path).type == 1
    return read_midi(path.read_bytes(), "bass", 16.0)


def test_notes_that_are_not_known_are_placed_as_sound(play: Play, daemon: DaemonProcess) -> None:
    turn = [["clips_as", 1], ["length", 0]]
    result = play("makeAndWait", daemon.port, turn=turn, clicks=["make_guitar"])
    assert len(track(result, "Guitar (stembridge)")["clips"]) == 1
    assert any("notes of the guitar are not known" in line for line in in_words(result))


def test_a_midi_clip_of_the_user_is_never_overwritten(
    play: Play, daemon: DaemonProcess, stage_folder: Path
) -> None:
    live = live_set(stage_folder)
    mine = {"midi": True, "name": "my precious", "start": 20, "lengthBeats": 4}
    live["tracks"].append({"name": "Bass", "midi": True, "clips": [mine]})
    live["tracks"].append({"name": "Bass", "midi": True, "frozen": True})
    result = play("makeAndWait", daemon.port, live=live, turn=[["clips_as", 1]])
    mine_now, _, new = (one for one in result["tracks"] if one["name"] == "Bass")
    assert [clip["name"] for clip in mine_now["clips"]] == ["my precious"]
    assert len(new["clips"]) == 1


def test_a_take_of_notes_is_listened_to(play: Play, daemon: DaemonProcess) -> None:
    live = {"tempo": BPM, "tracks": [{"name": "nothing"}], "file": "/a.als"}
    turn = [["clips_as", 1], ["length", 0]]
    result = play(
        "makeAndWait", daemon.port, live=live, turn=turn, clicks=["make_bass", "make_piano"]
    )
    assert result["status"].startswith("Done"), result["history"]
    seed = track(result, "Piano")["clips"][0]["name"].split()[2]
    (path,) = daemon.folder.rglob(f"*_piano_seed{seed}_take1.mid")
    (context,) = receipt(str(path))["request"]["context"]
    assert context["stem"] == "bass" and context["path"].endswith(".wav")


def test_settings_of_the_third_column_arrive(play: Play, daemon: DaemonProcess) -> None:
    turn = [["sound", 1], ["best", 2], ["loop_take", 1], ["length", 0]]
    result = play("makeAndWait", daemon.port, turn=turn)
    (clip,) = track(result, OWN)["clips"]
    request = receipt(clip["path"])["request"]
    assert (request["sound"], request["best"], request["loop"]) == ("model", 2, True)
    assert request["midi"] is False

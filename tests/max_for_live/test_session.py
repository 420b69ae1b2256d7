"""A session: the shipped script in an imitation of Max and Live, a real daemon, real UDP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from daemons import DaemonProcess
from live_stage import BPM, Play, in_words, live_set, track, write_tone

from stembridge.client import Client
from stembridge.musical_time import beats_to_samples
from stembridge.paths import pretrained_dir
from stembridge.wire import schema

pytestmark = pytest.mark.foreign

START_BEATS, LENGTH_BEATS = 16.0, 32.0


def own_clips(result: dict[str, Any], stem: str = "Bass") -> list[dict[str, Any]]:
    clips: list[dict[str, Any]] = track(result, f"{stem} (stembridge)")["clips"]
    return clips


def receipt(clip: dict[str, Any]) -> dict[str, Any]:
    """The request as the daemon understood it."""
    values: dict[str, Any] = json.loads(Path(clip["path"]).with_name("receipt.json").read_text())
    request: dict[str, Any] = values["request"]
    return request


def test_click_bass_places_a_finished_clip(play: Play, slow_daemon: DaemonProcess) -> None:
    result = play("clickBass", slow_daemon.port)
    assert result["status"].startswith("Done"), result["history"]
    assert result["complaints"] == [] and result["console"] == []
    assert [one["name"] for one in result["tracks"]] == [
        "Drums", "Gtr", "Keys", "Bass (stembridge)",
    ]  # fmt: skip
    (clip,) = own_clips(result)
    frames = beats_to_samples(LENGTH_BEATS, BPM, 44_100)
    assert soundfile.info(clip["path"]).frames == clip["frames"] == frames
    assert clip["start"] == START_BEATS
    assert clip["end"] == pytest.approx(START_BEATS + LENGTH_BEATS, abs=1e-4)
    assert clip["warping"] == 0 and clip["color"] > 0
    assert clip["name"].startswith("Bass seed ") and clip["name"].endswith(" take 1")
    said = in_words(result)
    assert said.index("Connecting") < said.index("Ready") < said.index("Sending")
    assert any("listening to drums, guitar and piano" in line for line in said)
    assert any(0 < value < 1 for value in result["progress"]) and 1 in result["progress"]
    request = receipt(clip)
    assert float(request["bpm"]) == BPM and request["start_beats"] == START_BEATS
    assert [(one["stem"], one["file_start_s"]) for one in request["context"]] == [
        (stem, pytest.approx(START_BEATS * 60 / BPM)) for stem in ("drums", "guitar", "piano")
    ]


@pytest.mark.weights
@pytest.mark.slow
@pytest.mark.skipif(
    not (pretrained_dir() / "manifest.json").is_file(), reason="the default model is not embedded"
)
def test_click_bass_with_the_default_model(
    play: Play, tmp_path_factory: pytest.TempPathFactory, stage_folder: Path
) -> None:
    flags = ("--context-root", str(stage_folder))
    daemon = DaemonProcess(
        tmp_path_factory.mktemp("default"), 0, *flags, model=str(pretrained_dir())
    )
    daemon.wait_ready()
    try:
        result = play("makeAndWait", daemon.port, turn=[["length", 0]], patience=110_000)
        (clip,) = own_clips(result)
        sound, rate = soundfile.read(clip["path"])
    finally:
        daemon.stop()
    assert (len(sound), rate) == (beats_to_samples(8, BPM, 44_100), 44_100)
    assert 0.01 < np.abs(sound).max() <= 10 ** (-1 / 20) + 1e-4
    assert any(0 < value < 1 for value in result["progress"])


def test_packets_are_small_loading_is_silent_and_undo_not_flooded(
    play: Play, daemon: DaemonProcess
) -> None:
    result = play("clickBass", daemon.port)
    assert max(packet["bytes"] for packet in result["packets"]) <= 1024
    assert max(packet["atoms"] for packet in result["packets"]) <= schema.MAX_ARGS
    assert result["quiet"] == {"console": [], "undoable": [], "changes": 0}
    assert result["undoable"] == ["seed"]  # one new seed, drawn because the musician clicked


def test_idle_costs_one_tick_a_second(play: Play, daemon: DaemonProcess) -> None:
    result = play("idle", daemon.port)
    assert min(result["idleTasks"]) >= 1000
    assert result["idlePackets"] <= 2


def test_cancel_leaves_no_clip_and_no_busy_worker(play: Play, slow_daemon: DaemonProcess) -> None:
    result = play("cancel", slow_daemon.port)
    assert result["before"].startswith("Working")
    assert not any("seed" in clip["name"] for one in result["tracks"] for clip in one["clips"])
    with Client(port=slow_daemon.port, timeout_s=60) as client:
        pong = client.ping()
    assert (pong["running"], pong["queued"], pong["state"]) == (0, 0, "ready")


def test_a_cancelled_reroll_brings_the_earlier_take_back(
    play: Play, daemon: DaemonProcess, slow_daemon: DaemonProcess
) -> None:
    result = play("cancelReroll", slow_daemon.port)
    assert [clip["path"] for clip in own_clips(result)] == result["first"]
    assert all(lane == [] for lane in track(result, "Bass (stembridge)")["lanes"])


def test_reroll_replaces_only_its_own_take(play: Play, daemon: DaemonProcess) -> None:
    result = play("makeAndWait", daemon.port, clicks=["make_bass", "make_bass"])
    (clip,) = own_clips(result)
    assert len(result["tracks"]) == 4 and clip["start"] == START_BEATS
    assert len(track(result, "Drums")["clips"]) == 1


def test_new_bars_inside_a_longer_take_leave_the_rest_of_it(
    play: Play, daemon: DaemonProcess
) -> None:
    result = play("rerollInside", daemon.port)
    spans = sorted((clip["start"], clip["end"]) for clip in own_clips(result))
    assert spans == [(16, pytest.approx(24)), (pytest.approx(24), pytest.approx(48))]


def test_same_seed_gives_the_same_take(play: Play, daemon: DaemonProcess) -> None:
    turn = [["seed", 4711], ["seed_mode", 1]]
    hashes = set()
    for _ in range(2):
        (clip,) = own_clips(play("makeAndWait", daemon.port, turn=turn))
        assert "seed 4711" in clip["name"]
        hashes.add(Path(clip["path"]).read_bytes())
    assert len(hashes) == 1


def test_a_clip_of_the_user_is_never_overwritten(
    play: Play, daemon: DaemonProcess, stage_folder: Path
) -> None:
    live = live_set(stage_folder)
    mine = {"path": str(stage_folder / "keys.wav"), "name": "my precious", "start": 20}
    live["tracks"].append({"name": "Low", "clips": [mine]})
    result = play("makeAndWait", daemon.port, live=live, pick=[["bass", "Low"]])
    (kept,) = track(result, "Low")["clips"]
    assert kept["name"] == "my precious" and kept["start"] == 20
    assert len(own_clips(result)) == 1
    assert any("my precious" in line and "in the way" in line for line in in_words(result))


def test_the_chosen_track_is_used(play: Play, daemon: DaemonProcess, stage_folder: Path) -> None:
    live = live_set(stage_folder)
    live["tracks"].insert(0, {"name": "Sub"})
    result = play("makeAndWait", daemon.port, live=live, pick=[["bass", "Sub"]])
    assert [clip["start"] for clip in track(result, "Sub")["clips"]] == [START_BEATS]
    assert len(result["tracks"]) == 4


def test_further_takes_go_to_take_lanes(play: Play, daemon: DaemonProcess) -> None:
    result = play("makeAndWait", daemon.port, turn=[["takes", 3]])
    assert len(own_clips(result)) == 1
    lanes = track(result, "Bass (stembridge)")["lanes"]
    assert [[clip["name"][-6:] for clip in lane] for lane in lanes] == [["take 2"], ["take 3"]]


@pytest.mark.parametrize("offset_beats", [0, 0.5])
def test_session_clips_loop_at_the_known_tempo(
    play: Play, daemon: DaemonProcess, stage_folder: Path, offset_beats: float
) -> None:
    """Live guessed another tempo and another first beat: both are put right and read back."""
    live = live_set(
        stage_folder, autoWarp=True, guessedTempo=131.7, guessedOffset=offset_beats, scenes=1
    )
    turn = [["place_in", 1], ["takes", 2], ["length", 0]]
    result = play("makeAndWait", daemon.port, live=live, turn=turn)
    slots = [slot for slot in track(result, "Bass (stembridge)")["slots"] if slot]
    assert len(slots) == 2, result["history"]
    for clip in slots:
        assert (clip["warping"], clip["looping"], clip["loopEnd"]) == (1, 1, 8)
        for marker in clip["markers"][:-1]:
            assert marker["sample_time"] == pytest.approx(marker["beat_time"] * 60 / BPM, abs=1e-3)
    assert not any("warp" in line.lower() for line in in_words(result))
    assert result["complaints"] == []


def test_warp_in_the_arrangement_is_off_or_straight(
    play: Play, daemon: DaemonProcess, stage_folder: Path
) -> None:
    live = live_set(stage_folder, autoWarp=True, guessedTempo=77.0)
    (clip,) = own_clips(play("makeAndWait", daemon.port, live=live))
    assert clip["warping"] == 0
    turn = [["follow_tempo", 1]]
    (clip,) = own_clips(play("makeAndWait", daemon.port, live=live, turn=turn))
    assert clip["warping"] == 1 and clip["end"] - clip["start"] == pytest.approx(32, abs=2e-3)


def test_generate_makes_the_missing_stems_together(play: Play, daemon: DaemonProcess) -> None:
    live = {"tempo": 120, "tracks": [{"name": "nothing to hear"}], "file": "/a.als"}
    result = play("makeAndWait", daemon.port, live=live, clicks=["generate"], turn=[["length", 0]])
    names = [one["name"] for one in result["tracks"][1:]]
    assert names == [f"{stem} (stembridge)" for stem in ("Bass", "Drums", "Guitar", "Piano")]
    paths = [one["clips"][0]["path"] for one in result["tracks"][1:]]
    assert len({Path(path).parent for path in paths}) == 1


def test_quality_closeness_and_typed_chords_arrive(play: Play, daemon: DaemonProcess) -> None:
    turn = [["quality", 0], ["closeness", 150], ["chords_mode", 2], ["length", 1]]
    text = [["chords_text", "Am F7 C G"], ["prompt", "sparse, wobbly"]]
    (clip,) = own_clips(play("makeAndWait", daemon.port, turn=turn, type=text))
    request = receipt(clip)
    assert (request["steps"], request["guidance"]) == (8, 1.5)
    assert [span["symbol"] for span in request["chords"]] == ["Am", "F7", "C", "G"]
    assert request["prompt"] == "sparse, wobbly"


def test_retime_makes_the_take_again_at_the_new_tempo(play: Play, daemon: DaemonProcess) -> None:
    result = play("retime", daemon.port)
    (clip,) = own_clips(result)
    assert clip["path"] != result["first"]
    first, second = receipt({"path": result["first"]}), receipt(clip)
    assert (float(first["bpm"]), float(second["bpm"])) == (BPM, 120.5)
    assert first["seed"] == second["seed"] and clip["start"] == START_BEATS
    assert clip["frames"] == beats_to_samples(LENGTH_BEATS, 120.5, 44_100)
    assert result["status"] == "Nothing to re-time"


def test_a_midi_track_is_printed_first(
    play: Play, daemon: DaemonProcess, stage_folder: Path
) -> None:
    printed = write_tone(stage_folder / "printed.wav", 32 * 60 / BPM, 220.0)
    live = live_set(stage_folder, printed={"Keys": printed})
    live["tracks"][2] = {"name": "Keys", "midi": True, "devices": 1}
    result = play("print", daemon.port, live=live)
    assert result["refused"] == ('"Keys" is a MIDI track: press Print, or set piano to Off.')
    assert result["setUp"][0] == "Print is set up" and "8 bars of Keys" in result["setUp"][1]
    recorder = track(result, "Print Keys")
    assert recorder["routing"] == {"type": "Keys", "channel": "Post FX"}
    assert recorder["arm"] == 0 and recorder["mute"] == 1
    (clip,) = own_clips(result)
    assert [one["path"] for one in receipt(clip)["context"]][-1] == printed


def test_effects_that_are_not_heard_are_said(
    play: Play, daemon: DaemonProcess, stage_folder: Path
) -> None:
    live = live_set(stage_folder)
    live["tracks"][1]["devices"] = 2
    result = play("makeAndWait", daemon.port, live=live)
    context = receipt(own_clips(result)[0])["context"]
    assert "guitar" in [one["stem"] for one in context]
    assert any('effects on "Gtr" are not heard' in line for line in in_words(result))


def test_snapshot_writes_what_live_answers(
    play: Play, daemon: DaemonProcess, tmp_path: Path
) -> None:
    result = play("snapshot", daemon.port)
    assert result["status"] == "Snapshot written" and result["complaints"] == []
    report = json.loads((tmp_path / "stembridge-snapshot.json").read_text())
    assert report["song"]["values"]["tempo"] == [pytest.approx(BPM)]
    assert "warp_markers" in report["tracks"][0]["clips"][0]["values"]

"""What goes wrong in a studio, played out, and what the device then says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import soundfile
from daemons import DaemonProcess
from live_stage import Play, free_port, in_words, live_set, start_daemon, track

pytestmark = pytest.mark.foreign


def test_no_daemon_is_said_with_what_to_do_and_found_when_it_comes(
    play: Play, tmp_path: Path
) -> None:
    port, started = free_port(), []
    result = play(
        "noDaemon", port, {"absent": lambda: started.append(start_daemon(tmp_path, port=port))}
    )
    started[0].stop()
    said = in_words(result)
    assert "No daemon" in said and "Start it in a terminal: stembridge serve" in said
    assert result["status"] == "Ready" and result["complaints"] == []


def test_a_daemon_killed_in_mid_job_and_started_again_delivers(
    play: Play, tmp_path: Path, stage_folder: Path
) -> None:
    """kill -9; the journal keeps the job, the device asks for it, the clip lands."""
    flags = ("--context-root", str(stage_folder))
    first = DaemonProcess(tmp_path, 0, *flags, model="fake:delay=0.1")
    first.wait_ready()
    port, again = first.port, []

    def restart() -> None:
        again.append(DaemonProcess(tmp_path, port, *flags))

    result = play("restart", port, {"working": first.kill, "noticed": restart})
    again[0].stop()
    assert result["away"] == "Your job is kept; waiting for the daemon."
    assert result["status"].startswith("Done")
    assert len(track(result, "Bass (stembridge)")["clips"]) == 1


def test_a_daemon_of_another_version_is_said(play: Play, daemon: DaemonProcess) -> None:
    result = play("wrongVersion", daemon.port)
    assert result["status"] == "Wrong version"
    assert "9" in result["detail"] or "update" in result["detail"]
    assert len(result["tracks"]) == 3


def test_a_missing_context_file_is_named(
    play: Play, daemon: DaemonProcess, stage_folder: Path
) -> None:
    live = live_set(stage_folder)
    live["tracks"][0]["clips"][0] |= {
        "path": str(stage_folder / "moved away.wav"), "frames": 44_100 * 60, "rate": 44_100,
    }  # fmt: skip
    result = play("makeAndWait", daemon.port, live=live)
    assert result["status"] == "Failed: no such file"
    assert "moved away.wav" in result["detail"] or "Manage Files" in result["detail"]
    assert len(result["tracks"]) == 3 and result["complaints"] == []


def test_a_context_file_out_of_the_daemons_reach(
    play: Play, daemon: DaemonProcess, stage_folder: Path
) -> None:
    live = live_set(stage_folder)
    live["tracks"][0]["clips"][0] |= {"path": "/etc/hostname", "frames": 10**7, "rate": 44_100}
    result = play("makeAndWait", daemon.port, live=live)
    assert result["status"] == "Failed: path denied"
    assert "--context-root" in result["detail"] or "/etc/hostname" in result["detail"]


def test_an_unsaved_set_works_and_is_told_to_be_saved(
    play: Play, daemon: DaemonProcess, stage_folder: Path
) -> None:
    live = live_set(stage_folder, file="", numerator=4)
    result = play("makeAndWait", daemon.port, live=live)
    assert len(track(result, "Bass (stembridge)")["clips"]) == 1
    assert any("Save the set" in line for line in in_words(result))


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ({"frozen": True}, '"Target" is frozen: unfreeze it, then press Place.'),
        ({"recording": True}, 'Live refused the clip on "Target": is the track recording?'),
        ({"recording": True, "arm": True}, '"Target" is recording: stop, then press Place.'),
    ],
)
def test_a_target_that_refuses_keeps_the_take(
    play: Play,
    daemon: DaemonProcess,
    stage_folder: Path,
    trouble: dict[str, Any],
    words: str,
) -> None:
    live = live_set(stage_folder, recording="arm" in trouble)
    live["tracks"].append({"name": "Target", **trouble})
    result = play("refusedThenPlaced", daemon.port, live=live)
    assert result["refused"] == ["Done, but not placed", words]
    assert result["clips"] == 0
    (clip,) = track(result, "Target")["clips"]
    assert clip["start"] == 16 and soundfile.info(clip["path"]).frames == clip["frames"]


@pytest.mark.parametrize("seed", [2, 3])
def test_one_packet_in_five_lost(play: Play, daemon: DaemonProcess, seed: int) -> None:
    result = play("clickBass", daemon.port, options={"loss": 0.2, "lossSeed": seed})
    assert result["status"].startswith("Done"), result["history"]
    assert len(track(result, "Bass (stembridge)")["clips"]) == 1
    assert len(result["tracks"]) == 4


def test_a_job_finished_while_the_device_was_away_is_offered(
    play: Play, slow_daemon: DaemonProcess
) -> None:
    result = play("reload", slow_daemon.port, awayMs=2500)
    assert result["offered"] == "Bass waits: press Place."
    assert result["before"] == 3  # nothing is placed unasked
    assert len(track(result, "Bass (stembridge)")["clips"]) == 1
    assert all(len(str(atom)) <= 201 and " " not in atom for atom in result["stored"])


def test_a_copied_device_does_not_answer_for_its_original(
    play: Play, daemon: DaemonProcess
) -> None:
    result = play("copiedDevice", daemon.port)
    assert len(set(result["clients"])) == 2 and None not in result["clients"]


def test_a_chosen_track_that_is_gone(play: Play, daemon: DaemonProcess) -> None:
    result = play("sourceGone", daemon.port)
    assert result["status"] == "Cannot listen"
    assert result["detail"] == 'The track "Gtr" is gone: choose another for guitar.'


def test_a_file_outside_the_daemons_folder_is_not_placed(play: Play, daemon: DaemonProcess) -> None:
    """Any program on this computer can send a packet to the device's port."""
    result = play("forgedFile", daemon.port)
    assert "outside its folder" in result["detail"]
    assert not any(one["name"].startswith("Bass") for one in result["tracks"])

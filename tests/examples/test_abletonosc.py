"""The way without Max, against an imitation of AbletonOSC and a real daemon."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from daemons import DaemonProcess
from live_stage import free_port, write_tone
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "abletonosc_stem.py"


class FakeAbletonOsc:
    """Answers on the reply port, with the ids echoed, and keeps silent about unknown addresses."""

    def __init__(self, path: str, can_create: bool) -> None:
        self.tracks: list[dict[str, Any]] = [
            {"name": "Drums", "audio": 1, "path": path, "clips": []},
            {"name": "Keys", "audio": 0, "path": "", "clips": []},
        ]
        self.can_create = can_create
        self.reply_port = free_port()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self.thread.join()
        self.socket.close()

    def _serve(self) -> None:
        while datagram := self.socket.recv(65_536):
            message = OscMessage(datagram)
            answer = self._answer(message.address, list(message.params))
            if answer is not None:
                builder = OscMessageBuilder(message.address)
                for value in answer:
                    builder.add_arg(value)
                self.socket.sendto(builder.build().dgram, ("127.0.0.1", self.reply_port))

    def _answer(self, address: str, ids: list[Any]) -> list[Any] | None:
        what = address.removeprefix("/live/")
        song = {
            "test": ["ok"], "song/get/tempo": [87.3], "song/get/signature_numerator": [3],
            "song/get/signature_denominator": [4], "song/get/loop_start": [6.0],
            "song/get/loop_length": [12.0], "song/get/num_tracks": [len(self.tracks)],
            "song/get/track_names": [track["name"] for track in self.tracks],
        }  # fmt: skip
        if what in song:
            return song[what]
        if what == "song/create_audio_track":
            self.tracks.append({"name": "3-Audio", "audio": 1, "path": "", "clips": []})
        elif what == "song/delete_track":
            del self.tracks[ids[0]]
        elif what == "track/create_audio_clip" and self.can_create:
            self.tracks[ids[0]]["clips"].append((ids[1], ids[2]))
        elif what == "track/set/name":
            self.tracks[ids[0]]["name"] = ids[1]
        else:
            return self._of_a_track(what, ids)
        return None

    def _of_a_track(self, what: str, ids: list[Any]) -> list[Any] | None:
        track = self.tracks[ids[0]]
        values = {
            "track/get/has_audio_input": [track["audio"]],
            "track/get/playing_slot_index": [-2],
            "track/get/arrangement_clips/start_time": [start for _, start in track["clips"]],
            "clip/get/file_path": [track["path"]],
            "clip/get/warping": [1],
            "clip/get/looping": [1],
            "clip/get/start_marker": [1.0],
            "clip/get/loop_start": [0.0],
            "clip/get/loop_end": [3.0],
        }
        return [*ids, *values[what]] if what in values else None


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    process = DaemonProcess(tmp_path_factory.mktemp("abletonosc"))
    process.wait_ready()
    yield process
    process.stop()


def run(port: int, live: FakeAbletonOsc) -> subprocess.CompletedProcess[str]:
    options = ("--live-port", str(live.port), "--live-reply-port", str(live.reply_port))
    command = [sys.executable, str(EXAMPLE), "--port", str(port), "--loop", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=240)


@pytest.mark.parametrize("can_create", [True, False])
def test_placed_where_possible_else_shown(daemon: DaemonProcess, can_create: bool) -> None:
    path = write_tone(daemon.folder / "drums.wav", 12.0, 180.0)
    live = FakeAbletonOsc(path, can_create)
    try:
        done = run(daemon.port, live)
    finally:
        live.close()
    assert done.returncode == 0, done.stderr
    assert "Keys is a MIDI track" in done.stdout
    *_, line, said = done.stdout.splitlines()
    made = Path(line.rpartition(" ")[2])
    request = json.loads(made.with_name("receipt.json").read_text())["request"]
    assert (request["bpm"], request["time_signature"]) == ("87.3", "3/4")
    assert f"seed {request['seed']}" in said and request["seed"] != 0 and request["loop"]
    (clip,) = request["context"]
    assert clip["file_start_s"] == pytest.approx(60 / 87.3, abs=1e-5) and clip["loop"]
    if can_create:
        assert line.startswith("bass: placed")
        assert live.tracks[-1]["name"] == "Bass (stembridge)"
        assert live.tracks[-1]["clips"] == [(str(made), 6.0)]
    else:
        assert line.startswith("bass: drag it in from") and len(live.tracks) == 2


def test_live_that_does_not_answer() -> None:
    options = ("--live-port", str(free_port()), "--live-reply-port", str(free_port()))
    command = [sys.executable, str(EXAMPLE), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 1 and "AbletonOSC" in done.stdout

"""The built Max for Live device and a stage on which Node plays scenarios with it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from daemons import DaemonProcess

ROOT = Path(__file__).resolve().parents[2]
DEVICE_FOLDER = ROOT / "max_for_live"
SIM = ROOT / "tests" / "max_for_live" / "sim"
if str(DEVICE_FOLDER) not in sys.path:  # the device's sources are a folder of scripts, no package
    sys.path.insert(0, str(DEVICE_FOLDER))

BPM = 93.0
RATE = 44_100
BAR_S = 4 * 60 / BPM


def write_tone(path: Path, seconds: float, pitch_hz: float, rate: int = RATE) -> str:
    """A pulsing tone."""
    time_s = np.arange(round(seconds * rate)) / rate
    pulse = np.exp(-6 * (time_s % (60 / BPM)))
    soundfile.write(path, 0.3 * pulse * np.sin(2 * np.pi * pitch_hz * time_s), rate)
    return str(path)


def start_daemon(folder: Path, model: str = "fake:", port: int = 0) -> DaemonProcess:
    """A daemon that is ready."""
    daemon = DaemonProcess(folder, port, model=model)
    daemon.wait_ready()
    return daemon


def live_set(folder: Path, **changes: Any) -> dict[str, Any]:
    """Three audio tracks at 93 bpm, the playhead in bar 5."""
    tracks = [
        {"name": name, "clips": [{"path": str(folder / f"{file}.wav"), "name": name}]}
        for name, file in (("Drums", "drums"), ("Gtr", "guitar"), ("Keys", "keys"))
    ]
    return {
        "name": "My Song", "tempo": BPM, "time": 17.3, "file": "/music/My Song.als",
        "tracks": tracks, **changes,
    }  # fmt: skip


Play = Callable[..., dict[str, Any]]
Ask = Callable[..., list[Any]]


def run_node(scenario: str, config: Path, react: dict[str, Callable[[], None]]) -> dict[str, Any]:
    command = ["node", str(SIM / "run.mjs"), scenario, str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        timer = threading.Timer(240, process.kill)
        timer.start()
        last = ""
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("@ "):
                react.get(line[2:].strip(), lambda: None)()
            else:
                last = line
        timer.cancel()
    result: dict[str, Any] = json.loads(last)
    assert "failed" not in result, result["failed"]
    return result


def track(result: dict[str, Any], name: str) -> dict[str, Any]:
    """A track of the played set."""
    found: dict[str, Any] = next(one for one in result["tracks"] if one["name"] == name)
    return found


def in_words(result: dict[str, Any]) -> list[str]:
    """Everything the device said, in order; details among the statuses."""
    lines = [line for kind, line in result["history"] if kind in ("status", "detail")]
    return [line for line in lines if not line.startswith("Looking for")]


def free_port() -> int:
    """A UDP port that nobody had a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

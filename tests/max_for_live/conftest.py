"""The built device, daemons, and a stage on which Node plays scenarios with both."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from daemons import DaemonProcess
from live_stage import (
    BAR_S,
    DEVICE_FOLDER,
    SIM,
    Ask,
    Play,
    live_set,
    run_node,
    start_daemon,
    write_tone,
)
from m4l.container import Device, read_device
from m4l.picture import FONT_PX, wrap


@pytest.fixture(scope="session")
def device() -> Device:
    """The committed release device, read back."""
    return read_device((DEVICE_FOLDER / "StemBridge.amxd").read_bytes())


@pytest.fixture(scope="session")
def script(device: Device) -> str:
    """The script that is shipped inside it."""
    return device.files["stembridge.js"].decode()


@pytest.fixture(scope="session")
def stage_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with context audio: 16 bars at 93 bpm per track."""
    folder = tmp_path_factory.mktemp("live")
    for name, pitch_hz in (("drums", 180.0), ("guitar", 330.0), ("keys", 440.0)):
        write_tone(folder / f"{name}.wav", 16 * BAR_S, pitch_hz)
    return folder


@pytest.fixture(scope="session")
def daemon(stage_folder: Path) -> Iterator[DaemonProcess]:
    """A quick daemon, shared."""
    process = start_daemon(stage_folder)
    yield process
    process.stop()


@pytest.fixture(scope="session")
def slow_daemon(tmp_path_factory: pytest.TempPathFactory, stage_folder: Path) -> Iterator[Any]:
    """A daemon whose network takes a tenth of a second per call."""
    folder = tmp_path_factory.mktemp("slow")
    process = DaemonProcess(folder, 0, "--context-root", str(stage_folder), model="fake:delay=0.1")
    process.wait_ready()
    yield process
    process.stop()


@pytest.fixture
def play(tmp_path: Path, device: Device, script: str, stage_folder: Path) -> Play:
    """play("scenario", port, **config) -> what happened."""

    def run(
        scenario: str,
        port: int,
        react: dict[str, Callable[[], None]] | None = None,
        live: dict[str, Any] | None = None,
        **config: Any,
    ) -> dict[str, Any]:
        (tmp_path / "patcher.json").write_text(json.dumps(device.patcher), encoding="utf-8")
        (tmp_path / "script.js").write_text(script, encoding="utf-8")
        config |= {
            "port": port, "folder": str(tmp_path),
            "patcher": str(tmp_path / "patcher.json"), "script": str(tmp_path / "script.js"),
            "set": live if live is not None else live_set(stage_folder),
        }  # fmt: skip
        (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
        result = run_node(scenario, tmp_path / "config.json", react or {})
        for kind, line in result["history"]:  # whatever it said had room
            if kind in ("status", "detail"):
                assert len(wrap(line, 220, FONT_PX)) <= (2 if kind == "detail" else 1), line
        return result

    return run


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

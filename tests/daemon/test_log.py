"""What the daemon says never costs service: closed and stopped terminals, odd signs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stembridge.cli import checks
from stembridge.client import Client
from tests.helpers.daemons import ASK, DaemonProcess


def serve(folder: Path, *flags: str) -> list[str]:
    return [
        *(sys.executable, "-m", "stembridge", "serve", "--cpu", "--model", "fake:", "--port", "0"),
        *("--state", str(folder / "state"), "--out", str(folder / "out"), *flags),
    ]


def port_of(folder: Path) -> int:
    until_s = time.monotonic() + 120
    while time.monotonic() < until_s:
        try:
            return int(json.loads((folder / "state" / "daemon.json").read_text())["port"])
        except (OSError, ValueError):
            time.sleep(0.05)
    raise AssertionError("it does not listen")


@pytest.mark.parametrize("what", ["closed", "stopped"])
def test_a_terminal_that_takes_nothing_costs_no_service(tmp_path: Path, what: str) -> None:
    """`serve | head -1`, and a terminal in which somebody pressed Ctrl-S."""
    reader, writer = os.pipe()
    if what == "stopped":  # nobody will read: fill the pipe, then let it say more
        os.set_blocking(writer, False)
        try:
            while os.write(writer, bytes(4096)):
                pass
        except BlockingIOError:
            os.set_blocking(writer, True)
    process = subprocess.Popen(serve(tmp_path), stdout=writer, stderr=writer)
    os.close(writer)
    if what == "closed":
        os.close(reader)
    try:
        with Client(port=port_of(tmp_path), timeout_s=60) as client:
            assert len(client.generate(**ASK).wait(120)) == 1
        process.send_signal(signal.SIGHUP)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        if what == "stopped":
            os.close(reader)
    log = (tmp_path / "state" / "daemon.log").read_text()
    assert "listening on" in log and "done after" in log


def test_the_log_is_its_owners_and_bounded(tmp_path: Path) -> None:
    with DaemonProcess(tmp_path, 0, "--log-file", str(tmp_path / "mine.log")) as daemon:
        assert daemon.stop() == 0
    assert (tmp_path / "mine.log").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "state" / "daemon.log").exists()


def test_a_console_of_another_character_set_is_no_accident(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    process = subprocess.Popen(serve(tmp_path), stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    for line in process.stdout:
        if b"ready on port" in line:
            break
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    process.stdout.close()


def test_the_doctor_names_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEMBRIDGE_HOME", str(tmp_path))
    assert str(tmp_path / "state" / "daemon.log") in checks.check_log().found
    monkeypatch.setenv("STEMBRIDGE_LOG_FILE", str(tmp_path / "elsewhere.log"))
    (tmp_path / "elsewhere.log").write_text("x")
    assert checks.check_log().found.startswith(str(tmp_path / "elsewhere.log"))

"""The examples run as printed, against a daemon process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.daemons import DaemonProcess, write_context

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    folder = tmp_path_factory.mktemp("daemon")
    with DaemonProcess(folder, model="fake:delay=0.01") as process:
        process.wait_ready()
        yield process


def run(example: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / example), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=240)


def test_osc_client(daemon: DaemonProcess) -> None:
    drums = write_context(daemon.folder, "drums")["drums"]
    words = (drums, "--bpm", "120", "--bars", "2", "--port", str(daemon.port))
    done = run("osc_client.py", *words)
    assert done.returncode == 0, done.stderr
    assert "bass: " in done.stdout and "(176400 samples at 44100 Hz)" in done.stdout


def test_osc_client_says_what_is_wrong(daemon: DaemonProcess) -> None:
    refused = run("osc_client.py", "no.wav", "--port", str(daemon.port))
    assert refused.returncode == 1 and "no.wav" in refused.stderr
    assert "NO_SUCH_FILE" in refused.stderr or "PATH_DENIED" in refused.stderr


def test_async_client(daemon: DaemonProcess) -> None:
    done = run("async_client.py", "--port", str(daemon.port), "--seeds", "1", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("seed ") == 2 and "cancelled" in done.stdout

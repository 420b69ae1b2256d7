"""A JACK server of the tests' own, on the dummy driver: real MIDI and audio without hardware."""

from __future__ import annotations

import fcntl
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

RATE = 48_000


# JACK remembers at most eight names until the machine restarts, those of killed servers too.
NAMES = [f"sb-test-{n}" for n in range(4)]


def answers(name: str) -> bool:
    """Whether a server of this name runs."""
    return not subprocess.run(["jack_lsp", "-s", name], capture_output=True).returncode


class NameTakenError(RuntimeError):
    """Every name is in use by another test run."""


class JackServer:
    """`jackd -d dummy` under a name that no other test run uses, also while it is killed."""

    def __init__(self, period: int = 1024) -> None:
        for self.name in NAMES:
            self._lock = (Path(tempfile.gettempdir()) / f"{self.name}.lock").open("w")
            with suppress(OSError):
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not answers(self.name):  # left behind by a test run that was killed
                    break
            self._lock.close()
        else:
            raise NameTakenError
        self._period = period
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = ["jackd", "-S", "-r", "-n", self.name, "-d", "dummy"]
        command += ["-r", str(RATE), "-p", str(self._period)]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 10
        while not answers(self.name):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError("jackd did not start")
            time.sleep(0.05)

    def kill(self) -> None:
        """As a crash would: no goodbye to clients."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Kindly, so that nothing stays in shared memory."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(5)
                self._process = None
            except subprocess.TimeoutExpired:
                self.kill()
        self._lock.close()

    def connect(self, source: str, target: str) -> None:
        subprocess.run(
            ["jack_connect", "-s", self.name, source, target], check=True, capture_output=True
        )

    def ports(self) -> list[str]:
        listed = subprocess.run(
            ["jack_lsp", "-s", self.name], check=True, capture_output=True, text=True
        )
        return listed.stdout.split()


@contextmanager
def jack_server(monkeypatch: pytest.MonkeyPatch, period: int = 1024) -> Iterator[JackServer]:
    """A running server that children of this process find by environment."""
    if shutil.which("jackd") is None or shutil.which("jack_lsp") is None:
        pytest.skip(reason="jackd2 (Debian: apt install jackd2) is not installed")
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    try:
        server = JackServer(period)
    except NameTakenError:
        pytest.skip(reason="all JACK servers of the tests are in use by other test runs")
    monkeypatch.setenv("JACK_NO_AUDIO_RESERVATION", "1")
    monkeypatch.setenv("JACK_DEFAULT_SERVER", server.name)
    try:
        server.start()
    except RuntimeError:
        server.stop()
        pytest.skip(reason="a JACK server cannot run on this machine (no shared memory?)")
    try:
        yield server
    finally:
        server.stop()

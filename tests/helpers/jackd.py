"""A JACK server of the tests' own, on the dummy driver: real MIDI and audio without hardware."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

RATE = 48_000


# JACK remembers at most eight names until the machine restarts, those of killed servers too.
NAMES = [f"stembridge-test-{n}" for n in range(4)]


def answers(name: str) -> bool:
    """Whether a server of this name runs."""
    return not subprocess.run(["jack_lsp", "-s", name], capture_output=True).returncode


class JackServer:
    """`jackd -d dummy` under a name that no other test run uses now."""

    def __init__(self, period: int = 1024) -> None:
        self.name = next((name for name in NAMES if not answers(name)), NAMES[0])
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
    server = JackServer(period)
    monkeypatch.setenv("JACK_NO_AUDIO_RESERVATION", "1")
    monkeypatch.setenv("JACK_DEFAULT_SERVER", server.name)
    try:
        server.start()
    except RuntimeError:
        pytest.skip(reason="a JACK server cannot run on this machine (no shared memory?)")
    try:
        yield server
    finally:
        server.stop()

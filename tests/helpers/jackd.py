"""A JACK server of the tests' own, on the dummy driver: real MIDI and audio without hardware."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

RATE = 48_000


class JackServer:
    """`jackd -d dummy` under a name of its own, so that test runs do not collide."""

    def __init__(self, period: int = 1024) -> None:
        self.name = f"sb{uuid.uuid4().hex[:8]}"
        self._period = period
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = ["jackd", "-S", "-r", "-n", self.name, "-d", "dummy"]
        command += ["-r", str(RATE), "-p", str(self._period)]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 10
        while subprocess.run(["jack_lsp", "-s", self.name], capture_output=True).returncode:
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
    server = JackServer(period)
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    monkeypatch.setenv("JACK_NO_AUDIO_RESERVATION", "1")
    monkeypatch.setenv("JACK_DEFAULT_SERVER", server.name)
    monkeypatch.setenv("JACK_PROMISCUOUS_SERVER", os.environ.get("JACK_PROMISCUOUS_SERVER", ""))
    try:
        server.start()
    except RuntimeError:
        pytest.skip(reason="a JACK server cannot run on this machine (no shared memory?)")
    try:
        yield server
    finally:
        server.kill()

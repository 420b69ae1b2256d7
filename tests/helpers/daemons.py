"""Daemons for tests: on the test's own loop, or as a process that can be killed."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from stembridge.client import AsyncClient
from stembridge.config import DaemonConfig
from stembridge.daemon.server import Daemon
from stembridge.daemon.supervisor import Watch

HELPERS = Path(__file__).resolve().parent
CLUSTER = ("--cluster", "local", "--workers", "2")
needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="a cluster needs Ray"
)
PLACES = [
    pytest.param((), id="here"),
    pytest.param(CLUSTER, id="cluster", marks=[needs_ray, pytest.mark.slow]),
]
"""Where a daemon's workers may run: flags of `stembridge serve`."""

ASK: dict[str, Any] = {"generate": "bass", "bpm": "120", "bars": 1}


def write_context(folder: Path, *stems: str, length_s: float = 4.0) -> dict[str, str]:
    """One WAV of noise bursts per stem; returns stem -> path."""
    files = {}
    for seed, stem in enumerate(stems):
        path = folder / f"{stem}.wav"
        noise = np.random.default_rng(seed).standard_normal(round(44_100 * length_s))
        bursts = np.arange(noise.size) % 22_050 < 4000
        soundfile.write(path, 0.2 * noise * bursts, 44_100)
        files[stem] = str(path)
    return files


def config_for(folder: Path, **changes: Any) -> DaemonConfig:
    """Settings of a daemon that lives in `folder`, with a fake model, on a free port."""
    values: dict[str, Any] = {
        "port": 0,
        "out": folder / "out",
        "journal": folder / "state" / "journal.sqlite3",
        "model": Path("fake:"),
        "roots": (folder,),
        "device": "cpu",
    }
    return DaemonConfig(**(values | changes))


def faulty_command() -> list[str]:
    """The worker that fails on command; its settings argument is the real one's."""
    settings = {
        "model": "",
        "device": "cpu",
        "threads": None,
        "cores": None,
        "warm_up": False,
        "roots": ["/"],
        "log_level": "warning",
    }
    return [sys.executable, str(HELPERS / "faulty_worker.py"), json.dumps(settings)]


@asynccontextmanager
async def running(
    folder: Path, *, watch: Watch | None = None, faulty: bool = False, **changes: Any
) -> AsyncIterator[Daemon]:
    """A daemon on this loop."""
    if faulty:
        (folder / "faults").mkdir(exist_ok=True)
        os.environ["STEMBRIDGE_TEST_FAULTS"] = str(folder / "faults")
    command = faulty_command() if faulty else None
    daemon = Daemon(config_for(folder, **changes), command=command, watch=watch)
    try:
        await daemon.startup()
        yield daemon
    finally:
        await daemon.shutdown()


@asynccontextmanager
async def talking(
    folder: Path, *, ready: bool = True, client_id: str = "test", **options: Any
) -> AsyncIterator[tuple[Daemon, AsyncClient]]:
    """A daemon and a client of it; waits for the model unless told not to."""
    async with (
        running(folder, **options) as daemon,
        AsyncClient(port=daemon.port, client_id=client_id) as client,
    ):
        if ready:
            await until(lambda: daemon.executor.state == "ready")
        yield daemon, client


async def until(condition: Callable[[], bool], timeout_s: float = 30.0) -> float:
    """Wait for a condition; returns the seconds it took."""
    started_s = time.monotonic()
    while not condition():
        assert time.monotonic() - started_s < timeout_s, "it did not happen in time"
        await asyncio.sleep(0.01)
    return time.monotonic() - started_s


class DaemonProcess:
    """`stembridge serve` in its own process group, for kill -9 and signals."""

    def __init__(self, folder: Path, port: int = 0, *flags: str, model: str = "fake:") -> None:
        self.folder = folder
        self.command = [
            *(sys.executable, "-c", "from stembridge.cli import main; main()"),
            *("serve", "--cpu", "--model", model),
            *("--out", str(folder / "out"), "--state", str(folder / "state")),
            *("--context-root", str(folder), *flags),
        ]
        self.lines: list[str] = []
        self._start(port)

    def _start(self, port: int) -> None:
        command = [*self.command, "--port", str(port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port = int(self._read_until("listening on").split(":")[1].split()[0])

    def wait_ready(self) -> None:
        """Wait for the ready line."""
        self._read_until("ready on port")

    def _read_until(self, words: str) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if words in line:
                return line
        raise AssertionError(f"the daemon ended: {self.lines} ({self.process.wait()})")

    def __enter__(self) -> DaemonProcess:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process.poll() is None:
            self.kill()

    def kill(self) -> None:
        """As a crash or the kernel would: nothing is tidied up."""
        self.process.kill()
        self._close()

    def start_again(self) -> None:
        """Another process on the same folder and port."""
        self._start(self.port)

    def stop(self) -> int:
        """As Ctrl-C would; returns the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self._close()

    def _close(self) -> int:
        status = self.process.wait(10)
        assert self.process.stdout is not None
        self.lines += self.process.stdout.readlines()
        self.process.stdout.close()
        return status

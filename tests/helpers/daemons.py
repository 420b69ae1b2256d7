"""Daemons for tests: on the test's own loop, or as a process that can be killed."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import soundfile

from stembridge.client import AsyncClient
from stembridge.config import DaemonConfig
from stembridge.daemon import workers
from stembridge.daemon.server import Daemon
from stembridge.daemon.supervisor import Watch
from stembridge.selftest.house import DaemonProcess as DaemonProcess
from tests.helpers.worker_here import here

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
    folder: Path,
    *,
    watch: Watch | None = None,
    faulty: bool = False,
    apart: bool = False,
    **changes: Any,
) -> AsyncIterator[Daemon]:
    """A daemon on this loop; its worker is a process where it is faulty or to be `apart`."""
    if faulty:
        (folder / "faults").mkdir(exist_ok=True)
        os.environ["STEMBRIDGE_TEST_FAULTS"] = str(folder / "faults")
    command = faulty_command() if faulty else None
    daemon = Daemon(config_for(folder, **changes), command=command, watch=watch)
    try:
        with patch.object(workers, "local", workers.local if faulty or apart else here):
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
        AsyncClient(port=daemon.port, client_id=client_id, timeout_s=60) as client,
    ):
        if ready:
            await until(lambda: daemon.executor.state == "ready")
        yield daemon, client


async def until(condition: Callable[[], bool], timeout_s: float = 120.0) -> float:
    """Wait for a condition; returns the seconds it took."""
    started_s = time.monotonic()
    while not condition():
        assert time.monotonic() - started_s < timeout_s, "it did not happen in time"
        await asyncio.sleep(0.01)
    return time.monotonic() - started_s

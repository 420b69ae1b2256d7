"""Rows 4 and 13: networks that lose, clients that vanish."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import time
from pathlib import Path

import numpy as np
import soundfile

from stembridge.client import AsyncClient, Client
from stembridge.selftest.ground import ASK, Ground, Outcome, rss_mb, until
from stembridge.selftest.house import DaemonProcess
from stembridge.selftest.proxy import LossyProxy
from stembridge.wire import protocol


def write_clip(folder: Path) -> str:
    """Four seconds of noise bursts."""
    path = folder / "drums.wav"
    noise = np.random.default_rng(0).standard_normal(4 * 44_100)
    soundfile.write(path, 0.2 * noise * (np.arange(noise.size) % 22_050 < 4000), 44_100)
    return str(path)


def lossy(ground: Ground) -> Outcome:
    """Row 4: a fifth of the datagrams lost, some doubled, some late; each job with a clip."""
    count = ground.amount(24, 1000)
    with DaemonProcess(ground.folder, 0, "--workers", "1") as daemon:
        daemon.wait_ready()
        results, slowest_s, lost = asyncio.run(
            _lossy_session(daemon.port, count, write_clip(ground.folder))
        )
        attempts = _journal(ground.folder, "SELECT attempts FROM job")
    once = all(number == 1 for (number,) in attempts) and len(attempts) == count
    figure = (
        f"{count} requests, {sum(results)} results, {len(attempts)} jobs, each run once: "
        f"{'yes' if once else 'no'}; {lost} datagrams lost, acked after {slowest_s:.1f} s at worst"
    )
    return Outcome(figure, once and results == [1] * count and slowest_s < 10)


async def _lossy_session(port: int, count: int, path: str) -> tuple[list[int], float, int]:
    slowest_s = 0.0
    async with LossyProxy(port, seed=5) as proxy:
        async with AsyncClient(port=proxy.port, client_id="lossy", timeout_s=60) as client:
            limit = asyncio.Semaphore(6)

            async def one(n: int) -> int:
                nonlocal slowest_s
                async with limit:
                    started_s = time.monotonic()
                    clip = {"stem": "drums", "path": path}
                    job = await client.generate(
                        **ASK, seed=n, request_id=f"r{n}", clips=[clip, clip]
                    )
                    slowest_s = max(slowest_s, time.monotonic() - started_s)
                    return len(await asyncio.wait_for(job.wait(), 120))

            results = list(await asyncio.gather(*(one(n) for n in range(count))))
        return results, slowest_s, proxy.lost


def _journal(folder: Path, query: str) -> list[tuple[int]]:
    database = sqlite3.connect(f"file:{folder}/state/journal.sqlite3?mode=ro", uri=True)
    try:
        return [(int(row[0]),) for row in database.execute(query)]
    finally:
        database.close()


def vanishing(ground: Ground) -> Outcome:
    """Row 13: many clients say hello and go, some after leaving a job."""
    count, jobs = ground.amount(200, 1000), 8
    environment = {"STEMBRIDGE_LEASE_S": "1"}
    with (
        DaemonProcess(ground.folder, environment=environment) as daemon,
        Client(port=daemon.port) as client,
    ):
        daemon.wait_ready()
        before_mb = rss_mb(daemon.process.pid)
        for n in range(count):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
                gone.connect(("127.0.0.1", daemon.port))
                gone.send(protocol.pack("/stembridge/hello", f"c{n}", 0, 1, 0))
                if n < jobs:
                    pairs = [item for pair in ASK.items() for item in pair]
                    gone.send(protocol.pack("/stembridge/generate", f"g{n}", f"c{n}", *pairs))
                time.sleep(0.002)
        done_s = until(lambda: all(client.status(f"g{n}") == "done" for n in range(jobs)), 60)
        owed = _journal(ground.folder, "SELECT count(*) FROM job WHERE received = 0")[0][0]
        grown_mb = rss_mb(daemon.process.pid) - before_mb
    figure = (
        f"{count} clients gone, {jobs} of {jobs} jobs done after {done_s:.1f} s, {owed} answers "
        f"kept, {grown_mb:+.1f} MB"
    )
    return Outcome(figure, owed == jobs and grown_mb < 10)

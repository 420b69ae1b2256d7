"""How much faster several workers get through a queue than one, measured on a real daemon."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from typing import Any

from stembridge.client import AsyncClient
from stembridge.config import DaemonConfig, load_config
from stembridge.daemon.server import Daemon

JOBS = 40
CLIENTS = 4  # no client may have all of them in the queue
START_S = 300.0
ASK: dict[str, Any] = {"generate": "bass", "bpm": "120", "bars": 1}


def measure_workers(flags: dict[str, Any], workers: int, tell: Callable[[str], None]) -> Any:
    """Time for the same short jobs with one worker and with several, one after the other.

    Args:
        flags: model, device and cluster, as `config.load_config` takes them.
        workers: how many are compared with one.
        tell: told what is being measured.

    Returns:
        JSON-ready mapping; times in s, from the first request to the last take.
    """
    times_s = {}
    for count in (1, workers):
        tell(f"{JOBS} short jobs, {count} at a time")
        with tempfile.TemporaryDirectory(prefix="stembridge-bench-") as folder:
            here = {"port": 0, "out": folder, "journal": f"{folder}/journal.sqlite3"}
            here["log_level"] = "warning"
            # Neither the user's settings file nor the environment takes part.
            config = load_config(flags | here | {"workers": count}, environment={})
            model, times_s[count] = asyncio.run(_through_the_queue(config))
    return {
        "model": model,
        "cluster": flags.get("cluster"),
        "jobs": JOBS,
        "workers": workers,
        "one_s": times_s[1],
        "several_s": times_s[workers],
        "ratio": times_s[workers] / times_s[1],
    }


async def _through_the_queue(config: DaemonConfig) -> tuple[str, float]:
    """(name of the model, seconds for all jobs)."""
    daemon = Daemon(config)
    try:
        await daemon.startup()
        serving = asyncio.create_task(daemon.serve())
        async with asyncio.timeout(START_S):
            while daemon.executor.free < daemon.executor.capacity:
                if serving.done():
                    await serving  # raises what is wrong with the model or the cluster
                await asyncio.sleep(0.05)
        name = await _ask(daemon.port, 0, daemon.executor.capacity)  # the first of each is slower
        started_s = time.perf_counter()
        await asyncio.gather(*(_ask(daemon.port, n, JOBS // CLIENTS) for n in range(CLIENTS)))
        took_s = time.perf_counter() - started_s
        daemon.stop()
        await serving
        return name, took_s
    finally:
        await daemon.shutdown()


async def _ask(port: int, client: int, count: int) -> str:
    """One client's share of the jobs, to the last take; returns the model's name."""
    async with AsyncClient(port=port, client_id=f"bench-{client}", timeout_s=30.0) as session:
        for job in [await session.generate(**ASK, seed=seed) for seed in range(count)]:
            await job.wait()
        return str((await session.model())["name"])

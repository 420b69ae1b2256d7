"""Two workers: two jobs at once, and what befalls one of them leaves the other alone."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from stembridge.client import AsyncClient
from stembridge.daemon.executor import Pool
from stembridge.daemon.server import Daemon
from stembridge.errors import CancelledError, NoGpuError
from tests.helpers.daemons import ASK, talking, until

TWO = {"faulty": True, "workers": 2, "max_attempts": 9}


async def both_ready(daemon: Daemon) -> Pool:
    pool = daemon.executor
    assert isinstance(pool, Pool)
    await until(lambda: pool.free == pool.capacity == 2, 60.0)
    return pool


async def two_running(daemon: Daemon, client: AsyncClient) -> list[str]:
    for name in ("first", "second", "third"):
        await client.generate(**ASK, request_id=name)
    await until(lambda: daemon.journal.counts() == (1, 2))
    assert daemon.executor.free == 0 and daemon.executor.state == "working"
    return ["first", "second"]


def state(daemon: Daemon, request_id: str) -> str:
    job = daemon.journal.get(request_id)
    assert job is not None
    return job.state


def test_two_jobs_run_at_once_and_the_cancel_of_one_leaves_the_other_alone(tmp_path: Path) -> None:
    async def session() -> None:
        async with talking(tmp_path, **TWO) as (daemon, client):
            pool = await both_ready(daemon)
            pids = pool.pids
            slow = tmp_path / "faults" / "slow"
            slow.write_text("0.3")
            await two_running(daemon, client)
            await client.cancel("second")
            await until(lambda: state(daemon, "second") == "cancelled")
            await until(lambda: state(daemon, "third") == "running")
            assert state(daemon, "first") == "running"
            slow.write_text("0")
            with pytest.raises(CancelledError):
                await (await client.generate(**ASK, request_id="second")).wait()
            for name in ("first", "third"):
                assert len(await (await client.generate(**ASK, request_id=name)).wait()) == 1
            job = daemon.journal.get("first")
            assert job is not None and job.attempts == 1 and pool.pids == pids

    asyncio.run(session())


@pytest.mark.parametrize("victim", [0, 1])
def test_kill_9_of_either_worker_costs_its_job_one_attempt(tmp_path: Path, victim: int) -> None:
    async def session() -> None:
        async with talking(tmp_path, **TWO) as (daemon, client):
            pool = await both_ready(daemon)
            pids = pool.pids
            (tmp_path / "faults" / "slow").write_text("0.1")
            await two_running(daemon, client)
            os.kill(pids[victim], signal.SIGKILL)
            await until(lambda: pids[victim] not in pool.pids)
            for name in ("first", "second", "third"):
                assert len(await (await client.generate(**ASK, request_id=name)).wait()) == 1
            attempts = [daemon.journal.get(name).attempts for name in ("first", "second", "third")]
            assert sorted(attempts) == [1, 1, 2] and attempts[victim] == 2
            assert pids[1 - victim] in pool.pids

    asyncio.run(session())


def test_a_stop_puts_both_jobs_back_and_counts_neither_attempt(tmp_path: Path) -> None:
    async def session() -> None:
        async with talking(tmp_path, **TWO) as (daemon, client):
            await both_ready(daemon)
            (tmp_path / "faults" / "slow").write_text("30")
            await two_running(daemon, client)
        (tmp_path / "faults" / "slow").unlink()
        async with talking(tmp_path, **TWO) as (daemon, client):
            for name in ("first", "second", "third"):
                assert len(await (await client.generate(**ASK, request_id=name)).wait()) == 1
                job = daemon.journal.get(name)
                assert job is not None and job.attempts == 1

    asyncio.run(session())


def test_a_gpu_that_is_not_there_ends_the_daemon_even_beside_one_that_works(tmp_path: Path) -> None:
    """Half of what was asked for is not what was asked for."""

    async def session() -> None:
        device = "cuda:0,99"
        async with talking(tmp_path, ready=False, apart=True, model=None, device=device) as (
            daemon,
            _client,
        ):
            with pytest.raises(NoGpuError):
                await asyncio.wait_for(daemon.serve(), 120)

    asyncio.run(session())

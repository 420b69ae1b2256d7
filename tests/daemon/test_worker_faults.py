"""Whatever happens to the worker, the daemon goes on and every job is answered."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from pathlib import Path

import pytest

from stembridge.daemon.local_process import local
from stembridge.daemon.supervisor import Watch
from stembridge.errors import (
    AttemptsExhaustedError,
    CancelledError,
    DeviceLostError,
    DiskFullError,
    ModelUntrustedError,
    OutOfMemoryError,
    StembridgeError,
    TimedOutError,
)
from tests.helpers.daemons import ASK, running, talking, until


def test_a_killed_worker_loses_no_job(tmp_path: Path) -> None:
    async def session() -> None:
        rng, times_s = random.Random(3), []
        async with talking(tmp_path, faulty=True, max_attempts=100) as (daemon, client):
            (tmp_path / "faults" / "slow").write_text("0.01")
            for round_ in range(6):
                jobs = [await client.generate(**ASK, seed=10 * round_ + n) for n in range(2)]
                await asyncio.sleep(rng.uniform(0.0, 0.4))
                await until(lambda: daemon.executor.pid)
                os.kill(daemon.executor.pid, signal.SIGKILL)
                started_s = time.monotonic()
                for job in jobs:
                    assert len(await job.wait()) == 1
                times_s.append(time.monotonic() - started_s)
        print(f"after a kill of the worker both jobs ended within {max(times_s):.2f} s")

    asyncio.run(session())


def test_a_job_that_kills_its_worker_is_given_up_and_the_next_one_runs(tmp_path: Path) -> None:
    async def session() -> None:
        async with talking(tmp_path, faulty=True) as (daemon, client):
            (tmp_path / "faults" / "crash").write_text("3")
            poison = await client.generate(**ASK)
            healthy = await client.generate(**ASK, seed=2)
            with pytest.raises(AttemptsExhaustedError, match=r"3 times.*status 9"):
                await poison.wait()
            assert len(await healthy.wait()) == 1
            job = daemon.journal.get(poison.request_id)
            assert job is not None and job.attempts == 3

    asyncio.run(session())


def test_a_stopped_worker_is_noticed_and_replaced(tmp_path: Path) -> None:
    async def session() -> None:
        watch = Watch(beat_s=2.5)
        options = {"faulty": True, "watch": watch, "max_attempts": 9}
        async with talking(tmp_path, **options) as (daemon, client):
            (tmp_path / "faults" / "stop").write_text("1")
            first = daemon.executor.pid
            job = await client.generate(**ASK)
            assert len(await job.wait()) == 1
            assert daemon.executor.pid != first
            job_row = daemon.journal.get(job.request_id)
            assert job_row is not None and job_row.attempts >= 2

    asyncio.run(session())


@pytest.mark.parametrize(
    ("watch", "error"),
    [(Watch(stall_s=5.0), AttemptsExhaustedError), (Watch(job_s=5.0), TimedOutError)],
)
def test_a_hung_network_call_is_ended(
    tmp_path: Path, watch: Watch, error: type[StembridgeError]
) -> None:
    async def session() -> None:
        options = {"faulty": True, "watch": watch, "max_attempts": 1}
        async with talking(tmp_path, **options) as (_daemon, client):
            (tmp_path / "faults" / "hang").write_text("1")
            job = await client.generate(**ASK)
            with pytest.raises(error):
                await job.wait()
            assert len(await (await client.generate(**ASK, seed=2)).wait()) == 1

    asyncio.run(session())


def test_a_cancel_that_is_not_heeded_ends_the_worker(tmp_path: Path) -> None:
    async def session() -> None:
        options = {"faulty": True, "watch": Watch(cancel_s=0.5)}
        async with talking(tmp_path, **options) as (daemon, client):
            (tmp_path / "faults" / "hang").write_text("1")
            job = await client.generate(**ASK)
            await until(lambda: not (tmp_path / "faults" / "hang").exists())
            first = daemon.executor.pid
            await job_cancelled(client, job.request_id)
            with pytest.raises(CancelledError):
                await job.wait()
            await until(lambda: daemon.executor.pid not in (0, first))

    asyncio.run(session())


async def job_cancelled(client: object, request_id: str) -> None:
    await client.cancel(request_id)  # type: ignore[attr-defined]
    await client.cancel(request_id)  # type: ignore[attr-defined]  # twice is once


@pytest.mark.parametrize(
    ("fault", "times", "error", "replaced"),
    [
        ("oom", "1", None, True),
        ("oom", "2", OutOfMemoryError, True),
        ("error", "1", DeviceLostError, True),
        ("odd", "1", StembridgeError, True),
        ("disk", "1", DiskFullError, False),
    ],
)
def test_failures_inside_the_model(
    tmp_path: Path, fault: str, times: str, error: type[StembridgeError] | None, replaced: bool
) -> None:
    async def session() -> None:
        async with talking(tmp_path, faulty=True) as (daemon, client):
            (tmp_path / "faults" / fault).write_text(times)
            first = daemon.executor.pid
            job = await client.generate(**ASK)
            if error is None:
                assert len(await job.wait()) == 1
            else:
                with pytest.raises(error):
                    await job.wait()
            assert len(await (await client.generate(**ASK, seed=2)).wait()) == 1
            assert (daemon.executor.pid != first) == replaced

    asyncio.run(session())


def test_a_model_that_cannot_be_used_ends_the_daemon_and_keeps_the_jobs(tmp_path: Path) -> None:
    async def session() -> None:
        (tmp_path / "faults").mkdir()
        (tmp_path / "faults" / "untrusted").touch()
        async with talking(tmp_path, ready=False, faulty=True) as (daemon, client):
            await client.generate(**ASK, request_id="kept")
            with pytest.raises(ModelUntrustedError, match="not what it claims"):
                await daemon.serve()
        (tmp_path / "faults" / "untrusted").unlink()
        async with talking(tmp_path, faulty=True) as (_daemon, client):
            assert len(await (await client.generate(**ASK, request_id="kept")).wait()) == 1

    asyncio.run(session())


def test_a_worker_that_never_starts_is_tried_with_pauses(tmp_path: Path) -> None:
    async def session() -> None:
        (tmp_path / "faults").mkdir()
        (tmp_path / "faults" / "no start").touch()
        async with talking(tmp_path, ready=False, faulty=True) as (daemon, client):
            await until(lambda: daemon.executor.state == "failed")
            job = await client.generate(**ASK)
            (tmp_path / "faults" / "no start").unlink()
            assert len(await job.wait()) == 1

    asyncio.run(session())


def test_a_command_that_does_not_exist_is_no_end(tmp_path: Path) -> None:
    async def session() -> None:
        async with running(tmp_path, faulty=True) as daemon:
            await until(lambda: daemon.executor.state == "ready")
            daemon.executor._launch = local(["/no such program"])
            os.kill(daemon.executor.pid, signal.SIGKILL)
            await until(lambda: daemon.executor._early_deaths > 1)

    asyncio.run(session())


def test_the_worker_ends_with_its_daemon(tmp_path: Path) -> None:
    async def session() -> int:
        async with talking(tmp_path, faulty=True) as (daemon, client):
            (tmp_path / "faults" / "slow").write_text("600")
            job = await client.generate(**ASK)
            while (await job.next_event()).stage != "sample":
                pass
            pid = daemon.executor.pid
            # What a kill -9 of the daemon does to the worker: its stdin ends, long before its work.
            daemon.executor._process.close()
            await until(lambda: daemon.executor.pid != pid)
            return pid

    asyncio.run(session())


def test_time_in_which_the_machine_slept_costs_no_attempt(tmp_path: Path) -> None:
    """The daemon stands still for longer than it would wait for the worker's beat."""

    async def session() -> None:
        async with talking(tmp_path, faulty=True, watch=Watch(beat_s=4.0)) as (daemon, client):
            (tmp_path / "faults" / "slow").write_text("0.2")
            job = await client.generate(**ASK, steps=20)
            await until(lambda: daemon.journal.counts()[1] == 1)
            (pid,) = daemon.executor.pids
            for _ in range(2):
                os.kill(pid, signal.SIGSTOP)
                time.sleep(4.2)
                os.kill(pid, signal.SIGCONT)
                await asyncio.sleep(0.6)
            assert daemon.executor.pids == [pid]
            assert len(await job.wait()) == 1
            row = daemon.journal.get(job.request_id)
            assert row is not None and row.attempts == 1

    asyncio.run(session())

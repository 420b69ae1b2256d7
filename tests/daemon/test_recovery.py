"""kill -9 of the daemon, a port between two lives, a lossy network: nothing accepted is lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
from pathlib import Path

import psutil
import pytest

from stembridge.client import AsyncClient, Stem
from stembridge.daemon.admission import payload_of
from stembridge.daemon.supervisor import Supervisor
from stembridge.errors import QueueFullError, StembridgeError
from stembridge.selftest.proxy import LossyProxy
from tests.helpers.daemons import ASK, DaemonProcess, running, talking, until

# The defaults are quick; set these for a long night.
KILLS = int(os.environ.get("STEMBRIDGE_TEST_KILLS", "5"))  # the attack's row 5 has its own
LOSSY_JOBS = int(os.environ.get("STEMBRIDGE_TEST_LOSSY_JOBS", "12"))


def test_kill_9_loses_no_accepted_job(tmp_path: Path) -> None:
    asyncio.run(kills(tmp_path, KILLS, jobs_per_life=3))


async def kills(folder: Path, count: int, jobs_per_life: int) -> None:
    """Kill a daemon at random moments while a client keeps asking; then let the last one finish."""
    rng, ready_s, accepted = random.Random(4), [], []
    settings = folder / "settings.toml"
    settings.write_text("[daemon]\nmax_attempts = 100\n")
    with DaemonProcess(folder, 0, "--settings", str(settings)) as daemon:
        async with AsyncClient(port=daemon.port, client_id="survivor", timeout_s=30) as client:
            for life in range(count):
                for n in range(jobs_per_life):
                    with contextlib.suppress(QueueFullError):
                        name = f"life{life}-{n}"
                        accepted.append(await client.generate(**ASK, seed=n, request_id=name))
                await asyncio.sleep(rng.uniform(0.0, 1.6))
                daemon.kill()
                started_s = time.monotonic()
                daemon.start_again()
                ready_s.append(time.monotonic() - started_s)
            stems = [await asyncio.wait_for(job.wait(), 120) for job in accepted]
        assert daemon.stop() == 0
    assert len(accepted) >= min(count, 16)
    check_takes(folder, stems)
    print(f"{count} kills, {len(stems)} jobs, none lost; listening again in {max(ready_s):.2f} s")


def check_takes(folder: Path, stems: list[list[Stem]]) -> None:
    """Every answer names a whole file, and nothing half-written is left."""
    for (stem,) in stems:
        assert Path(stem.path).stat().st_size > 3 * stem.frames
    assert not [path for path in folder.rglob("*") if path.suffix in {".part", ".tmp"}]


def test_the_worker_dies_with_a_killed_daemon(tmp_path: Path) -> None:
    with DaemonProcess(tmp_path) as daemon:
        daemon.wait_ready()
        (worker,) = psutil.Process(daemon.process.pid).children()
        daemon.kill()
        gone, _alive = psutil.wait_procs([worker], timeout=60)
        assert gone


def test_a_stop_in_good_order_keeps_the_jobs_for_the_next_life(tmp_path: Path) -> None:
    async def session(daemon: DaemonProcess) -> None:
        daemon.wait_ready()
        async with AsyncClient(port=daemon.port, client_id="me", timeout_s=60) as client:
            job = await client.generate(**ASK, steps=20)
            started_s = time.monotonic()
            assert daemon.stop() == 0
            print(f"stopped in {time.monotonic() - started_s:.2f} s")
            daemon.start_again()
            assert len(await job.wait()) == 1

    with DaemonProcess(tmp_path, model="fake:delay=0.1") as daemon:
        asyncio.run(session(daemon))


def test_an_emptied_journal_is_unknown_never_done(tmp_path: Path) -> None:
    async def session(daemon: DaemonProcess) -> None:
        async with AsyncClient(port=daemon.port, client_id="me", timeout_s=60) as client:
            job = await client.generate(**ASK)
            daemon.kill()
            for file in (tmp_path / "state").glob("journal*"):
                file.unlink()
            daemon.start_again()
            with pytest.raises(StembridgeError, match="does not know"):
                await job.wait()

    with DaemonProcess(tmp_path, model="fake:delay=0.5") as daemon:
        asyncio.run(session(daemon))


def test_a_lossy_network_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """20 % of the datagrams lost, 10 % doubled, 10 % late, both ways: each job runs once."""
    count = LOSSY_JOBS
    submitted: list[str] = []
    submit = Supervisor.submit

    def record(self: Supervisor, request_id: str, *rest: object) -> None:
        submitted.append(request_id)
        submit(self, request_id, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Supervisor, "submit", record)

    async def session() -> None:
        async with running(tmp_path) as daemon, LossyProxy(daemon.port, seed=5) as proxy:
            await until(lambda: daemon.executor.state == "ready")
            options = {"client_id": "me", "timeout_s": 30}
            async with AsyncClient(port=proxy.port, **options) as client:
                limit = asyncio.Semaphore(4)

                async def one(n: int) -> int:
                    async with limit:
                        job = await client.generate(**ASK, variations=2, request_id=f"r{n}", seed=n)
                        return len(await job.wait())

                results = await asyncio.gather(*(one(n) for n in range(count)))
                assert results == [2] * count
                await until(lambda: daemon.journal.owed("me") == [], 60)
            assert sorted(submitted) == sorted(f"r{n}" for n in range(count))
            assert proxy.lost > count / 2
            print(f"{count} jobs; {proxy.lost} of {proxy.total} datagrams lost")

    asyncio.run(session())


def test_a_request_is_read_once_and_an_older_journal_still_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the door read is what runs; a journal from before has only the client's words."""

    async def session() -> None:
        words = {"generate": "bass", "bpm": "120", "bars": 1}
        async with talking(tmp_path, ready=False) as (daemon, client):
            old = payload_of(words, [])
            daemon.journal.accept("old", "test", old, "127.0.0.1:9")
            job = await client.generate(**words, request_id="old")
            assert len(await job.wait()) == 1
            monkeypatch.setattr("stembridge.daemon.runner.request_of", lambda *_words: 1 / 0)
            assert len(await (await client.generate(**words, request_id="new")).wait()) == 1
            known = daemon.journal.get("new")
            assert known is not None and known.payload["request"]["length_beats"] == 4.0
            again = await client.generate(**words, request_id="new")
            assert len(await again.wait()) == 1

    asyncio.run(session())

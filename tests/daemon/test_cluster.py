"""A daemon on a Ray cluster of this machine: what dies there costs an attempt, never a job."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from stembridge.client import AsyncClient
from stembridge.errors import CancelledError
from tests.daemon.test_serve_command import refused
from tests.helpers.daemons import ASK, CLUSTER, DaemonProcess, needs_ray

SLOW = {**ASK, "steps": 60}  # 3 s at 0.05 s a call

pytestmark = [needs_ray, pytest.mark.slow]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    folder = tmp_path_factory.mktemp("cluster")
    with DaemonProcess(folder, 0, *CLUSTER, model="fake:delay=0.05") as process:
        process.wait_ready()
        process.wait_ready()
        yield process
        assert process.stop() == 0


def of_the_cluster(daemon: DaemonProcess, name: str) -> list[psutil.Process]:
    family = psutil.Process(daemon.process.pid).children(recursive=True)
    return [process for process in family if name in " ".join(process.cmdline())]


async def running(client: AsyncClient, *names: str) -> None:
    for name in names:
        while await client.status(name) != "running":
            await asyncio.sleep(0.05)


def session(daemon: DaemonProcess) -> AsyncClient:
    return AsyncClient(port=daemon.port, client_id="studio", timeout_s=120)


def test_the_cancel_of_one_of_two_running_jobs_leaves_the_other_alone(
    daemon: DaemonProcess,
) -> None:
    async def run() -> None:
        async with session(daemon) as client:
            one, two = [await client.generate(**SLOW, request_id=name) for name in "ab"]
            await running(client, "a", "b")
            await client.cancel("b")
            with pytest.raises(CancelledError):
                await two.wait()
            assert await client.status("a") == "running"
            events = [type(event).__name__ async for event in one.events()]
            assert events[-1] == "Done" and events.count("Stem") == 1
            assert events.count("Progress") > 3

    asyncio.run(asyncio.wait_for(run(), 240))


@pytest.mark.parametrize("part", ["ray::ClusterActor", "cluster_worker", "raylet/raylet"])
def test_kill_9_of_a_part_loses_no_accepted_job(daemon: DaemonProcess, part: str) -> None:
    """The worker, its stand-in here, and the whole node."""

    async def run() -> None:
        async with session(daemon) as client:
            names = [f"{part[-6:]}-{number}" for number in range(3)]
            jobs = [await client.generate(**SLOW, request_id=name) for name in names]
            await running(client, names[0], names[1])
            of_the_cluster(daemon, part)[0].kill()
            for job in jobs:
                (stem,) = await job.wait()
                assert Path(stem.path).is_file()

    asyncio.run(asyncio.wait_for(run(), 240))


def test_a_cluster_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    words = ("--model", "fake:", "--port", "0", "--state", str(tmp_path))
    said, took_s = refused("--cluster", "127.0.0.1:1", *words, status=3)  # it may come back
    assert "CLUSTER_DOWN" in said and "127.0.0.1:1 cannot be reached" in said
    print(f"said after {took_s:.1f} s")
    said, _ = refused("--cluster", "everywhere", *words)
    assert "10.0.0.5:6379" in said
    said, _ = refused("--cluster", "local", "--gpu", "0", *words)
    assert "leave out --gpu" in said

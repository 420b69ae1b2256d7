"""A journal that cannot be written: nothing is taken, nothing is forgotten, all goes on after."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stembridge.daemon.server import Daemon
from stembridge.errors import DiskFullError, StembridgeError
from tests.helpers.daemons import ASK, running, talking, until


class Ill:
    """A database connection whose writes (or reads, too) fail while it is ill."""

    def __init__(self, whole: sqlite3.Connection) -> None:
        self.whole = whole
        self.ill: tuple[str, ...] = ()

    def execute(self, query: str, values: object = ()) -> Any:
        if query.startswith(self.ill or ("never",)):
            raise sqlite3.OperationalError("disk I/O error")
        return self.whole.execute(query, values)  # type: ignore[call-overload]

    def close(self) -> None:
        self.whole.close()


WRITES = ("INSERT", "UPDATE", "DELETE")
ALL = (*WRITES, "SELECT")


@contextlib.contextmanager
def illness(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, what: tuple[str, ...]
) -> Iterator[None]:
    """The disk below the journal fails inside the block."""
    file = daemon.journal.file
    ill = Ill(file._database)
    monkeypatch.setattr(file, "_database", ill)
    ill.ill = what
    with monkeypatch.context() as patch:
        patch.setattr("stembridge.daemon.journal_file.open_database", lambda _path: ill)
        patch.setattr(Ill, "close", lambda _self: None)
        yield
        ill.ill = ()


@pytest.mark.parametrize("what", [WRITES, ALL], ids=["writes", "reads too"])
def test_a_job_that_ends_meanwhile_is_answered_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: tuple[str, ...]
) -> None:
    async def session() -> None:
        async with talking(tmp_path, faulty=True) as (daemon, client):
            (tmp_path / "faults" / "slow").write_text("0.05")
            job = await client.generate(**ASK, steps=4, variations=2)
            waits = await client.generate(**ASK, request_id="waits")
            await until(lambda: daemon.journal.counts()[1] == 1)
            with illness(daemon, monkeypatch, what):
                await until(lambda: daemon.state() == "failed")
                with pytest.raises(DiskFullError, match="journal"):
                    await client.generate(**ASK, request_id="refused")
                assert (await client.ping())["state"] == "failed"
            assert len(await asyncio.wait_for(job.wait(), 120)) == 2
            assert len(await asyncio.wait_for(waits.wait(), 120)) == 1
            assert (await client.ping())["state"] == "ready"
            assert await client.status("refused") == "unknown"

    asyncio.run(session())


def test_a_worker_lost_meanwhile_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def session() -> None:
        async with talking(tmp_path, faulty=True) as (daemon, client):
            (tmp_path / "faults" / "hang").write_text("1")
            job = await client.generate(**ASK)
            await until(lambda: not (tmp_path / "faults" / "hang").exists())
            with illness(daemon, monkeypatch, WRITES):
                daemon.executor._process.kill()  # type: ignore[attr-defined]
                await until(lambda: daemon.state() == "failed")
            assert len(await asyncio.wait_for(job.wait(), 120)) == 1

    asyncio.run(session())


def test_a_keeper_that_ends_ends_the_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def session() -> None:
        async with running(tmp_path) as daemon:
            await until(lambda: daemon.executor.state == "ready")

            def broken(*_: object) -> None:
                raise ZeroDivisionError("odd")

            monkeypatch.setattr(daemon.executor, "_bury", broken)
            daemon.executor._process.kill()  # type: ignore[attr-defined]
            with pytest.raises(StembridgeError, match="keeps the worker alive"):
                await asyncio.wait_for(daemon.serve(), 60)

    asyncio.run(session())

"""Who a client is, and that nobody else becomes it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from stembridge.client import AsyncClient
from stembridge.daemon import sessions
from stembridge.daemon.sessions import ClientSessions
from stembridge.errors import NotNowError
from tests.helpers.daemons import ASK, talking
from tests.helpers.raw import RawClient

ONE, TWO, FAR = ("127.0.0.1", 4001), ("127.0.0.1", 4002), ("10.0.0.7", 4001)


def test_a_living_session_is_not_taken_over() -> None:
    known = ClientSessions(lease_s=10)
    known.hello("me", ONE, ONE, "")
    for other in (TWO, FAR):
        with pytest.raises(NotNowError, match="keeps its session") as caught:
            known.hello("me", other, other, "")
        assert 0 < caught.value.retry_after_ms <= 3001
    assert known.address_of("me") == ONE
    known.hello("me", TWO, ONE, "")  # another socket of the same client: answers go where they went
    known.move("me", FAR, FAR)
    assert known.address_of("me") == ONE
    known.move("me", TWO, TWO)
    assert known.address_of("me") == TWO


def test_only_the_clients_own_machine_keeps_its_lease() -> None:
    known = ClientSessions(lease_s=10)
    known.hello("me", ONE, ONE, "")
    session = known._by_client["me"]
    session.seen_s = before_s = time.monotonic() - 5
    known.touch("me", FAR)
    assert session.seen_s == before_s
    known.hello(
        "me", TWO, TWO, ""
    )  # silent for so long, it may be another life of the same program
    assert known.address_of("me") == TWO


def test_answers_stay_with_the_client_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "LIVING_S", 2.5)

    async def session() -> None:
        async with talking(tmp_path, client_id="me") as (daemon, client):
            thief = RawClient(daemon.port)
            thief.send("hello", "me", 0, 1, 0)
            error = (await thief.receive()).args
            assert (error["symbol"], error["address"]) == ("NOT_NOW", "/stembridge/hello")
            thief.send("generate", "stolen", "me", "reply_port", thief.port)
            await thief.receive("error")
            assert len(await (await client.generate(**ASK)).wait()) == 1
            thief.socket.close()

    asyncio.run(session())


def test_a_program_that_crashed_is_let_in_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "LIVING_S", 0.5)

    async def session() -> None:
        async with talking(tmp_path, client_id="me") as (daemon, client):
            assert client._lease is not None
            client._lease.cancel()  # as if it were gone, without a goodbye
            async with AsyncClient(port=daemon.port, client_id="me", timeout_s=60) as again:
                assert len(await (await again.generate(**ASK)).wait()) == 1

    asyncio.run(session())

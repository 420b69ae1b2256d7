"""Clients as they are: ports written as text, two programs of one name, IPv6, dated bundles."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from pathlib import Path
from typing import Any

import pytest

from stembridge.client import AsyncClient
from stembridge.errors import BadArgsError, IdConflictError
from stembridge.wire import osc, protocol
from stembridge.wire.protocol import Call
from tests.helpers.daemons import ASK, running, talking, until
from tests.helpers.raw import RawClient, raw

PAIRS = [item for pair in ASK.items() for item in pair]


@pytest.mark.parametrize("port_is", [str, int, float])
def test_the_port_to_answer_to_may_be_written_as_text(tmp_path: Path, port_is: type) -> None:
    async def session() -> None:
        async with raw(tmp_path) as (daemon, listener):
            asker = RawClient(daemon.port)
            port = port_is(listener.port)
            asker.send("generate", "take", "me", *PAIRS, "reply_port", port)
            assert (await listener.receive("accepted")).args["request_id"] == "take"
            await listener.receive("stem")
            await listener.receive("done")
            data = osc.encode("/stembridge/ping", "si" + ("s" if port_is is str else "i"),
                              ("you", 7, port if port_is is str else int(port)))  # fmt: skip
            asker.send_raw(data)
            assert (await listener.receive("pong")).args["n"] == 7
            asker.socket.close()

    asyncio.run(session())


@pytest.mark.parametrize("port", ["soon", "70000", -1, 99_999, 1.5])
def test_a_port_that_is_none_is_refused_to_the_senders_face(tmp_path: Path, port: object) -> None:
    async def session() -> None:
        async with raw(tmp_path) as (_daemon, client):
            client.send("generate", "take", "me", *PAIRS, "reply_port", port)  # type: ignore[arg-type]
            error = (await client.receive("error")).args
            assert error["symbol"] == "BAD_ARGS" and "port" in error["sentence"]

    asyncio.run(session())


def test_a_hello_whose_values_are_shuffled_is_refused_to_the_senders_face(tmp_path: Path) -> None:
    async def session() -> None:
        async with raw(tmp_path) as (_daemon, client):
            client.send("hello", "me", 1, client.port)  # the version where the port belongs
            error = (await client.receive("error")).args
            assert (
                error["symbol"] == "BAD_ARGS" and "i reply_port, i api_major" in error["sentence"]
            )

    asyncio.run(session())


def test_two_programs_of_one_name_both_hear(tmp_path: Path) -> None:
    async def session() -> None:
        async with talking(tmp_path, client_id="me") as (daemon, first):
            second = RawClient(daemon.port)
            second.send("ping", "me", 5)
            assert (await second.receive("pong")).args["n"] == 5
            second.send("generate", "theirs", "me", *PAIRS)
            for word in ("accepted", "stem", "done"):
                assert (await second.receive(word)).args["request_id"] == "theirs"
            second.send("received", "theirs")
            job = await first.generate(**ASK)
            assert await job.wait()
            assert await second.hears_nothing()
            second.socket.close()

    asyncio.run(session())


def test_answers_to_a_port_named_in_hello_go_there_from_whatever_socket_is_asked(
    tmp_path: Path,
) -> None:
    async def session() -> None:
        async with raw(tmp_path) as (daemon, listener):
            for verb, *values in (
                ("hello", "osc", listener.port, 1, 0, ""), ("ping", "osc", 1), ("ping", "osc", 2)
            ):  # fmt: skip
                asker = RawClient(daemon.port)  # as oscsend: a new socket for every message
                asker.send(verb, *values)
                asker.socket.close()
                await listener.receive("welcome", "pong")

    asyncio.run(session())


def test_localhost_may_be_ipv6(tmp_path: Path) -> None:
    async def session() -> None:
        async with running(tmp_path) as daemon:
            await until(lambda: daemon.executor.state == "ready")
            async with AsyncClient("::1", daemon.port) as client:
                job = await client.generate(**ASK)
                assert await job.wait()
            async with AsyncClient("localhost", daemon.port) as client:
                assert (await client.ping())["state"] == "ready"

    asyncio.run(session())


def test_a_daemon_on_an_ipv6_address(tmp_path: Path) -> None:
    async def session() -> None:
        async with running(tmp_path, host="::1") as daemon, AsyncClient("::1", daemon.port) as one:
            assert (await one.ping())["n"] == 1

    asyncio.run(session())


def test_bundles_with_a_usual_latency_are_all_taken(tmp_path: Path) -> None:
    async def session() -> None:
        async with raw(tmp_path) as (_daemon, client):
            for n, ahead_s in enumerate((0.2, 0.2, 0.2, 0.2, 0.2, 1.0, 0.0, None)):
                tag = 0 if ahead_s is None else int((time.time() + ahead_s + 2_208_988_800) * 2**32)
                ping = protocol.pack("/stembridge/ping", "me", n)
                head = b"#bundle\0" + struct.pack(">Q", tag)
                client.send_raw(head + 2 * (struct.pack(">i", len(ping)) + ping))
                for _ in range(2):
                    assert (await client.receive("pong")).args["n"] == n
                await asyncio.sleep(0.037)

    asyncio.run(session())


def test_a_path_that_is_too_long_is_a_sentence_at_once(tmp_path: Path) -> None:
    async def session() -> None:
        async with talking(tmp_path) as (_daemon, client):
            long = "/" + "/".join(["x" * 200] * 6) + ".wav"
            with pytest.raises(BadArgsError, match="shorter path"):
                await client.generate(context={"drums": long}, **ASK)
            many: dict[str, Any] = {f"context.{s}": "/" + s + "x" * 950 for s in "abcdefghij"}
            with pytest.raises(BadArgsError, match="one message"):
                await client.generate(**ASK, **many)
            with pytest.raises(BadArgsError, match="old encoding"):
                await client.generate(context={"drums": "/drums_\udcfc.wav"}, **ASK)

    asyncio.run(session())


def test_machines_without_ipv6_serve_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.socket

    def without(family: int, *rest: int, **more: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        return real(family, *rest, **more)

    monkeypatch.setattr("stembridge.daemon.endpoint.socket.socket", without)

    async def session() -> None:
        async with (
            running(tmp_path) as daemon,
            AsyncClient(port=daemon.port, timeout_s=60) as client,
        ):
            await client.ping()

    asyncio.run(session())


def test_a_client_of_many_jobs_remembers_the_latest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stembridge.client.asynchronous.MAX_ENDED", 2)

    async def session() -> None:
        async with talking(tmp_path) as (_daemon, client):
            for seed in range(5):
                job = await client.generate(**{**ASK, "seed": seed, "request_id": f"j{seed}"})
                await asyncio.wait_for(job.wait(), 120)
            assert list(client.jobs) == ["j3", "j4"]

    asyncio.run(session())


def test_a_job_asked_for_twice_is_told_to_whoever_waits(tmp_path: Path) -> None:
    async def session() -> None:
        async with talking(tmp_path, model=Path("fake:delay=0.02")) as (_daemon, client):
            jobs = [await client.generate(**ASK, request_id="twice") for _ in range(2)]
            for job in jobs:
                assert len(await asyncio.wait_for(job.wait(), 120)) == 1

    asyncio.run(session())


def test_who_leaves_as_the_pong_comes_has_left(tmp_path: Path) -> None:
    """Else the client kept its lease for ever, and closing it never ended."""

    async def session() -> None:
        async with running(tmp_path) as daemon:

            def leave(call: Call) -> None:
                if call.row.address == "/stembridge/pong" and client._lease is not None:
                    client._lease.cancel()
                    left.set()

            left = asyncio.Event()
            client = AsyncClient(port=daemon.port, timeout_s=60, on_message=leave)
            await client.connect()
            await left.wait()
            assert client._lease is not None
            done, _ = await asyncio.wait({client._lease}, timeout=60)
            assert done
            await client.close()

    asyncio.run(session())


def answered(client: AsyncClient, *answers: tuple[osc.Value, ...], unheard: int = 0) -> None:
    """What it sends is answered so; while the first ones come, it waits for nothing."""
    left, missed = list(answers), unheard

    def send(_verb: str, *_values: osc.Value) -> None:
        nonlocal missed
        waiting = list(client._waiters)
        if missed:
            client._waiters.clear()
            missed -= 1
        client._hear(protocol.pack(*left.pop(0)))
        client._waiters[:] = waiting

    client.send = send  # type: ignore[method-assign]


def test_a_late_answer_is_none_to_another_request() -> None:
    """On a busy machine repeats about a finished job come before the daemon's refusal."""

    async def session() -> None:
        client, late = AsyncClient(), ("/stembridge/accepted", "take", 0, "boot")
        answered(client, late, late)
        await client.generate(**ASK, request_id="take")
        with pytest.raises(IdConflictError, match="take already stands for another"):
            await client.generate(**{**ASK, "bars": 2}, request_id="take")

    asyncio.run(session())


def test_a_job_that_fails_at_once_was_accepted_all_the_same() -> None:
    """Its end is not the answer to who asks for it, though its acceptance came between repeats."""

    async def session() -> None:
        client, head = AsyncClient(), ("/stembridge/error", "take", "/stembridge/generate")
        accepted = ("/stembridge/accepted", "take", 0, "boot")
        ended = (*head, BadArgsError.code, BadArgsError.symbol, "No such bar.", 0)
        received = ("/stembridge/pong", 1, "boot", 0, 0, "ready")  # nobody waits for it
        answered(client, accepted, ended, received, unheard=1)
        job = await client.generate(**ASK, request_id="take")
        with pytest.raises(BadArgsError, match="No such bar"):
            await job.wait()

    asyncio.run(session())

"""The daemon on the test's own loop, with a real worker process and the fake model."""

from __future__ import annotations

import asyncio
import hashlib
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import soundfile

from stembridge.client import AsyncClient, Done, Progress, Stem
from stembridge.errors import (
    CancelledError,
    IdConflictError,
    QueueFullError,
    UnknownIdError,
)
from stembridge.wire import osc
from tests.helpers.daemons import ASK, talking, until, write_context
from tests.helpers.raw import RawClient, raw


def test_a_whole_session(tmp_path: Path) -> None:
    context = write_context(tmp_path, "drums", "piano")

    async def session() -> None:
        async with talking(tmp_path) as (daemon, client):
            job = await client.generate(**ASK, context=context, variations=2)
            events = [event async for event in job.events()]
            stems = [event for event in events if isinstance(event, Stem)]
            assert isinstance(events[0], Progress) and isinstance(events[-1], Done)
            assert [(stem.stem, stem.variation) for stem in stems] == [("bass", 0), ("bass", 1)]
            for stem in stems:
                data = Path(stem.path).read_bytes()
                assert hashlib.sha256(data).hexdigest() == stem.sha256
                assert soundfile.info(stem.path).frames == stem.frames == 88_200
                assert Path(stem.path).is_relative_to(daemon.out)
            assert Path(events[-1].receipt).exists()
            assert await client.status(job.request_id) == "done"
            await until(lambda: daemon.journal.owed("test") == [])
            assert await job.wait() == stems

    asyncio.run(session())


def test_a_repeat_of_a_finished_request_gives_the_same_answer(tmp_path: Path) -> None:
    async def session() -> None:
        async with talking(tmp_path) as (daemon, client):
            first = await (await client.generate(**ASK, request_id="again")).wait()
            await client.close()
            async with AsyncClient(port=daemon.port, client_id="test", timeout_s=60) as other:
                second = await (await other.generate(**ASK, request_id="again")).wait()
                assert first == second
                changed = {**ASK, "bars": 2}
                with pytest.raises(IdConflictError):
                    await other.generate(**changed, request_id="again")
            stranger = RawClient(daemon.port)
            stranger.send("generate", "again", "test", *[x for p in changed.items() for x in p])
            assert (await stranger.receive("error")).args["symbol"] == IdConflictError.symbol
            stranger.socket.close()

    asyncio.run(session())


def test_clips_travel_one_by_one(tmp_path: Path) -> None:
    context = write_context(tmp_path, "drums", "piano")
    clips = [
        {"stem": "drums", "path": context["drums"], "timeline_start_beats": "-1", "gain": 0.5},
        {"stem": "piano", "path": context["piano"], "length_beats": "2", "loop": False},
    ]

    async def session() -> None:
        async with raw(tmp_path) as (_daemon, client):
            flat = [[item for pair in clip.items() for item in pair] for clip in clips]
            head = ("r", "me")
            ask = (*head, "generate", "bass", "bpm", "120", "bars", 1, "clips", 2)
            client.send("clip", *head, 1, *flat[1])
            assert (await client.receive("clip.held")).args["index"] == 1
            client.send("generate", *ask)
            error = await client.receive("error")
            assert error.args["symbol"] == "BAD_ARGS" and error.args["retry_after_ms"] > 0
            assert "not arrived: 0" in error.args["sentence"]
            client.send("clip", *head, 0, *flat[0])
            client.send("generate", *ask)
            assert (await client.receive("accepted")).args["request_id"] == "r"
            client.send("generate", *ask)  # the clips are not held any more: still the same job
            await client.receive("accepted")
            client.send("clip", *head, 0, *flat[1])
            client.send("clip", *head, 1, *flat[0])
            client.send("generate", *ask)
            assert (await client.receive("error")).args["symbol"] == "ID_CONFLICT"
            client.send("clip", *head, 64, *flat[0])
            assert "0 to 63" in (await client.receive("error")).args["sentence"]
            client.send("generate", "s", "me", "clips", 65)
            assert "0 to 64" in (await client.receive("error")).args["sentence"]
            assert (await client.receive("done")).args["stems"] == 1

    asyncio.run(session())


def test_cancel_takes_effect_within_one_network_call(tmp_path: Path) -> None:
    async def session() -> None:
        async with talking(tmp_path, faulty=True) as (daemon, client):
            (tmp_path / "faults" / "slow").write_text("0.1")
            jobs = [await client.generate(**ASK, steps=1000, seed=seed) for seed in range(2)]
            await until(lambda: daemon.journal.counts() == (1, 1))
            while (await jobs[0].next_event()).stage != "sample":
                pass
            assert await client.cancel(jobs[1].request_id) == "cancelled"
            calls = tmp_path / "faults" / "calls"
            before = len(calls.read_text())
            await client.cancel(jobs[0].request_id)
            for job in reversed(jobs):
                with pytest.raises(CancelledError):
                    await job.wait()
            after = len(calls.read_text())
            print(f"cancelled after {after - before} calls of 0.1 s, of 1000")
            assert after - before < 50  # one or two, and what a busy machine needs to say so
            assert await client.cancel(jobs[0].request_id) == "cancelled"
            with pytest.raises(UnknownIdError):
                await client.cancel("never-heard-of")
            assert await client.status("never-heard-of") == "unknown"
            assert daemon.executor.state == "ready"

    asyncio.run(session())


def test_the_queue_is_bounded(tmp_path: Path) -> None:
    async def session() -> None:
        async with talking(tmp_path, faulty=True, max_queue=3) as (daemon, client):
            (tmp_path / "faults" / "slow").write_text("0.05")
            jobs = [await client.generate(**ASK, steps=400)]
            jobs += [await client.generate(**ASK, seed=seed) for seed in range(3)]
            with pytest.raises(QueueFullError) as caught:
                await client.generate(**ASK, seed=9)
            assert caught.value.retry_after_ms > 0
            pong = await client.ping()
            assert (pong["queued"], pong["running"], pong["state"]) == (3, 1, "working")
            (tmp_path / "faults" / "slow").unlink()
            await client.cancel(jobs[0].request_id)
            await client.sync()
            assert daemon.journal.counts() == (0, 0)

    asyncio.run(session())


def test_progress_is_at_most_ten_a_second_and_seq_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = count(1)  # a clock that moves by a fortieth of a second whenever it is asked
    clock = SimpleNamespace(monotonic=lambda: next(steps) / 40)

    async def session() -> None:
        async with raw(tmp_path) as (_daemon, client):
            monkeypatch.setattr("stembridge.daemon.runner.time", clock)
            client.send("generate", "r", "me", "generate", "bass", "bpm", 120, "bars", 1,
                        "steps", 300)  # fmt: skip
            seqs, kinds = [], []
            while not kinds or kinds[-1] != "done":
                call = await client.receive("progress", "stem", "done")
                kinds.append(call.row.address.rpartition("/")[2])
                seqs.append(call.args["seq"])
            asked = next(steps) - 1
            assert asked > 300
            assert 0 < kinds.count("progress") <= asked / 4 + 1
            assert seqs == sorted(set(seqs))

    asyncio.run(session())


def test_final_answers_are_repeated_until_received(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def session() -> None:
        async with raw(tmp_path) as (daemon, client):
            pauses_s: list[float] = []
            resend = daemon.outbox._resend

            def noted(request_id: str, pause_s: float, *rest: Any, **more: Any) -> None:
                pauses_s.append(pause_s)
                resend(request_id, pause_s, *rest, **more)

            monkeypatch.setattr(daemon.outbox, "_resend", noted)
            client.send("generate", "r", "me", *[x for pair in ASK.items() for x in pair])
            for _ in range(3):  # the repeats name the files again
                await client.receive("stem")
                await client.receive("done")
            assert pauses_s[:3] == [0.25, 0.5, 1.0]
            client.send("received", "r")
            await until(lambda: daemon.journal.owed("me") == [])
            assert await client.hears_nothing(1.2)

    asyncio.run(session())


def test_what_was_not_received_comes_with_the_next_hello(tmp_path: Path) -> None:
    async def session() -> None:
        async with raw(tmp_path, lease_s=0.5) as (daemon, client):
            client.send("generate", "r", "me", *[x for pair in ASK.items() for x in pair])
            await client.receive("done")
            await asyncio.sleep(1.5)  # the lease ends, and with it the repeats
            while not await client.hears_nothing():
                pass
            other = RawClient(daemon.port)
            client.send("hello", "me", other.port, 1, 0)
            assert (await other.receive("welcome")).args["boot_id"] == daemon.boot_id
            assert (await other.receive("done")).args["request_id"] == "r"
            other.socket.close()

    asyncio.run(session())


def test_oscsend_like_clients_name_their_port(tmp_path: Path) -> None:
    """Every message from a new socket that is closed at once; answers on another one."""

    async def session() -> None:
        async with raw(tmp_path) as (daemon, listener):

            def shout(*message: osc.Value) -> None:
                sender = RawClient(daemon.port)
                sender.send(*message)
                sender.socket.close()

            ask = [x for pair in ASK.items() for x in pair]
            shout("generate", "r", "me", *ask, "reply_port", listener.port)
            await listener.receive("accepted")
            await listener.receive("done")
            shout("status", "r")
            assert (await listener.receive("state")).args["state"] == "done"
            shout("ping", "me", 4, listener.port)
            assert (await listener.receive("pong")).args["n"] == 4
            shout("received", "r")

    asyncio.run(session())

"""The daemon on the test's own loop, with a real worker process and the fake model."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import random
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import soundfile

from stembridge.client import AsyncClient, Done, Progress, Stem
from stembridge.daemon import osc, protocol
from stembridge.daemon.server import Daemon
from stembridge.errors import (
    BadArgsError,
    CancelledError,
    CreateFailedError,
    DiskFullError,
    IdConflictError,
    IncompatibleApiError,
    NotNowError,
    QueueFullError,
    StembridgeError,
    UnknownIdError,
)
from tests.helpers.daemons import ASK, running, talking, until, write_context

FUTURE = int(time.time() + 2_208_988_800 + 3600) << 32


class RawClient:
    """A socket that sends what it is told and keeps what comes."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind(("127.0.0.1", 0))
        self.peer = ("127.0.0.1", port)
        self.port = self.socket.getsockname()[1]

    def send(self, address: str, *values: osc.Value) -> None:
        self.socket.sendto(protocol.pack(f"/stembridge/{address}", *values), self.peer)

    def send_raw(self, data: bytes) -> None:
        self.socket.sendto(data, self.peer)

    async def receive(self, *wanted: str, timeout_s: float = 10.0) -> protocol.Call:
        """The next message whose last word is wanted (any, if none is named)."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + timeout_s
        while True:
            reading = loop.sock_recv(self.socket, 65_536)
            data = await asyncio.wait_for(reading, until_s - loop.time())
            call = protocol.bind(osc.parse(data)[0])
            if not wanted or call.row.address.removeprefix("/stembridge/") in wanted:
                return call

    async def hears_nothing(self, pause_s: float = 0.3) -> bool:
        try:
            await self.receive(timeout_s=pause_s)
        except TimeoutError:
            return True
        return False


@asynccontextmanager
async def raw(folder: Path, **options: Any) -> AsyncIterator[tuple[Daemon, RawClient]]:
    async with running(folder, **options) as daemon:
        client = RawClient(daemon.port)
        await until(lambda: daemon.executor.state == "ready")
        try:
            yield daemon, client
        finally:
            client.socket.close()


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
            async with AsyncClient(port=daemon.port, client_id="test") as other:
                second = await (await other.generate(**ASK, request_id="again")).wait()
            assert first == second
            with pytest.raises(IdConflictError):
                await client.generate(**{**ASK, "bars": 2}, request_id="again")

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
            started_s = time.monotonic()
            await client.cancel(jobs[0].request_id)
            for job in reversed(jobs):
                with pytest.raises(CancelledError):
                    await job.wait()
            took_s = time.monotonic() - started_s
            print(f"cancelled after {took_s:.3f} s; one call takes 0.1 s")
            assert took_s < 1.0
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


def test_progress_is_at_most_ten_a_second_and_seq_grows(tmp_path: Path) -> None:
    async def session() -> None:
        async with raw(tmp_path, faulty=True) as (_daemon, client):
            (tmp_path / "faults" / "slow").write_text("0.004")
            client.send("generate", "r", "me", "generate", "bass", "bpm", 120, "bars", 1,
                        "steps", 300)  # fmt: skip
            started_s, seqs, kinds = time.monotonic(), [], []
            while not kinds or kinds[-1] != "done":
                call = await client.receive("progress", "stem", "done")
                kinds.append(call.row.address.rpartition("/")[2])
                seqs.append(call.args["seq"])
            took_s = time.monotonic() - started_s
            count = kinds.count("progress")
            assert 5 < count <= 10 * took_s + 2
            assert seqs == sorted(set(seqs))

    asyncio.run(session())


def test_final_answers_are_repeated_until_received(tmp_path: Path) -> None:
    async def session() -> None:
        async with raw(tmp_path) as (daemon, client):
            client.send("generate", "r", "me", *[x for pair in ASK.items() for x in pair])
            times_s = []
            for _ in range(3):  # the repeats name the files again
                await client.receive("stem")
                await client.receive("done")
                times_s.append(time.monotonic())
            pauses_s = [b - a for a, b in itertools.pairwise(times_s)]
            assert 0.2 < pauses_s[0] < 0.45 and 0.45 < pauses_s[1] < 0.9, pauses_s
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


BAD = {
    "NaN tempo": (("bpm", float("nan")), "BAD_ARGS", "tempo"),
    "wrong type of tempo": (("bpm", "fast"), "BAD_ARGS", "tempo"),
    "tempo of None": (("bpm", None), "BAD_ARGS", "tempo"),
    "unknown stem": (("generate", "kazoo"), "BAD_ARGS", "kazoo"),
    "10^9 bars": (("bars", 10**9), "BAD_ARGS", "bars"),
    "no such file": (("context.drums", "{tmp}/none.wav"), "NO_SUCH_FILE", "none.wav"),
    "a folder": (("context.drums", "{tmp}"), "NO_SUCH_FILE", "folder"),
    "outside the roots": (("context.drums", "/etc/passwd"), "PATH_DENIED", "passwd"),
    "up and out": (("context.drums", "{tmp}/../../etc/passwd"), "PATH_DENIED", ".."),
    "a device": (("context.drums", "/dev/zero"), "PATH_DENIED", "zero"),
    "an empty WAV": (("context.drums", "{tmp}/empty.wav"), "BAD_AUDIO", ""),
    "a WAV of 100 channels": (("context.drums", "{tmp}/wide.wav"), "BAD_AUDIO", "channels"),
    "a text file": (("context.drums", "{tmp}/text.wav"), "BAD_AUDIO", ""),
    "unknown key": (("tempo", 120), "BAD_ARGS", "tempo"),
    "a path as name": (("name", "../../x"), "BAD_ARGS", "name"),
    "unknown style": (("style", "polka"), "BAD_ARGS", "polka"),
}


def test_bad_input_has_its_code_and_sentence_and_the_daemon_goes_on(tmp_path: Path) -> None:
    import numpy as np

    soundfile.write(tmp_path / "empty.wav", np.zeros((0, 1)), 44_100)
    soundfile.write(tmp_path / "wide.wav", np.zeros((100, 100)), 44_100)
    (tmp_path / "text.wav").write_text("not audio at all" * 50)

    async def session() -> None:
        async with raw(tmp_path, roots=(tmp_path,)) as (_daemon, client):
            slowest_s = 0.0
            for number, (pair, symbol, word) in enumerate(BAD.values()):
                value = pair[1].format(tmp=tmp_path) if isinstance(pair[1], str) else pair[1]
                ask = {**ASK, pair[0]: value}
                client.send("generate", f"bad{number}", "me", *[x for p in ask.items() for x in p])
                error = (await client.receive("error")).args
                client.send("received", f"bad{number}")
                assert (error["symbol"], error["request_id"]) == (symbol, f"bad{number}"), error
                assert word in error["sentence"] and error["sentence"].endswith((".", "?"))
                slowest_s = max(slowest_s, await pong_time_s(client, number))
            print(f"slowest pong after bad input: {1e3 * slowest_s:.1f} ms")
            assert slowest_s < 1.0

    asyncio.run(session())


async def pong_time_s(client: RawClient, n: int) -> float:
    started_s = time.monotonic()
    client.send("ping", "me", n)
    while (await client.receive("pong")).args["n"] != n:
        pass
    return time.monotonic() - started_s


def test_malformed_datagrams_are_answered_sparingly_and_pass_by(tmp_path: Path) -> None:
    from tests.daemon.test_osc import MALFORMED, VALID, bundle, mutate

    async def session() -> None:
        async with raw(tmp_path) as (_daemon, client):
            for data in MALFORMED.values():
                client.send_raw(data)
            error = (await client.receive("error")).args
            assert (error["symbol"], error["request_id"], error["address"]) == ("BAD_ARGS", "", "")
            client.send_raw(bundle(VALID[0], time_tag=FUTURE))
            rng = random.Random(1)
            for index in range(3000):
                client.send_raw(mutate(rng.choice(VALID), rng))
                if index % 50 == 0:
                    await asyncio.sleep(0)
            took_s = await pong_time_s(client, 77_777)
            print(f"pong {1e3 * took_s:.1f} ms after 3,000 mutants")
            assert took_s < 1.0

    asyncio.run(session())


def test_a_time_in_the_future_is_refused_not_slept_on(tmp_path: Path) -> None:
    from tests.daemon.test_osc import VALID, bundle

    async def session() -> None:
        async with raw(tmp_path) as (_daemon, client):
            client.send_raw(bundle(VALID[0], time_tag=FUTURE))
            assert (await client.receive("error")).args["symbol"] == "BAD_TIME"
            client.send_raw(bundle(protocol.pack("/stembridge/ping", "me", 3)))
            assert (await client.receive("pong")).args["n"] == 3

    asyncio.run(session())


def test_answers_are_never_answered(tmp_path: Path) -> None:
    async def session() -> None:
        async with raw(tmp_path) as (_daemon, client):
            client.send("error", "", "", -1, "GENERAL", "No.", 0)
            client.send("pong", 1, "boot", 0, 0, "ready")
            assert await client.hears_nothing()

    asyncio.run(session())


def test_hello_checks_version_and_port(tmp_path: Path) -> None:
    async def session() -> None:
        async with raw(tmp_path) as (_daemon, client):
            client.send("hello", "me", 0, 2, 0)
            error = (await client.receive("error")).args
            assert error["code"] == IncompatibleApiError.code and "API 1.0" in error["sentence"]
            client.send("hello", "me", 70_000, 1, 0)
            assert (await client.receive("error")).args["code"] == BadArgsError.code
            client.send("hello", "me", 0, 1, 7, ":message:")
            assert (await client.receive("welcome")).args["api_minor"] == 0
            client.send("goodbye", "me")
            await client.receive("farewell")

    asyncio.run(session())


def test_messages_are_relayed_to_those_who_can(tmp_path: Path) -> None:
    async def session() -> None:
        async with raw(tmp_path) as (daemon, client):
            client.send("preview/play", "r", 0.5)
            assert (await client.receive("error")).args["code"] == NotNowError.code
            client.send("midi/tempo", 120.0, 0.1, 1, 0.0)  # nobody must hear it
            player = RawClient(daemon.port)
            player.send("hello", "player", 0, 1, 0, ":preview:tempo:")
            await player.receive("welcome")
            client.send("preview/play", "r", 0.5)
            assert (await player.receive("preview/play")).args == {"request_id": "r", "gain": 0.5}
            client.send("midi/tempo", 120.5, 0.1, 1, 8.0)
            assert (await player.receive("midi/tempo")).args["bpm"] == 120.5
            assert await client.hears_nothing()
            player.socket.close()

    asyncio.run(session())


def test_list_and_model_and_quit(tmp_path: Path) -> None:
    async def session() -> None:
        async with raw(tmp_path) as (daemon, client):
            client.send("generate", "r", "me", *[x for pair in ASK.items() for x in pair])
            await client.receive("done")
            client.send("list", "me")
            assert (await client.receive("state")).args["state"] == "done"
            assert (await client.receive("list.end")).args["count"] == 1
            client.send("model", "me")
            info = (await client.receive("model.info")).args
            assert info["name"] == "fake" and info["stems"] == "bass,drums,guitar,piano"
            client.send("quit", "not the boot id")
            assert (await client.receive("error")).args["symbol"] == "BAD_ARGS"
            client.send("quit", daemon.boot_id)
            await client.receive("farewell")
            await asyncio.wait_for(daemon.serve(), 1)

    asyncio.run(session())


def test_the_model_is_asked_for_while_it_loads(tmp_path: Path) -> None:
    async def session() -> None:
        async with talking(tmp_path, ready=False) as (_daemon, client):
            assert (await client.model())["name"] == "fake"

    asyncio.run(session())


def test_no_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 10_000

    async def session() -> None:
        async with talking(tmp_path) as (daemon, client):
            monkeypatch.setattr("shutil.disk_usage", lambda _path: Usage)
            with pytest.raises(DiskFullError, match="free"):
                await client.generate(**ASK)
            monkeypatch.undo()
            assert daemon.journal.counts() == (0, 0)
            daemon.out.rmdir()
            daemon.out.write_text("a file where the folder should be")
            with pytest.raises(CreateFailedError):
                await client.generate(**ASK)

    asyncio.run(session())


def test_port_taken_and_folder_taken(tmp_path: Path) -> None:
    async def session() -> None:
        async with running(tmp_path) as daemon:
            (tmp_path / "other").mkdir()
            with pytest.raises(CreateFailedError, match="--port"):
                async with running(tmp_path / "other", port=daemon.port):
                    pass
            with pytest.raises(CreateFailedError, match="already uses"):
                async with running(tmp_path):
                    pass
            with pytest.raises(CreateFailedError, match="cannot be used"):
                async with running(tmp_path / "other", host="no such host"):
                    pass

    asyncio.run(session())


def test_an_accident_at_the_desk_is_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def session() -> None:
        async with raw(tmp_path) as (daemon, client):
            monkeypatch.setattr(daemon.journal, "counts", lambda: 1 / 0)
            client.send("ping", "me", 1)
            assert (await client.receive("error")).args["code"] == StembridgeError.code

    asyncio.run(session())


def test_overhead(tmp_path: Path) -> None:
    """From the request to the worker, and from the last file to the answer: mark 6."""

    async def session() -> None:
        async with raw(tmp_path) as (daemon, client):
            starts_s, ends_s = [], []
            hear = daemon.executor._on_event

            def listen(event: Any) -> None:
                if event.kind == "done":
                    ends_s.append(-time.monotonic())
                hear(event)

            daemon.executor._on_event = listen
            submit = daemon.executor.submit

            def timed(*job: Any) -> None:
                submit(*job)
                starts_s[-1] += time.monotonic()

            daemon.executor.submit = timed
            for n in range(10):
                starts_s.append(-time.monotonic())
                client.send("generate", f"r{n}", "me", *[x for p in ASK.items() for x in p])
                await client.receive("done")
                ends_s[-1] += time.monotonic()
                client.send("received", f"r{n}")
            totals_ms = sorted(1e3 * (a + b) for a, b in zip(starts_s, ends_s, strict=True))
            print(f"overhead: median {totals_ms[5]:.1f} ms, worst {totals_ms[-1]:.1f} ms")
            assert totals_ms[5] < 1000

    asyncio.run(session())

"""What the desk answers to odd, wrong and malformed messages."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path
from typing import Any

import pytest
import soundfile

from stembridge.daemon.journal_file import JournalFile
from stembridge.errors import (
    BadArgsError,
    CreateFailedError,
    DiskFullError,
    IncompatibleApiError,
    NotNowError,
    StembridgeError,
)
from stembridge.wire import protocol
from tests.helpers.daemons import ASK, running, talking, until
from tests.helpers.raw import RawClient, raw

FUTURE = int(time.time() + 2_208_988_800 + 3600) << 32


BAD = {
    "NaN tempo": (("bpm", float("nan")), "BAD_ARGS", "tempo"),
    "wrong type of tempo": (("bpm", "fast"), "BAD_ARGS", "tempo"),
    "tempo of None": (("bpm", None), "BAD_ARGS", "tempo"),
    "unknown stem": (("generate", "kazoo"), "BAD_ARGS", "kazoo"),
    "unknown given stem": (("context.vocals", "/v.wav"), "BAD_ARGS", "but not vocals"),
    "given and made": (("context.bass", "/b.wav"), "BAD_ARGS", "leave one of the two out"),
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
            for number, (pair, symbol, word) in enumerate(BAD.values()):
                value = pair[1].format(tmp=tmp_path) if isinstance(pair[1], str) else pair[1]
                ask = {**ASK, pair[0]: value}
                client.send("generate", f"bad{number}", "me", *[x for p in ask.items() for x in p])
                error = (await client.receive("error")).args
                client.send("received", f"bad{number}")
                assert (error["symbol"], error["request_id"]) == (symbol, f"bad{number}"), error
                assert word in error["sentence"] and error["sentence"].endswith((".", "?"))
                await pong(client, number)

    asyncio.run(session())


async def pong(client: RawClient, n: int) -> None:
    client.send("ping", "me", n)
    while (await client.receive("pong")).args["n"] != n:
        pass


def test_malformed_datagrams_are_answered_sparingly_and_pass_by(tmp_path: Path) -> None:
    from tests.wire.test_osc import MALFORMED, VALID, bundle, mutate

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
            await pong(client, 77_777)

    asyncio.run(session())


def test_a_time_in_the_future_is_refused_not_slept_on(tmp_path: Path) -> None:
    from tests.wire.test_osc import VALID, bundle

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
            await asyncio.wait_for(daemon.serve(), 60)

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
                async with running(tmp_path / "other", host="no such host", token="x" * 16):
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


def test_a_job_costs_few_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each waits for the disk: accepted, begun, a file, the answer, received.

    What that comes to in time is measured by `stembridge bench --workers 2 --model fake:`.
    """
    execute, written = JournalFile.execute, list[str]()

    def counted(self: JournalFile, query: str, *values: object) -> Any:
        if not query.lstrip().upper().startswith("SELECT"):
            written.append(query)
        return execute(self, query, *values)

    async def session() -> None:
        async with raw(tmp_path) as (daemon, client):
            monkeypatch.setattr(JournalFile, "execute", counted)
            client.send("generate", "r", "me", *[x for pair in ASK.items() for x in pair])
            await client.receive("done")
            client.send("received", "r")
            await until(lambda: not daemon.journal.owed("me"))
            assert len(written) == 5

    asyncio.run(session())

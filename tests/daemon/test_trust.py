"""Who may give orders: this machine, and whoever has the token. Nothing goes round for ever."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from stembridge.config import describe, load_config
from stembridge.daemon import trust
from stembridge.daemon.endpoint import own_addresses
from stembridge.daemon.files_gate import context_roots
from stembridge.daemon.server import Daemon
from stembridge.daemon.trust import Trust
from stembridge.errors import BadArgsError, TokenNeededError
from stembridge.wire import osc, protocol
from tests.helpers.daemons import config_for
from tests.helpers.raw import RawClient, raw

TOKEN = "a-long-enough-token"


def message(*values: osc.Value, token: str = "") -> osc.Message:
    return osc.parse(protocol.pack("/stembridge/ping", *values, token=token))[0]


def test_other_machines_need_the_token_and_this_one_does_not() -> None:
    asked = Trust("0.0.0.0", TOKEN)
    plain = message("me", 7)
    assert asked.check(plain, "127.0.0.1") == plain
    for given in (plain, message("me", 7, token="wrong"), message("me", 7, token=TOKEN + "x")):
        with pytest.raises(TokenNeededError):
            asked.check(given, "192.168.0.7")
    assert asked.check(message("me", 7, token=TOKEN), "192.168.0.7") == plain
    assert asked.check(message("me", 7, token="wrong"), "127.0.0.7") == plain
    assert Trust("localhost", None).check(message("me", 7, token=TOKEN), "127.0.0.1") == plain


def test_the_comparison_is_made_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    compare = trust.hmac.compare_digest
    monkeypatch.setattr(
        trust.hmac, "compare_digest", lambda a, b: seen.append((a, b)) or compare(a, b)
    )
    with pytest.raises(TokenNeededError):
        Trust("0.0.0.0", TOKEN).check(message("me", 7, token="x"), "10.0.0.1")
    ((one, other),) = seen
    assert len(one) == len(other) == 32


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.3", "studio.local", ""])
def test_no_host_beyond_loopback_without_a_token(tmp_path: Path, host: str) -> None:
    async def session() -> None:
        with pytest.raises(BadArgsError, match="--token"):
            await Daemon(config_for(tmp_path, host=host)).run()

    asyncio.run(session())


def test_a_token_is_long_and_never_printed() -> None:
    for bad in ("short", "a token with spaces", "ünïcode-is-not-it", 123456789012):
        with pytest.raises(BadArgsError, match="12 to 128"):
            load_config({"token": bad}, environment={})
    config = load_config({}, environment={"STEMBRIDGE_TOKEN": TOKEN})
    assert TOKEN not in "\n".join(describe(config))
    assert "token = (secret)  (environment)" in describe(config)


def test_a_stranger_gets_one_short_answer_ten_times_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every address counts as far here, so that one machine can show it."""
    monkeypatch.setattr(
        trust, "is_loopback", lambda host: host != "127.0.0.1" and host != "0.0.0.0"
    )

    async def session() -> None:
        async with raw(tmp_path, token=TOKEN) as (daemon, client):
            for verb, values in (
                ("hello", ("me", client.port, 1, 0)), ("ping", ("me", 1)), ("list", ("me",)),
                ("generate", ("r", "me", "generate", "bass", "bpm", "120", "bars", 1)),
                ("clip", ("r", "me", 0, "stem", "drums")), ("cancel", ("r",)), ("received", ("r",)),
                ("quit", (daemon.boot_id,)), ("goodbye", ("me",)), ("midi/pad", ("go", "bass")),
            ):  # fmt: skip
                client.send(verb, *values)
                assert (await client.receive()).args["symbol"] == "TOKEN_NEEDED", verb
            for n in range(50):
                client.send("ping", "me", n)
            assert await client.hears_nothing(0.1)
            await asyncio.sleep(1.0)
            client.send_raw(protocol.pack("/stembridge/ping", "me", 7, token=TOKEN))
            assert (await client.receive("pong")).args["n"] == 7
            client.send_raw(
                protocol.pack(
                    "/stembridge/generate", "r", "me", "bpm", "120", token="wrong-token-here"
                )
            )
            sentence = (await client.receive("error")).args["sentence"]
            assert "wrong-token-here" not in sentence and len(sentence) < 100

    asyncio.run(session())


def test_nothing_is_sent_to_the_daemons_own_port(tmp_path: Path) -> None:
    """A listener registered there would make every relayed message come back, again and again."""

    async def session() -> None:
        async with raw(tmp_path) as (daemon, client):
            for values in (("loop", daemon.port, 1, 0, ":bridge:tempo:"),):
                client.send("hello", *values)
                assert "own port" in (await client.receive("error")).args["sentence"]
            client.send("ping", "me", 1, daemon.port)
            assert (await client.receive("error")).args["symbol"] == "BAD_ARGS"
            sent: list[object] = []
            daemon.outbox._sends[False] = lambda _data, to: sent.append(to)
            daemon.outbox.post(("127.0.0.1", daemon.port), "/stembridge/synced", "x")
            assert sent == []

    asyncio.run(session())


def test_relayed_messages_are_limited(tmp_path: Path) -> None:
    async def session() -> None:
        async with raw(tmp_path) as (daemon, client):
            ears = RawClient(daemon.port)
            ears.send("hello", "ears", 0, 1, 0, ":tempo:")
            await ears.receive("welcome")
            for _ in range(400):
                client.send("midi/tempo", 120.0, 0.1, 1, 0.0)
            assert (await client.receive("error")).args["symbol"] == "NOT_NOW"
            ears.socket.close()

    asyncio.run(session())


def test_every_own_address_is_known() -> None:
    assert own_addresses("127.0.0.1", 9) == {("127.0.0.1", 9)}
    assert ("127.0.0.1", 9) in own_addresses("0.0.0.0", 9)


def test_a_service_started_anywhere_does_not_read_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "people" / "me" / "songs").mkdir(parents=True)
    (tmp_path / "people" / "you").mkdir()
    home, out = tmp_path / "people" / "me", tmp_path / "out"
    monkeypatch.setattr(Path, "home", lambda: home)
    for here, is_given in (
        (Path("/"), False), (tmp_path, False), (home.parent, False), (home.parent / "you", False),
        (home, True), (home / "songs", True), (out.parent / "out", True),
    ):  # fmt: skip
        monkeypatch.setattr(Path, "cwd", lambda here=here: here)
        assert (here in context_roots((), out)) is is_given, here
    monkeypatch.setattr(Path, "home", lambda: Path("/"))
    monkeypatch.setattr(Path, "cwd", lambda: Path("/"))
    assert context_roots((), out) == (out,)


def test_a_folder_that_was_deleted_is_no_traceback(tmp_path: Path) -> None:
    here = os.open(".", os.O_RDONLY)
    (tmp_path / "gone").mkdir()
    os.chdir(tmp_path / "gone")
    try:
        (tmp_path / "gone").rmdir()
        assert Path.home() in context_roots((), tmp_path)
    finally:
        os.fchdir(here)
        os.close(here)

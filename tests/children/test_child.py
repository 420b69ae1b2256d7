"""Children that crash, hang, babble or are killed."""

from __future__ import annotations

import json
import os
import queue
import signal
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stembridge.children.child import Child
from stembridge.children.messages import Anchor, Failed, MidiPorts, Play, PlayState, StopPlay
from stembridge.children.pipe import MAX_LINE_BYTES, decode, encode
from stembridge.errors import BadArgsError

PROGRAM = """
import os, time
from stembridge.children.loop import ChildLoop
from stembridge.children.messages import PlayState, StopPlay
from stembridge.errors import NotNowError

loop = ChildLoop()
loop.send(PlayState("hello", "ready", float(os.getpid())))

def handle(message):
    if not isinstance(message, StopPlay):
        return
    match message.take_id:
        case "crash": os._exit(7)
        case "hang": time.sleep(3600)
        case "babble": print("not a message", flush=True); os.write(1, b"nor this")
        case "refuse": raise NotNowError("not now")
    loop.send(PlayState(message.take_id, "done", 0.0))

loop.run(handle, lambda: None)
"""


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Child, Any]]:
    (tmp_path / "talkative.py").write_text(textwrap.dedent(PROGRAM))
    here = str(Path(__file__).parents[2])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), here]))
    inbox: queue.Queue[Any] = queue.Queue()
    running = Child("test", "talkative", on_message=inbox.put, setup=lambda: (StopPlay("setup"),))
    running.start()
    yield running, wait_for(inbox)
    running.stop()
    assert running.pid is None


def wait_for(inbox: queue.Queue[Any]) -> Callable[[str], Any]:
    def wait(take_id: str, timeout_s: float = 20.0) -> Any:
        until = time.monotonic() + timeout_s
        while True:
            message = inbox.get(timeout=max(0.01, until - time.monotonic()))
            if isinstance(message, Failed) and take_id == "failed":
                return message
            if isinstance(message, PlayState) and message.take_id == take_id:
                return message

    return wait


def test_setup_comes_first_and_commands_are_answered(child: Any) -> None:
    running, wait = child
    wait("hello")
    wait("setup")
    assert running.send(StopPlay("a"))
    assert wait("a").state == "done"


def test_a_crashed_child_is_started_again_and_set_up_again(child: Any) -> None:
    running, wait = child
    first = wait("hello").position_s
    wait("setup")
    running.send(StopPlay("crash"))
    assert wait("hello").position_s != first
    wait("setup")
    assert running.starts == 2


def test_a_killed_child_comes_back(child: Any) -> None:
    running, wait = child
    wait("setup")
    os.kill(running.pid, signal.SIGKILL)
    wait("setup")


def test_a_hanging_child_is_ended_and_reported(child: Any) -> None:
    running, wait = child
    wait("setup")
    running.send(StopPlay("hang"))
    assert wait("failed").symbol == "DEVICE_LOST"
    wait("setup")


def test_prints_do_not_garble_the_pipe(child: Any) -> None:
    running, wait = child
    wait("setup")
    running.send(StopPlay("babble"))
    assert wait("babble").state == "done"


def test_a_refusal_is_told_and_survived(child: Any) -> None:
    running, wait = child
    wait("setup")
    running.send(StopPlay("refuse"))
    assert wait("failed").symbol == "NOT_NOW"
    running.send(StopPlay("b"))
    wait("b")


def test_messages_survive_the_pipe() -> None:
    for message in (
        Play("t", (("a.wav", 0.5), ("b.wav", 1.0)), gain_db=-3.0),
        Anchor(1.5, 2.0, 87.3, True, "clock"),
        MidiPorts("ü", ""),
    ):
        line = encode(message)
        assert line.endswith(b"\n")
        assert decode(line) == message


@pytest.mark.parametrize(
    "line",
    [b"", b"{}", b"[]", b"3", b'{"type": "Rm"}', b'{"type": "StopPlay", "x": 1}', b"\xff", b"{"],
)
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(BadArgsError):
        decode(line)


def test_what_is_no_message_is_not_sent() -> None:
    with pytest.raises(BadArgsError):
        encode("text")
    with pytest.raises(BadArgsError):
        encode(StopPlay("x" * MAX_LINE_BYTES))
    assert json.loads(encode(StopPlay()))["type"] == "StopPlay"

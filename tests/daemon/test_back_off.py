"""A model that ends its worker before it has run: tried less and less often, and said."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest

from stembridge.client import AsyncClient
from stembridge.daemon import supervisor
from stembridge.daemon.executor import WorkerEvent
from stembridge.daemon.local_process import local
from stembridge.daemon.server import Daemon
from stembridge.daemon.supervisor import Supervisor
from stembridge.errors import StembridgeError
from stembridge.wire.protocol import Call
from tests.helpers.daemons import HELPERS, config_for, until

READY_THEN_GONE = """
import sys, time
open(sys.argv[1], "a").write("started ")
print('{"kind": "ready", "model": %s, "load_s": 0}', flush=True)
"""
FACTS = {"name": "odd", "artifact_sha256": "", "sample_rate": 44100, "device": "cpu", "stems": "",
         "styles": "", "timbres": "{}"}  # fmt: skip


class Pauses(tuple[float, ...]):
    """Pauses before the next start, all of them short; `asked` says which were taken."""

    asked: ClassVar[list[int]] = []

    def __getitem__(self, number: Any) -> Any:
        self.asked.append(number)
        return 0.01


def test_a_worker_that_dies_warming_up_is_not_started_at_once_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[WorkerEvent] = []
    code = READY_THEN_GONE % json.dumps(FACTS)
    real_s = supervisor._BACKOFF_S
    monkeypatch.setattr(supervisor, "_BACKOFF_S", Pauses(real_s))
    monkeypatch.setattr(Pauses, "asked", asked := [])

    async def session() -> None:
        command = [sys.executable, "-S", "-c", code, str(tmp_path / "starts")]
        keeper = Supervisor(local(command), events.append)
        keeper.start()
        await until(lambda: len(asked) == 7)
        await keeper.close()

    asyncio.run(session())
    assert asked == [0, 1, 2, 3, 4, 4, 4]  # the second start comes at once, later ones do not
    assert real_s == (0.0, 0.0, 1.0, 5.0, 30.0)
    assert [event.kind for event in events].count("lost") >= 2


def test_clients_are_told(tmp_path: Path) -> None:
    code = READY_THEN_GONE % json.dumps(FACTS)

    async def session() -> None:
        daemon = Daemon(
            config_for(tmp_path),
            command=[sys.executable, "-S", "-c", "import time; time.sleep(1)\n" + code,
                     str(tmp_path / "starts")],
        )  # fmt: skip
        try:
            await daemon.startup()
            heard: asyncio.Queue[Call] = asyncio.Queue()
            async with AsyncClient(
                port=daemon.port, capabilities=":message:", on_message=heard.put_nowait
            ):
                while True:
                    call = await asyncio.wait_for(heard.get(), 60)
                    if call.row.address == "/stembridge/log":
                        break
                assert "replaced" in call.args["text"]
        finally:
            await daemon.shutdown()

    asyncio.run(session())


def test_networks_that_do_not_do_what_the_manifest_says_end_the_daemon_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "faults").mkdir()
    (tmp_path / "faults" / "odd").touch()
    monkeypatch.setenv("STEMBRIDGE_TEST_FAULTS", str(tmp_path / "faults"))
    settings = {"model": "", "device": "cpu", "threads": None, "cores": None, "warm_up": True,
                "roots": ["/"], "log_level": "error"}  # fmt: skip
    command = [sys.executable, str(HELPERS / "faulty_worker.py"), json.dumps(settings)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        lines = [json.loads(line) for line in worker.stdout]
        assert worker.wait(10) == 1
    (said,) = [line for line in lines if line["kind"] == "unusable"]
    assert said["symbol"] == "MODEL_UNTRUSTED" and "ZeroDivisionError" in said["sentence"]

    async def session() -> None:
        with pytest.raises(StembridgeError, match="do not do what its manifest says"):
            await asyncio.wait_for(Daemon(config_for(tmp_path), command=command).run(), 120)

    asyncio.run(session())

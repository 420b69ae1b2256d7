"""A worker on threads of the test's own process, for tests of what is said and not of who dies.

A process of its own costs a second of work: Python, its imports, coverage. How it is started, heard
through its pipes and lost is what test_worker_faults, test_pool and test_recovery show.
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from stembridge.daemon.supervisor import Launch
from stembridge.daemon.worker import Worker, WorkerSettings

GOODBYE = ({"do": "cancel", "id": "goodbye"}, {"do": "run", "id": "goodbye"})
"""A job that is cancelled wakes who waits for one, so that it hears of the end."""


class EndedError(BaseException):
    """As the end of a process, nobody catches it."""


class WorkerOnThreads(Worker):
    """Its threads end silently."""

    def _beat(self) -> None:
        with suppress(EndedError):
            super()._beat()

    def _listen(self) -> None:
        with suppress(EndedError):
            super()._listen()


class WorkerHere:
    """See `supervisor.WorkerProcess`."""

    pid = os.getpid()

    def __init__(self, settings: WorkerSettings) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), False
        self._events: asyncio.Queue[bytes] = asyncio.Queue()
        self._commands: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        worker = WorkerOnThreads(settings, self._heard(), self._say)
        threading.Thread(target=self._serve, args=(worker,), daemon=True).start()

    def _serve(self, worker: Worker) -> None:
        with suppress(EndedError):
            worker.serve()
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self.close)

    def _heard(self) -> Iterator[str]:
        while (line := self._commands.get()) is not None:
            yield line
        raise EndedError

    def _say(self, line: str) -> None:
        if self._ended:
            raise EndedError
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._events.put_nowait, line.encode() + b"\n")

    async def read_line(self) -> bytes:
        return await self._events.get()

    def write_line(self, line: bytes) -> None:
        self._commands.put(line.decode())

    def close(self) -> None:
        if not self._ended:
            self._ended = True
            for command in (*map(json.dumps, GOODBYE), None):
                self._commands.put(command)
            self._events.put_nowait(b"")

    kill = close

    async def end(self) -> str:
        self.close()
        return "status 0"


def here(command: Sequence[str], _environment: Mapping[str, str] | None = None) -> Launch:
    """In place of `local_process.local`: the same settings, no process."""

    async def launch() -> WorkerHere:
        return WorkerHere(WorkerSettings(**json.loads(command[-1])))

    return launch

"""A worker as a child process of the daemon, on its pipes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Mapping, Sequence

import psutil

from stembridge.daemon.supervisor import Launch, WorkerProcess

_log = logging.getLogger(__name__)

_LINE_BYTES = 1 << 20
_LOOK_S, _LOOKS = 0.5, 3
"""A worker that is found stopped (SIGSTOP) in so many looks is ended; its beat would tell later."""


class LocalProcess:
    """See `supervisor.WorkerProcess`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None and process.stdout is not None  # noqa: S101
        self._process = process
        self._commands, self._events = process.stdin, process.stdout
        self._was_stopped = False
        self._tasks = [asyncio.create_task(self._end_if_stopped())]
        if process.stderr is not None:
            self._tasks.append(asyncio.create_task(_pass_on(process.stderr)))

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def read_line(self) -> bytes:
        """Its next event; empty when it has ended."""
        return await self._events.readline()

    def write_line(self, line: bytes) -> None:
        """Hand it a command."""
        self._commands.write(line)

    def close(self) -> None:
        """The end of its stdin tells it to go, even in the middle of a job."""
        self._commands.close()

    def kill(self) -> None:
        """SIGKILL, or what the system has in its place."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def end(self) -> str:
        """Leave neither the process nor its pipes behind."""
        # Its stdout has ended, so it is on its way out; a moment more shows how it went.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), 1.0)
        self.kill()
        self._commands.close()
        with contextlib.suppress(ConnectionError):
            await self._commands.wait_closed()
        status = await self._process.wait()
        _, late = await asyncio.wait(self._tasks, timeout=0.1)  # what it said last
        for task in late:
            task.cancel()
        return "it had been stopped" if self._was_stopped else f"status {status}"

    async def _end_if_stopped(self) -> None:
        looks = 0
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.pid)
            while self._process.returncode is None:
                await asyncio.sleep(_LOOK_S)
                looks = looks + 1 if process.status() == psutil.STATUS_STOPPED else 0
                if looks == _LOOKS:
                    self._was_stopped = True
                    self.kill()


async def _pass_on(lines: asyncio.StreamReader) -> None:
    """What a worker says on its standard error goes where the daemon's own words go."""
    while True:
        try:
            line = await lines.readline()
        except ValueError:  # longer than any line should be
            continue
        if not line:
            return
        # The worker weighs its words itself: what comes here is meant to be seen.
        _log.log(_log.getEffectiveLevel(), "%s", line.decode("utf-8", "replace").rstrip())


def local(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Launch:
    """Starts that command, with these variables beside the daemon's own."""

    async def launch() -> WorkerProcess:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LINE_BYTES,
            env=os.environ | dict(environment or {}),
        )
        return LocalProcess(process)

    return launch

"""A worker as a child process of the daemon, on its pipes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from stembridge.daemon.supervisor import Launch, WorkerProcess

_LINE_BYTES = 1 << 20


class LocalProcess:
    """See `supervisor.WorkerProcess`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None and process.stdout is not None  # noqa: S101
        self._process = process
        self._commands, self._events = process.stdin, process.stdout

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
        return f"status {await self._process.wait()}"


def local(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Launch:
    """Starts that command, with these variables beside the daemon's own."""

    async def launch() -> WorkerProcess:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE_BYTES,
            env=os.environ | dict(environment or {}),
        )
        return LocalProcess(process)

    return launch


def worker_command(settings: Mapping[str, Any]) -> list[str]:
    """The command line of the worker for these settings (see `worker.main`)."""
    return [sys.executable, "-m", "stembridge.daemon.worker", json.dumps(settings)]

"""Who runs a job. Here: one worker process on this machine, watched and replaced.

`Executor` is what the daemon needs from whoever has the GPU; a cluster can stand behind it later
without the journal, the queue or the protocol noticing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from stembridge.errors import CancelledError, NotNowError, StembridgeError, TimedOutError

_log = logging.getLogger(__name__)

Kind = Literal["ready", "progress", "stem", "done", "failed", "lost", "unusable"]
State = Literal["loading", "ready", "working", "failed"]

_LINE_BYTES = 1 << 20
_BACKOFF_S = (0.0, 0.0, 1.0, 5.0, 30.0)


@dataclass(frozen=True)
class Event:
    """News from the executor. `request_id` is empty where no job is meant."""

    kind: Kind
    request_id: str
    body: dict[str, Any] = field(default_factory=dict)


class Executor(Protocol):
    """Runs one job at a time and tells what happens to it."""

    @property
    def state(self) -> State:
        """What it is doing; only a *ready* one takes a job."""
        ...

    def start(self) -> None:
        """Begin to load; a *ready* event follows."""
        ...

    def submit(self, request_id: str, request: dict[str, Any], out: str) -> None:
        """Run a job; ends in exactly one of *done*, *failed*, *lost*."""
        ...

    def cancel(self, request_id: str) -> None:
        """Ask the job to stop at its next network call."""
        ...

    async def close(self) -> None:
        """Stop everything."""
        ...


@dataclass(frozen=True)
class Watch:
    """How long things may last, in s, before the worker is taken for stuck and killed.

    Attributes:
        beat_s: silence of the whole process (stopped, swapped out).
        load_s: silence while it loads, when libraries may hold the interpreter.
        stall_s: a job without any progress (a hung GPU; one network call must end in this time).
        job_s: one job in all.
        cancel_s: from a cancel to the end of the job.
    """

    beat_s: float = 10.0
    load_s: float = 180.0
    stall_s: float = 300.0
    job_s: float = 1800.0
    cancel_s: float = 10.0


class LocalExecutor:
    """One worker process: started, fed, watched, replaced when it dies or hangs."""

    def __init__(
        self, command: Sequence[str], on_event: Callable[[Event], None], watch: Watch | None = None
    ) -> None:
        self._command = command
        self._on_event = on_event
        self._watch = watch or Watch()
        self._process: asyncio.subprocess.Process | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._closing = False
        self._job = ""
        self._doom: StembridgeError | None = None
        self._early_deaths = 0
        self._was_ready = False
        self._state: State = "loading"
        self._heard = self._moved = self._state_since = self._cancel_since = 0.0

    @property
    def state(self) -> State:
        """What the worker is doing."""
        return self._state

    @property
    def pid(self) -> int:
        """The worker's process id, or 0 while there is none."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start the worker and the task that keeps one alive."""
        self._supervisor = asyncio.create_task(self._supervise())

    def submit(self, request_id: str, request: dict[str, Any], out: str) -> None:
        """Hand the worker its next job."""
        self._job = request_id
        self._enter("working")
        self._tell(do="run", id=request_id, request=request, out=out)

    def cancel(self, request_id: str) -> None:
        """Ask for the end of a job; a worker that does not obey in time is killed."""
        if request_id == self._job and not self._cancel_since:
            self._cancel_since = time.monotonic()
            self._tell(do="cancel", id=request_id)

    async def close(self) -> None:
        """End the worker: the end of its stdin tells it to go, even in the middle of a job."""
        self._closing = True
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        if self._supervisor is not None:
            # It may be sleeping before a restart, or the worker be stuck: wait only so long.
            _, pending = await asyncio.wait({self._supervisor}, timeout=1.0)
            for task in pending:
                task.cancel()
            await asyncio.gather(self._supervisor, return_exceptions=True)

    async def _supervise(self) -> None:
        while not self._closing:
            await asyncio.sleep(_BACKOFF_S[min(self._early_deaths, len(_BACKOFF_S) - 1)])
            try:
                await self._one_life()
            except (OSError, ValueError):
                _log.exception("the worker cannot be run")
                self._early_deaths += 1

    async def _one_life(self) -> None:
        """From the start of a worker to its end."""
        self._doom, self._was_ready = None, False
        self._enter("loading")
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE_BYTES,
        )
        self._process = process
        watchdog = asyncio.create_task(self._watchdog())
        try:
            await self._listen(process)
            status = await process.wait()
        finally:
            watchdog.cancel()
            self._process = None
            await _end(process)
        self._early_deaths = 0 if self._was_ready else self._early_deaths + 1
        self._enter("failed" if self._early_deaths else "loading")
        self._bury(status)

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None  # noqa: S101 - we asked for a pipe
        while line := await process.stdout.readline():
            self._heard = time.monotonic()
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError):
                _log.exception("the worker said %r", line[:200])

    def _take(self, body: dict[str, Any]) -> None:
        kind, request_id = body.pop("kind"), body.pop("id", "")
        if kind == "beat" or (request_id and request_id != self._job):
            return
        self._moved = self._heard
        if kind in {"ready", "done", "failed"}:
            self._was_ready = True
            self._job, self._cancel_since = "", 0.0
            self._enter("ready")
        if kind == "failed" and not body["usable"]:
            self._enter("loading")
            self._kill(NotNowError("The last job may have left the worker unusable."))
        self._on_event(Event(kind, request_id, body))

    def _bury(self, status: int) -> None:
        doom = self._doom or StembridgeError(f"The worker ended by itself (status {status}).")
        job, self._job, self._cancel_since = self._job, "", 0.0
        if not self._closing:
            _log.warning("the worker is replaced: %s", doom)
            self._on_event(Event("lost", job, {"symbol": doom.symbol, "sentence": doom.sentence}))

    async def _watchdog(self) -> None:
        while True:
            await asyncio.sleep(0.25)
            error = self._overdue(time.monotonic())
            if error is not None:
                self._kill(error)

    def _overdue(self, now: float) -> StembridgeError | None:
        """What has lasted too long. TIMEOUT and CANCELLED end the job, others only the attempt."""
        watch = self._watch
        if now - self._heard > (watch.load_s if self._state == "loading" else watch.beat_s):
            return StembridgeError("The worker stopped answering.")
        if self._cancel_since and now - self._cancel_since > watch.cancel_s:
            return CancelledError("The job was cancelled.")
        if self._state != "working":
            return None
        if now - self._state_since > watch.job_s:
            return TimedOutError(f"The job took longer than {watch.job_s:g} s.")
        if now - max(self._moved, self._state_since) > watch.stall_s:
            return StembridgeError(f"The job made no progress for {watch.stall_s:g} s.")
        return None

    def _enter(self, state: State) -> None:
        self._state = state
        self._heard = self._state_since = time.monotonic()

    def _kill(self, why: StembridgeError) -> None:
        self._doom = self._doom or why
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    def _tell(self, **command: Any) -> None:
        if self._process is None or self._process.stdin is None:
            return  # its end is on the way and will be told as *lost*
        self._process.stdin.write(json.dumps(command).encode() + b"\n")


async def _end(process: asyncio.subprocess.Process) -> None:
    """Leave neither the process nor its pipes behind."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    if process.stdin is not None:
        process.stdin.close()
        with contextlib.suppress(ConnectionError):
            await process.stdin.wait_closed()
    await process.wait()


def worker_command(settings: dict[str, Any]) -> list[str]:
    """The command line of the worker for these settings (see `worker.main`)."""
    return [sys.executable, "-m", "stembridge.daemon.worker", json.dumps(settings)]

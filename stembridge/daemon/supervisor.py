"""One worker: started, fed, watched, replaced when it dies or hangs.

Where the worker runs is its `Launch`'s affair: a process of this machine (`local_process`), or an
actor of a cluster (`cluster`). Both speak the lines of `worker`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from stembridge.daemon.executor import OnWorkerEvent, State, WorkerEvent
from stembridge.errors import CancelledError, NotNowError, StembridgeError, TimedOutError

_log = logging.getLogger(__name__)

_BACKOFF_S = (0.0, 0.0, 1.0, 5.0, 30.0)
_LOOK_S, _GAP_S = 0.25, 1.0


class WorkerProcess(Protocol):
    """A worker that was started: lines in, lines out, an end."""

    @property
    def pid(self) -> int:
        """Its process id, as its own machine counts."""
        ...

    async def read_line(self) -> bytes:
        """Its next event; empty when it has ended."""
        ...

    def write_line(self, line: bytes) -> None:
        """Hand it a command; nothing happens if it has ended."""
        ...

    def close(self) -> None:
        """No more commands: it ends by itself, at once."""
        ...

    def kill(self) -> None:
        """End it by force."""
        ...

    async def end(self) -> str:
        """Leave nothing of it behind; says how it ended."""
        ...


Launch = Callable[[], Awaitable[WorkerProcess]]


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


class Supervisor:
    """The executor of one job at a time: one worker, kept alive."""

    capacity = 1

    def __init__(self, launch: Launch, on_event: OnWorkerEvent, watch: Watch | None = None) -> None:
        self._launch = launch
        self._on_event = on_event
        self._watch = watch or Watch()
        self._process: WorkerProcess | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._closing = False
        self._job = ""
        self._doom: StembridgeError | None = None
        self._early_deaths = 0
        self._was_ready = self._ever_ready = False
        self._state: State = "loading"
        self._heard = self._moved = self._state_since = self._cancel_since = 0.0

    @property
    def state(self) -> State:
        """What the worker is doing."""
        return self._state

    @property
    def free(self) -> int:
        """Whether it takes a job now."""
        return int(self._state == "ready")

    @property
    def pid(self) -> int:
        """The worker's process id, or 0 while there is none."""
        return self._process.pid if self._process else 0

    @property
    def pids(self) -> list[int]:
        """The same as a list."""
        return [self.pid] if self.pid else []

    def start(self) -> None:
        """Start the worker and the task that keeps one alive."""
        self._supervisor = asyncio.create_task(self._supervise())
        self._supervisor.add_done_callback(self._ended)

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
        if self._process is not None:
            self._process.close()
        if self._supervisor is not None:
            # It may be sleeping before a restart, or the worker be stuck: wait only so long.
            _, pending = await asyncio.wait({self._supervisor}, timeout=1.0)
            if pending and self._process is not None:
                self._process.kill()
            for task in pending:
                task.cancel()
            await asyncio.gather(self._supervisor, return_exceptions=True)

    def _ended(self, supervisor: asyncio.Task[None]) -> None:
        """Whatever ends this task unasked ends the daemon: it would accept jobs and run none."""
        if not self._closing and not supervisor.cancelled():
            _log.critical("nobody keeps the worker any more", exc_info=supervisor.exception())
            self._enter("failed")
            sentence = f"What keeps the worker alive has failed ({supervisor.exception()!r})."
            self._report(WorkerEvent("broken", "", {"symbol": "GENERAL", "sentence": sentence}))

    async def _supervise(self) -> None:
        while not self._closing:
            await asyncio.sleep(_BACKOFF_S[min(self._early_deaths, len(_BACKOFF_S) - 1)])
            try:
                await self._one_life()
            except StembridgeError as error:
                self._early_deaths += 1
                self._enter("failed")
                body = {"symbol": error.symbol, "sentence": error.sentence}
                self._report(WorkerEvent("unusable", "", body | {"ever_ready": self._ever_ready}))
            except (OSError, ValueError):
                _log.exception("the worker cannot be run")
                self._early_deaths += 1

    async def _one_life(self) -> None:
        """From the start of a worker to its end."""
        self._doom, self._was_ready = None, False
        self._enter("loading")
        process = self._process = await self._launch()
        watchdog = asyncio.create_task(self._watchdog())
        watchdog.add_done_callback(self._unwatched)
        try:
            await self._listen(process)
        except (OSError, ValueError) as error:
            _log.exception("the worker cannot be heard")
            self._kill(StembridgeError(f"The worker cannot be heard ({error})."))
        finally:
            watchdog.cancel()
            self._process = None
            how = await process.end()
        self._early_deaths = 0 if self._was_ready else self._early_deaths + 1
        self._enter("failed" if self._early_deaths else "loading")
        self._bury(how)

    async def _listen(self, process: WorkerProcess) -> None:
        while line := await process.read_line():
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
        if kind in {"warm", "done", "failed"}:
            # Only now has the model run: one that ends its worker before is not tried at once.
            self._was_ready = self._ever_ready = True
        if kind == "warm":
            return
        if kind in {"ready", "done", "failed"}:
            self._job, self._cancel_since = "", 0.0
            self._enter("ready")
        if kind == "failed" and not body["usable"]:
            self._enter("loading")
            self._kill(NotNowError("The last job may have left the worker unusable."))
        if kind == "unusable":
            body["ever_ready"] = self._ever_ready
        self._report(WorkerEvent(kind, request_id, body))

    def _report(self, event: WorkerEvent) -> None:
        try:
            self._on_event(event)
        except Exception:  # noqa: BLE001 - whoever listens must not end the worker's keeper
            _log.exception("on the worker's %s", event.kind)

    def _bury(self, how: str) -> None:
        doom = self._doom or StembridgeError(f"The worker ended by itself ({how}).")
        job, self._job, self._cancel_since = self._job, "", 0.0
        if not self._closing:
            _log.warning("the worker is replaced: %s", doom)
            self._report(
                WorkerEvent("lost", job, {"symbol": doom.symbol, "sentence": doom.sentence})
            )

    def _unwatched(self, watchdog: asyncio.Task[None]) -> None:
        if not watchdog.cancelled():
            self._kill(StembridgeError(f"Nobody watched it ({watchdog.exception()!r})."))

    async def _watchdog(self) -> None:
        seen_s = time.monotonic()
        while True:
            await asyncio.sleep(_LOOK_S)
            now_s = time.monotonic()
            gap_s, seen_s = now_s - seen_s - _LOOK_S, now_s
            if gap_s > _GAP_S:  # we were not there either: a suspended laptop, Ctrl-Z
                self._forgive(gap_s)
                continue
            error = self._overdue(now_s)
            if error is not None:
                self._kill(error)

    def _forgive(self, gap_s: float) -> None:
        """Time in which this process itself stood still is nobody's silence."""
        self._heard += gap_s
        self._moved += gap_s
        self._state_since += gap_s
        if self._cancel_since:
            self._cancel_since += gap_s

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
            self._process.kill()

    def _tell(self, **command: Any) -> None:
        if self._process is not None:  # else its end is on the way and will be told as *lost*
            self._process.write_line(json.dumps(command).encode() + b"\n")

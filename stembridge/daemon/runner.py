"""From the queue to the executor, and from its events to the journal and the newsroom.

Order matters: files first (the worker renames them into place), then the journal, then the news.
What the journal cannot record (a full disk, a failing one) waits here, in order, and is tried again
every second; until then nothing is begun, and nothing should be taken.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from stembridge.daemon.admission import request_of
from stembridge.daemon.executor import Executor, WorkerEvent
from stembridge.daemon.files_gate import TakesFolder
from stembridge.daemon.jobs import JobRow, Journal, JournalError
from stembridge.daemon.news import Ended, FileMade, Newsroom, Noted, Progressed
from stembridge.daemon.records import FileRecord
from stembridge.errors import CancelledError, StembridgeError, error_from
from stembridge.request import request_to_mapping
from stembridge.request.tag import take_tag
from stembridge.safe_files import remove_parts

_log = logging.getLogger(__name__)

PROGRESS_PAUSE_S = 0.1
RETRY_S = 1.0


@dataclass
class _Run:
    """A job that runs; `seq` counts its news, which the journal does not keep."""

    job: JobRow
    seq: int
    started_s: float = field(default_factory=time.monotonic)
    progress_s: float = 0.0


class Runner:
    """Keeps the executor busy with the first queued jobs."""

    def __init__(self, journal: Journal, news: Newsroom, takes: TakesFolder) -> None:
        self._journal = journal
        self._news = news
        self._takes = takes
        self._executor: Executor | None = None
        self._running: dict[str, _Run] = {}
        self._untold: deque[WorkerEvent] = deque()
        self._retry: asyncio.TimerHandle | None = None
        self.trouble: JournalError | None = None

    def connect(self, executor: Executor) -> None:
        """Give jobs to this executor from now on."""
        self._executor = executor

    def seq_of(self, job: JobRow) -> int:
        """The latest sequence number of a job."""
        run = self._running.get(job.id)
        return job.seq if run is None else run.seq

    def pump(self) -> None:
        """Record what happened, then start the first queued jobs while the executor takes one."""
        try:
            while self._untold:
                self._record(self._untold[0])
                self._untold.popleft()
            self._start_jobs()
        except JournalError as error:
            self._stall(error)
        else:
            self.trouble = None

    def _start_jobs(self) -> None:
        while self._executor is not None and self._executor.free:
            job = self._journal.start_next()
            if job is None:
                return
            try:
                request = _canonical(job)
                self._takes.check()
            except StembridgeError as error:  # of another version's request; the drive went away
                self._end(self._journal.fail(job.id, job.seq + 1, error))
                continue
            self._running[job.id] = _Run(job, job.seq)
            self._executor.submit(job.id, request, str(self._takes.path))

    def _stall(self, error: JournalError) -> None:
        if self.trouble is None:
            _log.error("%s", error)
            self._news.tell(Noted(3, error.sentence))
        self.trouble = error
        if self._retry is None:
            self._retry = asyncio.get_running_loop().call_later(RETRY_S, self._try_again)

    def _try_again(self) -> None:
        self._retry = None
        try:
            self._journal.file.reopen()
            self._journal.requeue_all_but(set(self._running))
        except JournalError as error:
            self._stall(error)
        else:
            self.pump()

    def cancel(self, job: JobRow) -> None:
        """Take a job back: at once while it waits, at its next network call while it runs."""
        if job.state == "queued":
            error = CancelledError("The job was cancelled.")
            self._end(self._journal.fail(job.id, job.seq + 1, error))
        elif job.state == "running" and self._executor is not None:
            self._executor.cancel(job.id)

    def stop(self) -> None:
        """Put the running jobs back; the attempts do not count."""
        if self._retry is not None:
            self._retry.cancel()
        self._executor = None
        running, self._running = self._running, {}
        for request_id in running:
            with contextlib.suppress(JournalError):  # then the next start finds it running
                self._journal.requeue(request_id, "", counted=False)

    def hear(self, event: WorkerEvent) -> None:
        """Take an event of the executor for a running job."""
        if event.kind == "progress":
            run = self._running.get(event.request_id)
            if run is not None:
                self._progress(run, event)
            return
        self._untold.append(event)
        self.pump()

    def _record(self, event: WorkerEvent) -> None:
        run = self._running.get(event.request_id)
        if run is None:
            return
        handle = {
            "stem": self._stem,
            "done": self._done,
            "failed": self._failed,
            "lost": self._lost,
        }[event.kind]
        try:
            handle(run, event)
        except LookupError:  # the journal was replaced by an empty one
            _log.error("job %s is not in the journal any more", run.job.id)
            self._running.pop(run.job.id, None)

    def _progress(self, run: _Run, event: WorkerEvent) -> None:
        now_s = time.monotonic()
        if now_s - run.progress_s < PROGRESS_PAUSE_S:
            return
        run.progress_s = now_s
        run.seq += 1
        stage, fraction = event.body["stage"], event.body["fraction"]
        self._news.tell(Progressed(run.job, run.seq, stage, fraction))

    def _stem(self, run: _Run, event: WorkerEvent) -> None:
        run.seq += 1
        record = FileRecord(**event.body["file"])
        self._journal.add_stem(run.job.id, run.seq, record)
        self._news.tell(FileMade(run.job, run.seq, record))

    def _done(self, run: _Run, event: WorkerEvent) -> None:
        result = {
            "folder": event.body["folder"],
            "receipt": event.body["receipt"],
            "stems": len(self._journal.stems(run.job.id)),
        }
        self._end(self._journal.finish(run.job.id, "done", run.seq + 1, result))

    def _failed(self, run: _Run, event: WorkerEvent) -> None:
        error = error_from(event.body["symbol"], event.body["sentence"])
        if error.symbol == "OUT_OF_MEMORY" and run.job.attempts < 2:
            # The worker is replaced after this, so the second attempt has all the memory.
            self._again(run.job, error)
        else:
            self._end(self._journal.fail(run.job.id, run.seq + 1, error))

    def _lost(self, run: _Run, event: WorkerEvent) -> None:
        error = error_from(event.body["symbol"], event.body["sentence"])
        if error.symbol in {"CANCELLED", "TIMEOUT"}:
            self._end(self._journal.fail(run.job.id, run.seq + 1, error))
        else:
            self._again(run.job, error)

    def _again(self, job: JobRow, why: StembridgeError) -> None:
        again = self._journal.requeue(job.id, why.sentence)
        del self._running[job.id]
        self._news.tell(Noted(2, f"Job {job.id} again: {why}"))
        if again.is_final:
            self._end(again)

    def _end(self, job: JobRow) -> None:
        run = self._running.pop(job.id, None)
        if run is not None:
            took_s = time.monotonic() - run.started_s
            _log.info("job %s %s after %.2f s", job.id, job.state, took_s)
        if job.state != "done":  # its worker may have been killed in the middle of a file
            for folder in self._takes.path.glob(f"*_{take_tag(job.id)}"):
                remove_parts(folder)
        self._news.tell(Ended(job))


def _canonical(job: JobRow) -> dict[str, Any]:
    """The request as the door read it; a version before this one kept only what arrived.

    Raises:
        BadArgsError: that version's request is none of ours.
    """
    kept: dict[str, Any] | None = job.payload.get("request")
    return request_to_mapping(request_of(job.id, job.payload)) if kept is None else kept

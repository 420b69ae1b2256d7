"""From the queue to the executor, and from its events to the journal and the client.

Order matters: files first (the worker renames them into place), then the journal, then the answer.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from stembridge.daemon.admission import request_of
from stembridge.daemon.executor import Event, Executor
from stembridge.daemon.jobs import Job, Journal
from stembridge.daemon.outbox import Outbox
from stembridge.errors import BadArgsError, CancelledError, StembridgeError, error_from
from stembridge.request import request_to_mapping

_log = logging.getLogger(__name__)

PROGRESS_PAUSE_S = 0.1


class Runner:
    """Keeps the executor busy with the first queued job."""

    def __init__(self, journal: Journal, outbox: Outbox, out: Path) -> None:
        self._journal = journal
        self._outbox = outbox
        self._out = out
        self._executor: Executor | None = None
        self._job: Job | None = None
        self._seq = 0
        self._progress_s = self._started_s = 0.0
        self.on_final: Callable[[], None] = lambda: None

    def connect(self, executor: Executor) -> None:
        """Give jobs to this executor from now on."""
        self._executor = executor

    def seq_of(self, job: Job) -> int:
        """The latest sequence number of a job."""
        return self._seq if self._job is not None and job.id == self._job.id else job.seq

    def pump(self) -> None:
        """Start the first queued job if the executor is free."""
        while self._executor is not None and self._executor.state == "ready" and not self._job:
            job = self._journal.start_next()
            if job is None:
                return
            self._seq, self._progress_s = job.seq, 0.0
            self._started_s = time.monotonic()
            try:
                request = request_to_mapping(request_of(job.id, job.payload))
            except BadArgsError as error:  # accepted by another version of stembridge
                self._end(self._journal.fail(job.id, job.seq + 1, error))
                continue
            self._job = job
            self._executor.submit(job.id, request, str(self._out))

    def cancel(self, job: Job) -> None:
        """Take a job back: at once while it waits, at its next network call while it runs."""
        if job.state == "queued":
            error = CancelledError("The job was cancelled.")
            self._end(self._journal.fail(job.id, job.seq + 1, error))
        elif job.state == "running" and self._executor is not None:
            self._executor.cancel(job.id)

    def stop(self) -> None:
        """Put a running job back; the attempt does not count."""
        job, self._job = self._job, None
        if job is not None:
            self._journal.requeue(job.id, "", counted=False)

    def hear(self, event: Event) -> None:
        """Take an event of the executor for the running job."""
        job = self._job
        if job is not None and event.request_id == job.id:
            handle = {
                "progress": self._progress,
                "stem": self._stem,
                "done": self._done,
                "failed": self._failed,
                "lost": self._lost,
            }[event.kind]
            handle(job, event)
        self.pump()

    def _progress(self, job: Job, event: Event) -> None:
        now_s = time.monotonic()
        if now_s - self._progress_s < PROGRESS_PAUSE_S:
            return
        self._progress_s = now_s
        self._seq += 1
        stage, fraction = event.body["stage"], event.body["fraction"]
        to = self._outbox.address_of(job)
        self._outbox.post(to, "/stembridge/progress", job.id, self._seq, stage, fraction)

    def _stem(self, job: Job, event: Event) -> None:
        self._seq += 1
        record = event.body["file"]
        self._journal.add_stem(job.id, self._seq, record)
        self._outbox.post_stem(job, self._seq, record, self._outbox.address_of(job))

    def _done(self, job: Job, event: Event) -> None:
        result = {
            "folder": event.body["folder"],
            "receipt": event.body["receipt"],
            "stems": len(self._journal.stems(job.id)),
        }
        self._end(self._journal.finish(job.id, "done", self._seq + 1, result))

    def _failed(self, job: Job, event: Event) -> None:
        error = error_from(event.body["symbol"], event.body["sentence"])
        if error.symbol == "OUT_OF_MEMORY" and job.attempts < 2:
            # The worker is replaced after this, so the second attempt has all the memory.
            self._again(job, error)
        else:
            self._end(self._journal.fail(job.id, self._seq + 1, error))

    def _lost(self, job: Job, event: Event) -> None:
        error = error_from(event.body["symbol"], event.body["sentence"])
        if error.symbol in {"CANCELLED", "TIMEOUT"}:
            self._end(self._journal.fail(job.id, self._seq + 1, error))
        else:
            self._again(job, error)

    def _again(self, job: Job, why: StembridgeError) -> None:
        self._job = None
        self._outbox.tell_all("message", "/stembridge/log", 2, f"Job {job.id} again: {why}")
        again = self._journal.requeue(job.id, why.sentence)
        if again.is_final:
            self._end(again)

    def _end(self, job: Job) -> None:
        if self._job is not None and self._job.id == job.id:
            self._job = None
            took_s = time.monotonic() - self._started_s
            _log.info("job %s %s after %.2f s", job.id, job.state, took_s)
        self._outbox.owe(job, fresh=True)
        self.on_final()

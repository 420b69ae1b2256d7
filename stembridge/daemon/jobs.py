"""Jobs: the journal on disk, which is also the queue.

A job is acknowledged only after it is committed here, and its final answer stays here until the
client has received it. States: queued -> running -> done | failed | cancelled; an id the journal
does not know is *unknown*, which must never read as done.
"""

from __future__ import annotations

import contextlib
import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stembridge.daemon.journal_file import JournalError, JournalFile
from stembridge.daemon.journal_rows import JobRow, asked_in, checksum, failure, job_of, stem_of
from stembridge.daemon.records import FileRecord
from stembridge.errors import (
    AttemptsExhaustedError,
    IdConflictError,
    QueueFullError,
    StembridgeError,
)

__all__ = ["JobRow", "Journal", "JournalError", "Limits"]

_log = logging.getLogger(__name__)

SEQ_PER_START = 1_000_000
"""`seq` must grow over restarts, and progress is not journalled: so each start has its range."""

_IS_OPEN = "state IN ('queued', 'running')"
_OWED = "received = 0 AND state IN ('done', 'failed', 'cancelled')"
_NEXT_RANGE = f"(seq / {SEQ_PER_START} + 1) * {SEQ_PER_START}"


@dataclass(frozen=True)
class Limits:
    """Bounds of the queue and of what is remembered.

    Attributes:
        queued: jobs that may wait.
        per_client: jobs of one client that may wait or run.
        attempts: after so many, a job that ends its worker is given up.
        kept: ended jobs that are remembered although their answer was received.
        owed_s: how long an answer waits for its client, in s of daemons' running time: a wrong
            wall clock must not make it forgotten.
        owed: how many answers wait in all.
    """

    queued: int = 64
    per_client: int = 16
    attempts: int = 3
    kept: int = 1000
    owed_s: int = 30 * 86_400
    owed: int = 10_000


class Journal:
    """All jobs of one state folder; used by one thread."""

    def __init__(self, path: Path, limits: Limits | None = None) -> None:
        """Open it.

        Raises:
            CreateFailedError: as `open_database`.
            JournalError: the disk is full already.
        """
        self.limits = limits or Limits()
        self.file = JournalFile(path)
        self._counts, self._is_counted = (0, 0), False
        self._clock_s = self.file.row("SELECT seconds FROM clock")[0]
        self._ticked_s = time.monotonic()
        self._fail_damaged()

    def close(self) -> None:
        """Close the file; everything committed stays."""
        self.file.close()

    def accept(
        self, request_id: str, client: str, payload: dict[str, Any], reply: str
    ) -> tuple[JobRow, bool]:
        """Commit a job, or find it committed already.

        Returns:
            The job, and whether it is new.

        Raises:
            IdConflictError: the id stands for another request.
            QueueFullError: too many jobs wait, in all or of this client.
            JournalError: it cannot be committed.
        """
        known = self.get(request_id)
        if known is not None:
            if known.client != client or (known.asked != asked_in(payload) and not known.damage):
                raise IdConflictError.of(request_id)
            return known, False
        self._check_room(client)
        text = json.dumps(payload)
        self._is_counted = False
        self.file.execute(
            "INSERT INTO job (id, client, payload, crc, reply) VALUES (?, ?, ?, ?, ?)",
            request_id, client, text, checksum(text), reply,
        )  # fmt: skip
        return self._require(request_id), True

    def _check_room(self, client: str) -> None:
        waiting = self._count("state = 'queued'")
        if waiting >= self.limits.queued:
            raise QueueFullError(
                f"{waiting} jobs wait already; wait for one to end.", retry_after_ms=2000
            )
        own = self._count(f"{_IS_OPEN} AND client = ?", client)
        if own >= self.limits.per_client:
            raise QueueFullError(
                f"{own} of your jobs wait already; wait for one to end or cancel one.",
                retry_after_ms=2000,
            )

    def start_next(self) -> JobRow | None:
        """Take the first queued job and count an attempt."""
        row = self.file.execute(
            "SELECT id FROM job WHERE state = 'queued' ORDER BY number LIMIT 1"
        ).fetchone()
        if row is None:
            return None
        self._update(row["id"], f"state = 'running', attempts = attempts + 1, seq = {_NEXT_RANGE}")
        return self._require(row["id"])

    def add_stem(self, request_id: str, seq: int, record: FileRecord) -> None:
        """Record a finished file (again, if another attempt made it again)."""
        self.file.last_word(
            lambda: self.file.execute(
                "INSERT OR REPLACE INTO stem (job, stem, variation, seq, body) "
                "VALUES (?, ?, ?, ?, ?)",
                request_id, record.stem, record.variation, seq, json.dumps(vars(record)),
            )
        )  # fmt: skip

    def finish(self, request_id: str, state: str, seq: int, result: dict[str, Any]) -> JobRow:
        """Record the final answer; from here on it is owed to the client."""
        now_s = self._clock_s + int(time.monotonic() - self._ticked_s)
        what = "state = ?, seq = ?, result = ?, ended_s = ?"
        self.file.last_word(
            lambda: self._update(request_id, what, state, seq, json.dumps(result), now_s)
        )
        return self._require(request_id)

    def fail(self, request_id: str, seq: int, error: StembridgeError) -> JobRow:
        """Record that the job failed (or was cancelled), and why."""
        state = "cancelled" if error.symbol == "CANCELLED" else "failed"
        return self.finish(request_id, state, seq, failure(error))

    def requeue(self, request_id: str, why: str, *, counted: bool = True) -> JobRow:
        """Queue a running job again, at its old place; give it up after too many attempts.

        Args:
            request_id: the job.
            why: what ended the attempt, for the error if it was the last one.
            counted: whether the attempt may have been the job's own fault.
        """
        job = self._require(request_id)
        if counted and job.attempts >= self.limits.attempts:
            error = AttemptsExhaustedError(
                f"The job was tried {job.attempts} times and given up: {why}"
            )
            return self.fail(request_id, job.seq + SEQ_PER_START - 1, error)
        spare = 0 if counted else 1
        what = f"state = 'queued', attempts = attempts - ?, seq = {_NEXT_RANGE} - 1"
        self.file.last_word(lambda: self._update(request_id, what, spare))
        return self._require(request_id)

    def recover(self) -> list[JobRow]:
        """After a start: queue again what ran when the last daemon ended. Returns the given up."""
        rows = self.file.execute("SELECT id FROM job WHERE state = 'running'").fetchall()
        why = "the daemon was ended while it ran."
        jobs = [self.requeue(row["id"], why) for row in rows]
        return [job for job in jobs if job.is_final]

    def requeue_all_but(self, running: set[str]) -> None:
        """After trouble: queue again what was marked as running and never begun."""
        rows = self.file.execute("SELECT id FROM job WHERE state = 'running'").fetchall()
        for row in rows:
            if row["id"] not in running:
                self.requeue(row["id"], "", counted=False)

    def tidy(self) -> None:
        """Forget what need not be remembered any more (called now and then)."""
        now_s = time.monotonic()
        self._clock_s += int(now_s - self._ticked_s)
        self._ticked_s += int(now_s - self._ticked_s)
        self.file.execute("UPDATE clock SET seconds = ?", self._clock_s)
        self.file.execute(
            "DELETE FROM job WHERE received = 1 AND state IN ('done', 'failed', 'cancelled') AND "
            "number <= (SELECT max(number) FROM job) - ?",
            self.limits.kept,
        )
        first_owed = f"SELECT number FROM job WHERE {_OWED} ORDER BY number DESC LIMIT 1 OFFSET ?"  # noqa: S608 - our own literals
        self.file.execute(
            f"DELETE FROM job WHERE {_OWED} AND (ended_s < ? OR number <= ({first_owed}))",  # noqa: S608 - our own literals
            self._clock_s - self.limits.owed_s,
            self.limits.owed,
        )

    def _fail_damaged(self) -> None:
        """What cannot be read any more ends here, in words, and holds up nobody."""
        for job in self._select("1"):
            if not job.damage or (job.is_final and job.result):
                continue
            _log.error("job %s was damaged in the journal (its %s)", job.id[:64], job.damage)
            error = StembridgeError(
                f"The journal was damaged, and with it this job's {job.damage}; please ask again."
            )
            self.file.execute(
                "UPDATE job SET state = 'failed', seq = seq + 1, result = ? WHERE number = ?",
                json.dumps(failure(error)),
                job.number,
            )  # by number: the id may be what is damaged

    def receive(self, request_id: str) -> None:
        """The client has the final answer."""
        self.file.execute(
            f"UPDATE job SET received = 1 WHERE id = ? AND {_OWED}",  # noqa: S608 - our own literals
            request_id,
        )

    def get(self, request_id: str) -> JobRow | None:
        """The job, or None for an id the journal does not know."""
        jobs = self._select("id = ?", request_id)
        return jobs[0] if jobs else None

    def of_client(self, client: str, most: int = 10**9) -> list[JobRow]:
        """The newest jobs of a client, oldest first."""
        query = "SELECT number FROM job WHERE client = ? ORDER BY number DESC LIMIT 1 OFFSET ?"
        before = self.file.row(query, client, most)
        return self._select("client = ? AND number > ?", client, before[0] if before else 0)

    def owed(self, client: str, most: int = -1) -> list[JobRow]:
        """Jobs whose final answer the client has not received: the oldest, in order."""
        return self._select(f"client = ? AND {_OWED}", client, most=most)

    def oldest_open(self) -> int | None:
        """Number of the oldest job that has not ended; None if there is none."""
        numbers = (
            self.file.row("SELECT min(number) FROM job WHERE state = ?", state)[0]
            for state in ("queued", "running")
        )
        return min((number for number in numbers if number is not None), default=None)

    def newest(self) -> int:
        """Number of the job accepted last; 0 before the first."""
        return int(self.file.row("SELECT coalesce(max(number), 0) FROM job")[0])

    def stems(self, request_id: str) -> list[tuple[int, FileRecord]]:
        """(seq, record) of each finished file, in the order they were finished."""
        query = "SELECT seq, body FROM stem WHERE job = ? ORDER BY seq"
        rows = self.file.execute(query, request_id)
        return [(row["seq"], record) for row in rows if (record := stem_of(row)) is not None]

    def position(self, job: JobRow) -> int:
        """How many jobs come before this one (0 for one that runs or has ended)."""
        if job.state != "queued":
            return 0
        return self._count(f"{_IS_OPEN} AND number < ?", job.number)

    def counts(self) -> tuple[int, int]:
        """(queued, running); the last known while the journal cannot be read."""
        if not self._is_counted:  # a flood of pings must not become one of queries
            with contextlib.suppress(JournalError):
                self._counts = self._count("state = 'queued'"), self._count("state = 'running'")
                self._is_counted = True
        return self._counts

    def _update(self, request_id: str, what: str, *values: object) -> None:
        self._is_counted = False
        self.file.execute(f"UPDATE job SET {what} WHERE id = ?", *values, request_id)  # noqa: S608

    def _count(self, where: str, *values: object) -> int:
        query = f"SELECT count(*) FROM job WHERE {where}"  # noqa: S608 - our own literals
        return int(self.file.row(query, *values)[0])

    def _select(self, where: str, *values: object, most: int = -1) -> list[JobRow]:
        query = f"SELECT * FROM job WHERE {where} ORDER BY number LIMIT ?"  # noqa: S608
        return [job_of(row) for row in self.file.execute(query, *values, most)]

    def _require(self, request_id: str) -> JobRow:
        job = self.get(request_id)
        if job is None:
            raise LookupError(request_id)
        return job

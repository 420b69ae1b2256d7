"""Jobs: the journal on disk, which is also the queue.

A job is acknowledged only after it is committed here, and its final answer stays here until the
client has received it. States: queued -> running -> done | failed | cancelled; an id the journal
does not know is *unknown*, which must never read as done.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from stembridge.daemon.journal_file import Ballast, open_database
from stembridge.errors import (
    AttemptsExhaustedError,
    DiskFullError,
    IdConflictError,
    QueueFullError,
    StembridgeError,
)

_T = TypeVar("_T")

FINAL = frozenset({"done", "failed", "cancelled"})
SEQ_PER_START = 1_000_000
"""`seq` must grow over restarts, and progress is not journalled: so each start has its range."""


@dataclass(frozen=True)
class Limits:
    """Bounds of the queue."""

    queued: int = 64
    per_client: int = 16
    attempts: int = 3
    kept: int = 1000


@dataclass(frozen=True)
class Job:
    """One row of the journal."""

    number: int
    id: str
    client: str
    payload: dict[str, Any]
    state: str
    attempts: int
    seq: int
    host: str
    port: int
    result: dict[str, Any]
    received: bool

    @property
    def is_final(self) -> bool:
        """Whether it has its final answer."""
        return self.state in FINAL


class Journal:
    """All jobs of one state folder; used by one thread."""

    def __init__(self, path: Path, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._database = open_database(path)
        self._ballast = Ballast(path.parent)

    def close(self) -> None:
        """Close the file; everything committed stays."""
        self._database.close()

    def accept(
        self, request_id: str, client: str, payload: dict[str, Any], reply: tuple[str, int]
    ) -> tuple[Job, bool]:
        """Commit a job, or find it committed already.

        Returns:
            The job, and whether it is new.

        Raises:
            IdConflictError: the id stands for another request.
            QueueFullError: too many jobs wait, in all or of this client.
            DiskFullError: it cannot be committed.
        """
        known = self.get(request_id)
        if known is not None:
            if (known.client, known.payload) != (client, payload):
                raise IdConflictError(
                    f"The request id {request_id} already stands for another request; take a new "
                    "one."
                )
            return known, False
        self._check_room(client)
        try:
            self._database.execute(
                "INSERT INTO job (id, client, payload, host, port) VALUES (?, ?, ?, ?, ?)",
                (request_id, client, json.dumps(payload), *reply),
            )
        except sqlite3.OperationalError as error:
            raise DiskFullError(f"The job cannot be recorded: {error}.") from error
        return self._require(request_id), True

    def _check_room(self, client: str) -> None:
        waiting = self._count("state = 'queued'")
        if waiting >= self.limits.queued:
            raise QueueFullError(
                f"{waiting} jobs wait already; wait for one to end.", retry_after_ms=2000
            )
        own = self._count("state IN ('queued', 'running') AND client = ?", client)
        if own >= self.limits.per_client:
            raise QueueFullError(
                f"{own} of your jobs wait already; wait for one to end or cancel one.",
                retry_after_ms=2000,
            )

    def start_next(self) -> Job | None:
        """Take the first queued job and count an attempt."""
        row = self._database.execute(
            "SELECT id FROM job WHERE state = 'queued' ORDER BY number LIMIT 1"
        ).fetchone()
        if row is None:
            return None
        self._update(
            row["id"],
            f"state = 'running', attempts = attempts + 1, "
            f"seq = (seq / {SEQ_PER_START} + 1) * {SEQ_PER_START}",
        )
        return self._require(row["id"])

    def add_stem(self, request_id: str, seq: int, body: dict[str, Any]) -> None:
        """Record a finished file (again, if another attempt made it again)."""

        def write() -> None:
            self._database.execute(
                "INSERT OR REPLACE INTO stem (job, stem, variation, seq, body) "
                "VALUES (?, ?, ?, ?, ?)",
                (request_id, body["stem"], body["variation"], seq, json.dumps(body)),
            )

        self._last_word(write)

    def finish(self, request_id: str, state: str, seq: int, result: dict[str, Any]) -> Job:
        """Record the final answer; from here on it is owed to the client."""
        self._last_word(
            lambda: self._update(
                request_id, "state = ?, seq = ?, result = ?", state, seq, json.dumps(result)
            )
        )
        self._database.execute(
            "DELETE FROM job WHERE state IN ('done', 'failed', 'cancelled') AND number <= "
            "(SELECT max(number) FROM job) - ?",
            (self.limits.kept,),
        )
        return self._require(request_id)

    def fail(self, request_id: str, seq: int, error: StembridgeError) -> Job:
        """Record that the job failed (or was cancelled), and why."""
        state = "cancelled" if error.symbol == "CANCELLED" else "failed"
        result = {"symbol": error.symbol, "code": error.code, "sentence": error.sentence}
        return self.finish(request_id, state, seq, result)

    def requeue(self, request_id: str, why: str, *, counted: bool = True) -> Job:
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
        self._last_word(
            lambda: self._update(request_id, "state = 'queued', attempts = attempts - ?", spare)
        )
        return self._require(request_id)

    def recover(self) -> list[Job]:
        """After a start: queue again what ran when the last daemon ended. Returns the given up."""
        rows = self._database.execute("SELECT id FROM job WHERE state = 'running'").fetchall()
        why = "the daemon was ended while it ran."
        jobs = [self.requeue(row["id"], why) for row in rows]
        return [job for job in jobs if job.is_final]

    def receive(self, request_id: str) -> None:
        """The client has the final answer."""
        self._database.execute(
            "UPDATE job SET received = 1 WHERE id = ? AND received = 0 "
            "AND state IN ('done', 'failed', 'cancelled')",
            (request_id,),
        )

    def get(self, request_id: str) -> Job | None:
        """The job, or None for an id the journal does not know."""
        jobs = self._select("id = ?", request_id)
        return jobs[0] if jobs else None

    def of_client(self, client: str) -> list[Job]:
        """All jobs of a client, oldest first."""
        return self._select("client = ?", client)

    def owed(self, client: str) -> list[Job]:
        """Jobs whose final answer the client has not received, oldest first."""
        return self._select(
            "client = ? AND received = 0 AND state IN ('done', 'failed', 'cancelled')", client
        )

    def open_ids(self) -> set[str]:
        """Ids of all jobs that have not ended."""
        return {job.id for job in self._select("state IN ('queued', 'running')")}

    def stems(self, request_id: str) -> list[tuple[int, dict[str, Any]]]:
        """(seq, record) of each finished file, in the order they were finished."""
        rows = self._database.execute(
            "SELECT seq, body FROM stem WHERE job = ? ORDER BY seq", (request_id,)
        )
        return [(row["seq"], json.loads(row["body"])) for row in rows]

    def position(self, job: Job) -> int:
        """How many jobs come before this one (0 for one that runs or has ended)."""
        if job.state != "queued":
            return 0
        return self._count("state IN ('queued', 'running') AND number < ?", job.number)

    def counts(self) -> tuple[int, int]:
        """(queued, running)."""
        return self._count("state = 'queued'"), self._count("state = 'running'")

    def _last_word(self, write: Callable[[], _T]) -> _T:
        """Write a state; on a full disk give up the ballast for it."""
        try:
            return write()
        except sqlite3.OperationalError:
            self._ballast.give_up()
            return write()

    def regain_ballast(self) -> None:
        """Hold room back again (called when a job was accepted, so there is some)."""
        self._ballast.take()

    def _update(self, request_id: str, what: str, *values: object) -> None:
        self._database.execute(f"UPDATE job SET {what} WHERE id = ?", (*values, request_id))  # noqa: S608

    def _count(self, where: str, *values: object) -> int:
        query = f"SELECT count(*) FROM job WHERE {where}"  # noqa: S608 - our own literals
        return int(self._database.execute(query, values).fetchone()[0])

    def _select(self, where: str, *values: object) -> list[Job]:
        query = f"SELECT * FROM job WHERE {where} ORDER BY number"  # noqa: S608
        return [_job(row) for row in self._database.execute(query, values)]

    def _require(self, request_id: str) -> Job:
        job = self.get(request_id)
        if job is None:
            raise LookupError(request_id)
        return job


def _job(row: sqlite3.Row) -> Job:
    values = dict(row)
    values["payload"] = json.loads(values["payload"])
    values["result"] = json.loads(values["result"])
    values["received"] = bool(values["received"])
    return Job(**values)

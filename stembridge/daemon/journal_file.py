"""The journal's file: schema, opening, quarantine of a damaged one, room for a last word.

SQLite in WAL mode with `synchronous=FULL`: 100 random kill -9 with bursts in flight lost nothing
with NORMAL either, but NORMAL may lose commits on power failure, and an accepted job must not be
lost. A commit costs about 1 ms.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from pathlib import Path

from stembridge.errors import CreateFailedError

_log = logging.getLogger(__name__)

SCHEMA_VERSION = 1
BALLAST_BYTES = 8 * 2**20
"""Held back on disk, and given up when the disk is full so that states can still be recorded."""

_SCHEMA = """
CREATE TABLE job (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,  -- order of acceptance; never a clock
    id          TEXT NOT NULL UNIQUE,
    client      TEXT NOT NULL,
    payload     TEXT NOT NULL,                      -- what arrived, as JSON
    state       TEXT NOT NULL DEFAULT 'queued',
    attempts    INTEGER NOT NULL DEFAULT 0,
    seq         INTEGER NOT NULL DEFAULT 0,
    host        TEXT NOT NULL,
    port        INTEGER NOT NULL,
    result      TEXT NOT NULL DEFAULT '{}',         -- the final answer, as JSON
    received    INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX job_state ON job (state, number);
CREATE TABLE stem (
    job         TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    stem        TEXT NOT NULL,
    variation   INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    body        TEXT NOT NULL,
    PRIMARY KEY (job, stem, variation)
) STRICT;
"""


def open_database(path: Path) -> sqlite3.Connection:
    """Open the journal, setting a damaged one aside.

    Raises:
        CreateFailedError: the file cannot be made, or a newer stembridge wrote it.
    """
    try:
        return _connect(path)
    except sqlite3.OperationalError as error:
        raise CreateFailedError(f"The journal {path} cannot be opened: {error}.") from error
    except sqlite3.DatabaseError as error:
        kept = _set_aside(path)
        _log.error("The journal was damaged (%s); it is kept as %s, a new one starts.", error, kept)
        return _connect(path)


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None)
    try:
        database.row_factory = sqlite3.Row
        _refuse_newer(database, path)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("PRAGMA foreign_keys=ON")
        verdict = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        _migrate(database)
    except BaseException:
        database.close()
        raise
    return database


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _refuse_newer(database: sqlite3.Connection, path: Path) -> None:
    if _version(database) > SCHEMA_VERSION:
        raise CreateFailedError(f"The journal {path} was written by a newer stembridge; update.")


def _migrate(database: sqlite3.Connection) -> None:
    if _version(database) == 0:
        database.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version={SCHEMA_VERSION}; COMMIT;")


def _set_aside(path: Path) -> Path:
    number = 1
    while (kept := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    path.rename(kept)
    for suffix in ("-wal", "-shm"):
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.rename(kept.with_name(kept.name + suffix))
    return kept


class Ballast:
    """A file of zeros that keeps room for a last word on a full disk."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "ballast"
        self.take()

    def take(self) -> None:
        """Occupy the room, if there is plenty."""
        try:
            if self._path.exists() and self._path.stat().st_size == BALLAST_BYTES:
                return
            with self._path.open("wb") as file:
                file.write(bytes(BALLAST_BYTES))
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            self.give_up()

    def give_up(self) -> None:
        """Free the room."""
        self._path.unlink(missing_ok=True)

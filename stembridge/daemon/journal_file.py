"""The journal's file: schema, opening, quarantine of a damaged one, room for a last word.

SQLite in WAL mode with `synchronous=FULL`: 100 random kill -9 with bursts in flight lost nothing
with NORMAL either, but NORMAL may lose commits on power failure, and an accepted job must not be
lost. A commit costs about 1 ms.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stembridge.errors import CreateFailedError, DiskFullError, StembridgeError
from stembridge.safe_files import PRIVATE_FILE, open_folder

_log = logging.getLogger(__name__)

SCHEMA_VERSION = 3
BALLAST_BYTES = 8 * 2**20
"""Held back on disk, and given up when the disk is full so that states can still be recorded."""

_FURTHEST_VERSION = SCHEMA_VERSION + 50
"""No stembridge will have written a version beyond this one while anybody still runs this code."""

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
_STEPS = (
    _SCHEMA,
    """
ALTER TABLE job ADD COLUMN crc INTEGER NOT NULL DEFAULT -1;    -- of the payload; -1: not known
ALTER TABLE job ADD COLUMN ended_s INTEGER NOT NULL DEFAULT 0; -- by `clock`
CREATE TABLE clock (seconds INTEGER NOT NULL) STRICT;          -- how long daemons have run in all
INSERT INTO clock VALUES (0);
CREATE INDEX job_client ON job (client, number);
""",
    """
ALTER TABLE job ADD COLUMN reply TEXT NOT NULL DEFAULT '';     -- in the words of the door
UPDATE job SET reply = host || ':' || port;
ALTER TABLE job DROP COLUMN host;
ALTER TABLE job DROP COLUMN port;
""",
)
"""What leads from each version of the schema to the next."""

_OUTER_TROUBLE = frozenset({
    sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_AUTH,
})  # fmt: skip
"""Errors that say nothing about the file's content."""


class JournalError(DiskFullError):
    """The journal cannot be read or written; it is tried again."""


class JournalFile:
    """The open database; errors of the disk are `JournalError`s."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            CreateFailedError: as `open_database`.
        """
        self._path = path
        self._database = open_database(path)
        self._ballast = Ballast(path.parent)

    def close(self) -> None:
        """Close the file; everything committed stays."""
        self._database.close()

    def reopen(self) -> None:
        """After an error of the disk: take hold of the file again.

        Raises:
            JournalError: it is not there yet.
        """
        with contextlib.suppress(sqlite3.Error):
            self._database.close()  # the last one to close it also empties the write-ahead log
        try:
            self._database = open_database(self._path)
        except StembridgeError as error:
            raise JournalError(error.sentence, retry_after_ms=2000) from error

    def execute(self, query: str, *values: object) -> sqlite3.Cursor:
        """Run one statement, which commits by itself.

        Raises:
            JournalError: the file cannot be used now.
        """
        try:
            return self._database.execute(query, values)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            remedy = "start the daemon again" if is_damage(error) else "free some room"
            raise JournalError(
                f"The journal {self._path} cannot be used ({error}): no job is taken or begun "
                f"until it can; {remedy}.",
                retry_after_ms=2000,
            ) from error

    def row(self, query: str, *values: object) -> Any:
        """The first row of a query."""
        return self.execute(query, *values).fetchone()

    def last_word(self, write: Callable[[], object]) -> None:
        """Write a state; on a full disk give up the ballast for it."""
        try:
            write()
        except JournalError:
            self._ballast.give_up()
            write()

    def regain_ballast(self) -> None:
        """Hold room back again (called when a job was accepted, so there is some)."""
        self._ballast.take()


def open_database(path: Path) -> sqlite3.Connection:
    """Open the journal, setting a damaged one aside.

    Raises:
        CreateFailedError: the file cannot be made, or a newer stembridge wrote it.
    """
    _make_private(path)
    try:
        return _connect(path)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        if not is_damage(error):
            raise _cannot_open(path, error) from error
        kept = _set_aside(path)
        _log.error("The journal was damaged (%s); it is kept as %s, a new one starts.", error, kept)
    _make_private(path)
    try:
        return _connect(path)
    except sqlite3.Error as error:
        raise _cannot_open(path, error) from error


def is_damage(error: sqlite3.Error | UnicodeDecodeError) -> bool:
    """Whether an error speaks of the file's content, not of the disk or the system around it.

    SQLite quotes the damaged schema in its messages, which Python cannot always decode.
    """
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(error, sqlite3.ProgrammingError):  # it is closed, and will be opened again
        return False
    return code is None or code & 0xFF not in _OUTER_TROUBLE


def _cannot_open(path: Path, error: Exception) -> CreateFailedError:
    return CreateFailedError(
        f"The journal {path} cannot be opened: {error}. Choose another folder with --state."
    )


def _make_private(path: Path) -> None:
    """Let SQLite find a file that only its owner can read; SQLite's other files follow its mode."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise CreateFailedError(f"The journal {path} is not a file.")
            if os.name == "posix":
                os.fchmod(descriptor, PRIVATE_FILE)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _cannot_open(path, error) from error


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None)
    try:
        database.row_factory = sqlite3.Row
        database.text_factory = lambda raw: raw.decode("utf-8", "replace")
        _refuse_newer(database, path)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("PRAGMA foreign_keys=ON")
        verdict = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        _migrate(database)
        if _columns(database) != _our_columns():  # one flipped bit makes another name of a name
            raise sqlite3.DatabaseError("its tables are not ours")
        if database.execute("SELECT count(*) FROM clock").fetchone()[0] != 1:
            raise sqlite3.DatabaseError("the clock is missing")
    except BaseException:
        database.close()
        raise
    return database


def _columns(database: sqlite3.Connection) -> list[tuple[Any, ...]]:
    tables = ("job", "stem", "clock")
    return [tuple(row) for name in tables for row in database.execute(f"PRAGMA table_info({name})")]


@functools.cache
def _our_columns() -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        _migrate(database)
        return _columns(database)


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _refuse_newer(database: sqlite3.Connection, path: Path) -> None:
    version = _version(database)
    if not 0 <= version <= _FURTHEST_VERSION:
        raise sqlite3.DatabaseError(f"it says version {version}")
    if version > SCHEMA_VERSION:
        raise CreateFailedError(f"The journal {path} was written by a newer stembridge; update.")


def _migrate(database: sqlite3.Connection) -> None:
    for version, step in enumerate(_STEPS[_version(database) :], _version(database) + 1):
        database.executescript(f"BEGIN; {step} PRAGMA user_version={version}; COMMIT;")


def _set_aside(path: Path) -> Path:
    number = 1
    while (kept := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    try:
        path.rename(kept)
        for suffix in ("-wal", "-shm"):
            beside = path.with_name(path.name + suffix)
            if beside.exists():
                beside.rename(kept.with_name(kept.name + suffix))
    except OSError as error:
        raise _cannot_open(path, error) from error
    return kept


class Ballast:
    """A file of zeros that keeps room for a last word on a full disk."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "ballast"
        self.take()

    def take(self) -> None:
        """Occupy the room, if there is plenty."""
        try:
            if self._path.stat().st_size == BALLAST_BYTES:
                return
        except OSError:
            pass
        pieces = (bytes(2**20) for _ in range(BALLAST_BYTES // 2**20))
        with (
            contextlib.suppress(StembridgeError),
            open_folder(self._path.parent, follow=True, make=False) as folder,
        ):
            folder.write(self._path.name, pieces, PRIVATE_FILE)

    def give_up(self) -> None:
        """Free the room."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

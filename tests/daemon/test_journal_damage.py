"""A journal that was damaged, or comes from an older stembridge: never a traceback, never a jam."""

from __future__ import annotations

import logging
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from stembridge.daemon import journal_file
from stembridge.daemon.jobs import Journal
from stembridge.daemon.records import FileRecord
from stembridge.daemon.sessions import address_in
from stembridge.errors import CreateFailedError, StembridgeError

HERE = "127.0.0.1:9"
PAYLOAD = {"pairs": {"generate": "bass", "bpm": "87.3", "bars": 4}, "clips": [{"path": "/a"}]}
DONE = {"folder": "/f", "receipt": "/f/receipt.json", "stems": 1}
STEM = FileRecord("bass", 0, "/p", "", 1, 44_100, "{}")
FLIPS = 120


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """A journal with one job running, one done, two waiting."""
    path = tmp_path / "j.sqlite3"
    journal = Journal(path)
    for name in ("runs", "done", "waits", "last"):
        journal.accept(name, "c", PAYLOAD, HERE)
    journal.start_next()
    journal.add_stem("done", 1, STEM)
    journal.finish("done", "done", 2, DONE)
    journal.close()
    yield path


def alter(path: Path, what: str, *values: object) -> None:
    database = sqlite3.connect(path, isolation_level=None)
    database.execute(what, values)
    database.close()


@pytest.mark.parametrize("name", ["runs", "waits"])
@pytest.mark.parametrize(
    "payload", ['{"pairs": ', "7", "{}", '{"pairs": {}, "clips": [7]}', "[" * 9999, "\ufffd"]
)
def test_a_request_that_cannot_be_read_fails_alone(path: Path, name: str, payload: str) -> None:
    alter(path, "UPDATE job SET payload = ?, crc = -1 WHERE id = ?", payload, name)
    journal = Journal(path)
    journal.recover()
    job = journal.get(name)
    assert job and (job.state, job.result["symbol"]) == ("failed", "GENERAL")
    assert "ask again" in job.result["sentence"] and not job.received
    started = [job.id for _ in range(3) if (job := journal.start_next()) is not None]
    assert started == [other for other in ("runs", "waits", "last") if other != name]
    journal.close()


def test_a_request_that_reads_well_but_is_another_one_is_found_out(path: Path) -> None:
    alter(path, "UPDATE job SET payload = replace(payload, '87.3', '97.3') WHERE id = 'waits'")
    journal = Journal(path)
    job = journal.get("waits")
    assert job and job.state == "failed" and "request" in job.result["sentence"]
    journal.close()


@pytest.mark.parametrize(
    ("column", "value"),
    [("state", "dome"), ("result", "{"), ("result", '{"folder": 7}'), ("result", "null")],
)
def test_an_answer_that_cannot_be_read_says_so(path: Path, column: str, value: str) -> None:
    alter(path, f"UPDATE job SET {column} = ? WHERE id = 'done'", value)
    journal = Journal(path)
    job = journal.get("done")
    assert job and job.state == "failed" and "state" in job.result["sentence"]
    journal.close()


def test_an_address_or_a_file_that_cannot_be_read_harms_nobody(path: Path) -> None:
    alter(path, "UPDATE job SET reply = '127.0.0.q:70000'")
    alter(path, "UPDATE stem SET body = '{'")
    journal = Journal(path)
    job = journal.get("done")
    assert job and address_in(job.reply) == ("127.0.0.1", 9)
    assert journal.stems("done") == []
    journal.close()


def test_any_flipped_byte_is_survived(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Every start works, and every job that is there can be read."""
    caplog.set_level(logging.CRITICAL)
    whole = path.read_bytes()
    rng = random.Random(13)
    outcomes = {"quarantined": 0, "refused": 0, "read": 0}
    for _ in range(FLIPS):
        data = bytearray(whole)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        for file in path.parent.glob("j.sqlite3*"):
            file.unlink()
        path.write_bytes(data)
        try:
            journal = Journal(path)
        except CreateFailedError as error:
            assert "newer" in error.sentence
            outcomes["refused"] += 1
            continue
        read_all(journal)
        journal.close()
        aside = path.with_name("j.sqlite3.damaged-1").exists()
        outcomes["quarantined" if aside else "read"] += 1
    print(outcomes)
    assert outcomes["quarantined"] > 0 and outcomes["read"] > 0


@pytest.mark.parametrize(
    ("word", "instead"),
    [
        (b"seconds", b"sekonds"),
        (b"attempts", b"attempds"),
        (b"'queued'", b"'queved'"),
        (b"CREATE TABLE job", b"CREATE T\xc1BLE job"),
    ],
)
def test_a_flipped_letter_in_the_schema_is_damage(path: Path, word: bytes, instead: bytes) -> None:
    data = path.read_bytes()
    assert word in data
    path.write_bytes(data.replace(word, instead))
    journal = Journal(path)
    read_all(journal)
    journal.close()
    assert path.with_name("j.sqlite3.damaged-1").exists()


def read_all(journal: Journal) -> None:
    journal.recover()
    for name in ("runs", "done", "waits", "last"):
        job = journal.get(name)
        if job is not None:
            journal.stems(name)
    while (job := journal.start_next()) is not None:
        journal.fail(job.id, job.seq + 1, StembridgeError("No."))
    journal.accept("new", "d", PAYLOAD, HERE)
    journal.tidy()


def test_a_journal_of_the_first_version_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "j.sqlite3"
    database = sqlite3.connect(path, isolation_level=None)
    database.executescript(journal_file._STEPS[0] + "PRAGMA user_version=1;")
    row = ("r", "c", '{"pairs": {"bpm": "120"}, "clips": []}', "127.0.0.1", 9)
    database.execute("INSERT INTO job (id, client, payload, host, port) VALUES (?,?,?,?,?)", row)
    database.close()
    journal = Journal(path)
    job = journal.start_next()
    assert job and (job.id, job.damage, job.payload["pairs"]) == ("r", "", {"bpm": "120"})
    assert job.reply == HERE
    journal.close()


def test_a_table_that_is_missing_or_a_version_from_nowhere_is_damage(path: Path) -> None:
    alter(path, "DROP TABLE clock")
    Journal(path).close()
    assert path.with_name("j.sqlite3.damaged-1").exists()
    alter(path, "PRAGMA user_version=0")  # its tables are there already
    Journal(path).close()
    assert path.with_name("j.sqlite3.damaged-2").exists()
    alter(path, "PRAGMA user_version=77777")
    Journal(path).close()
    assert path.with_name("j.sqlite3.damaged-3").exists()


def test_only_its_owner_reads_the_journal(path: Path) -> None:
    path.chmod(0o644)
    journal = Journal(path)
    journal.accept("new", "d", PAYLOAD, HERE)
    files = [file for file in path.parent.iterdir() if file.is_file()]
    assert {file.name for file in files} >= {"j.sqlite3", "j.sqlite3-wal", "ballast"}
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    journal.close()


def test_what_stands_in_the_journals_place_is_said(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("folder", "link"):
        with pytest.raises(CreateFailedError, match="cannot be opened"):
            Journal(tmp_path / name)
    assert not (tmp_path / "elsewhere").exists()

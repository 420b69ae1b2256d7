"""The journal: acceptance, order, bounds, recovery, damage, full disk."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from stembridge.daemon.jobs import SEQ_PER_START, JobRow, Journal, Limits
from stembridge.daemon.journal_file import BALLAST_BYTES, SCHEMA_VERSION
from stembridge.daemon.lock import FolderLock
from stembridge.daemon.records import FileRecord
from stembridge.errors import (
    CancelledError,
    CreateFailedError,
    DiskFullError,
    IdConflictError,
    QueueFullError,
)

HERE = "127.0.0.1:9"
STEM = FileRecord("bass", 0, "/p", "", 1, 44_100, "{}")
DONE = {"folder": "/f", "receipt": "/f/receipt.json", "stems": 1}
PAYLOAD = {"pairs": {"generate": "bass", "bpm": "87.3", "bars": 4}, "clips": []}


@pytest.fixture
def journal(tmp_path: Path):
    opened = Journal(tmp_path / "j.sqlite3", Limits(queued=6, per_client=4, kept=5))
    yield opened
    opened.close()


def accept(journal: Journal, request_id: str, client: str = "c") -> JobRow:
    return journal.accept(request_id, client, PAYLOAD, HERE)[0]


def test_a_repeat_is_the_same_job_and_another_content_is_a_conflict(journal: Journal) -> None:
    first, is_new = journal.accept("r", "c", PAYLOAD, HERE)
    again, is_new_again = journal.accept("r", "c", PAYLOAD, "127.0.0.1:10")
    assert (is_new, is_new_again) == (True, False)
    assert first == again
    for client, payload in (("c", {**PAYLOAD, "clips": [{"path": "/x"}]}), ("d", PAYLOAD)):
        with pytest.raises(IdConflictError):
            journal.accept("r", client, payload, HERE)


def test_jobs_start_in_the_order_they_came(journal: Journal) -> None:
    for name in ("b", "a", "c"):
        accept(journal, name)
    assert [journal.position(job) for job in journal.of_client("c")] == [0, 1, 2]
    started = [journal.start_next() for _ in range(4)]
    assert [job and job.id for job in started] == ["b", "a", "c", None]
    assert journal.counts() == (0, 3)


def test_the_queue_is_bounded_for_all_and_for_each(journal: Journal) -> None:
    for index in range(4):
        accept(journal, f"a{index}")
    with pytest.raises(QueueFullError) as caught:
        accept(journal, "a4")
    assert caught.value.retry_after_ms > 0
    accept(journal, "b0", "b"), accept(journal, "b1", "b")
    with pytest.raises(QueueFullError, match="6 jobs wait"):
        accept(journal, "e0", "e")
    assert journal.get("e0") is None


def test_a_job_survives_the_journal(journal: Journal, tmp_path: Path) -> None:
    accept(journal, "r")
    journal.start_next()
    journal.add_stem("r", 7, STEM)
    journal.close()
    again = Journal(tmp_path / "j.sqlite3")
    assert again.recover() == []
    job = again.get("r")
    assert job and (job.state, job.attempts, job.payload) == ("queued", 1, PAYLOAD)
    assert again.stems("r") == [(7, STEM)]
    again.close()


def test_a_job_is_given_up_after_three_attempts(journal: Journal) -> None:
    accept(journal, "r")
    for _ in range(2):
        journal.start_next()
        assert journal.requeue("r", "it died.").state == "queued"
    journal.start_next()
    (job,) = journal.recover()
    assert (job.state, job.result["symbol"]) == ("failed", "ATTEMPTS_EXHAUSTED")
    assert "3 times" in job.result["sentence"]


def test_an_orderly_stop_does_not_count(journal: Journal) -> None:
    accept(journal, "r")
    for _ in range(5):
        journal.start_next()
        journal.requeue("r", "", counted=False)
    job = journal.get("r")
    assert job and (job.state, job.attempts) == ("queued", 0)


def test_seq_grows_over_starts(journal: Journal) -> None:
    accept(journal, "r")
    seen = [0]
    for counted in (False, True, True):
        job = journal.start_next()
        assert job is not None
        assert job.seq > seen[-1] + SEQ_PER_START - 2
        seen.append(job.seq)
        journal.requeue("r", "x", counted=counted)
    job = journal.fail("r", seen[-1] + 5, CancelledError("No."))
    assert job.seq > seen[-1] and job.state == "cancelled"


def test_final_answers_are_owed_until_received(journal: Journal) -> None:
    accept(journal, "r")
    journal.receive("r")  # too early: it has no final answer yet
    journal.start_next()
    journal.finish("r", "done", 3, DONE)
    assert [job.id for job in journal.owed("c")] == ["r"]
    journal.receive("r")
    assert journal.owed("c") == []
    journal.receive("unknown")


def test_received_jobs_go_by_count_and_open_ones_stay(journal: Journal) -> None:
    accept(journal, "stays")
    for index in range(9):
        accept(journal, f"r{index}")
        journal.finish(f"r{index}", "done", 1, DONE)
        journal.receive(f"r{index}")
    journal.tidy()
    kept = [job.id for job in journal.of_client("c")]
    assert kept == ["stays", "r4", "r5", "r6", "r7", "r8"]


def test_answers_nobody_received_stay_whatever_comes_after(tmp_path: Path) -> None:
    """Only their age ends them, counted in daemons' running time; and 10,000 are enough."""
    journal = Journal(tmp_path / "j.sqlite3", Limits(kept=3, owed=12, owed_s=100))
    for index in range(10):
        accept(journal, f"owed{index}", "away")
        journal.finish(f"owed{index}", "done", 1, DONE)
        accept(journal, f"r{index}")
        journal.finish(f"r{index}", "done", 1, DONE)
        journal.receive(f"r{index}")
    journal.tidy()
    assert len(journal.owed("away")) == 10 and journal.owed("away", 2)[1].id == "owed1"
    for index in range(4):
        accept(journal, f"more{index}", "away")
        journal.finish(f"more{index}", "done", 1, DONE)
    journal.tidy()
    assert [job.id for job in journal.owed("away", 2)] == ["owed2", "owed3"]
    journal._ticked_s -= 101  # as if it had run so long
    accept(journal, "young", "away")
    journal.finish("young", "done", 1, DONE)
    journal.tidy()
    assert [job.id for job in journal.owed("away")] == ["young"]
    journal.close()
    again = Journal(tmp_path / "j.sqlite3", Limits(owed_s=100))
    again._ticked_s -= 101
    again.tidy()
    assert again.owed("away") == []
    again.close()


def test_seq_never_falls_when_a_job_waits_again(journal: Journal) -> None:
    """Progress is not journalled: a job that ran and waits again stands behind all of it."""
    accept(journal, "r")
    started = journal.start_next()
    assert started is not None
    shown = started.seq + 5000
    waiting = journal.requeue("r", "it died.")
    assert waiting.seq > shown
    again = journal.start_next()
    assert again is not None and again.seq > waiting.seq


def test_a_damaged_journal_is_kept_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "j.sqlite3"
    journal = Journal(path)
    for index in range(16):
        accept(journal, f"r{index}")
    journal.close()
    data = bytearray(path.read_bytes())
    for at in range(100, len(data), len(data) // 100):
        data[at] ^= 0xFF
    for round_ in (1, 2):
        path.write_bytes(data if round_ == 1 else b"not a database, but long enough to be one" * 99)
        fresh = Journal(path)
        assert fresh.oldest_open() is None
        accept(fresh, "new")
        fresh.close()
        assert (tmp_path / f"j.sqlite3.damaged-{round_}").exists()
    assert "damaged" in caplog.text


def test_a_newer_journal_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite3"
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    database.close()
    before = path.read_bytes()
    with pytest.raises(CreateFailedError, match="newer"):
        Journal(path)
    assert path.read_bytes() == before


def test_a_journal_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    with pytest.raises(CreateFailedError, match="cannot be opened"):
        Journal(tmp_path / "no such folder" / "j.sqlite3")


def can_mount(folder: Path) -> bool:
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    command = ["mount", "-t", "tmpfs", "-o", "size=10m", "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True).returncode == 0


def test_a_full_disk_refuses_jobs_but_records_states(tmp_path: Path) -> None:
    if not can_mount(tmp_path):
        pytest.skip(reason="mounting a small file system needs root on Linux")
    try:
        journal = Journal(tmp_path / "j.sqlite3")
        accept(journal, "r")
        journal.start_next()
        assert (tmp_path / "ballast").stat().st_size == BALLAST_BYTES
        with (tmp_path / "filler").open("wb", buffering=0) as file, pytest.raises(OSError):
            while True:
                file.write(bytes(2**16))
        big = {"pairs": {}, "clips": [{"path": "x" * 2**16}]}
        with pytest.raises(DiskFullError):
            journal.accept("s", "c", big, HERE)
        assert journal.get("s") is None
        assert journal.finish("r", "failed", 9, {"sentence": "y" * 2**16}).state == "failed"
        assert not (tmp_path / "ballast").exists()
        (tmp_path / "filler").unlink()
        journal.file.regain_ballast()
        assert journal.accept("s", "c", big, HERE)[1]
        assert (tmp_path / "ballast").exists()
        journal.close()
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_one_folder_one_daemon(tmp_path: Path) -> None:
    mine = pytest.raises(CreateFailedError, match=f"process {os.getpid()}")
    with FolderLock(tmp_path / "state"), mine:
        FolderLock(tmp_path / "state")
    FolderLock(tmp_path / "state").release()


def test_a_lock_in_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(CreateFailedError, match="cannot be used"):
        FolderLock(tmp_path / "state")

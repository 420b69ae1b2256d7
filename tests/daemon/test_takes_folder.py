"""The takes folder: on the disk where it was found, nameable, and clean after what was given up."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from stembridge.daemon.files_gate import TakesFolder, tellable
from stembridge.daemon.jobs import Journal
from stembridge.daemon.outbox import Outbox
from stembridge.daemon.sessions import ClientSessions
from stembridge.errors import AttemptsExhaustedError, CreateFailedError
from stembridge.request.tag import take_tag
from stembridge.wire import osc
from tests.helpers.daemons import ASK, talking


def test_a_drive_that_went_away_is_said_and_nothing_is_written_beneath(tmp_path: Path) -> None:
    async def session() -> None:
        async with talking(tmp_path) as (daemon, client):
            assert len(await (await client.generate(**ASK)).wait()) == 1
            assert daemon.takes._disk is not None
            daemon.takes._disk += 1  # as if the mount point were empty now
            with pytest.raises(CreateFailedError, match="drive of the output folder"):
                await client.generate(**ASK, seed=2)

    asyncio.run(session())


def test_a_folder_that_was_removed_is_not_made_again(tmp_path: Path) -> None:
    takes = TakesFolder(tmp_path / "a" / "takes")
    takes.check()
    (tmp_path / "a" / "takes").rmdir()
    with pytest.raises(CreateFailedError, match="cannot be used"):
        takes.check()
    assert not (tmp_path / "a" / "takes").exists()


def test_a_folder_that_no_message_can_name_is_refused_at_once() -> None:
    for out in (Path("/" + "n" * 601), Path("/" + "ü" * 301), Path("/a\udcff")):
        with pytest.raises(CreateFailedError, match="--out"):
            tellable(out)
    assert tellable(Path("/takes")) == Path("/takes")


@pytest.mark.parametrize("text", ["ü" * 5000, "a\0b", "a\udcffb", "😀" * 300, "short"])
def test_whatever_is_said_fits_a_message(tmp_path: Path, text: str) -> None:
    sent: list[bytes] = []
    outbox = Outbox(Journal(tmp_path / "journal.sqlite3"), ClientSessions(10.0))
    outbox.connect(lambda data, _to: sent.append(data), frozenset(), six=False)
    outbox.post(("127.0.0.1", 9), "/stembridge/log", 1, text)
    ((priority, fitted),) = [message.values for data in sent for message in osc.parse(data)]
    assert priority == 1 and isinstance(fitted, str)
    assert fitted == text or len(fitted) < len(text) or "\udcff" in text


def test_no_part_is_left_of_a_job_that_is_given_up(tmp_path: Path) -> None:
    async def session() -> None:
        async with talking(tmp_path, faulty=True) as (daemon, client):
            (tmp_path / "faults" / "crash").write_text("3")
            job = await client.generate(**ASK, request_id="poison")
            left = daemon.out / f"bass_{take_tag('poison')}"
            left.mkdir()
            (left / f".stembridge-{'a' * 16}.part").write_bytes(b"half")
            with pytest.raises(AttemptsExhaustedError):
                await job.wait()
            assert list(left.iterdir()) == []

    asyncio.run(session())

"""Clips that wait for their request: what is kept, for how long, and who makes room."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from stembridge.daemon.admission import ClipTable, check_stems
from stembridge.daemon.telling import model_facts
from stembridge.errors import BadArgsError
from stembridge.testing import FakeModel, fake_manifest
from tests.helpers.daemons import ASK, write_context
from tests.helpers.raw import raw

CLIP = {"stem": "drums", "path": "/a.wav"}


def is_held(table: ClipTable, request_id: str, client: str) -> bool:
    try:
        return table.take(request_id, client, 1) == [CLIP]
    except BadArgsError as error:
        assert error.retry_after_ms > 0
        return False


def test_the_oldest_makes_room_first_of_the_same_client() -> None:
    table = ClipTable(most=4, most_per_client=2)
    for request_id in ("a1", "a2", "a3"):
        table.hold(request_id, "a", 0, CLIP)
    assert [is_held(table, f"a{n}", "a") for n in (1, 2, 3)] == [False, True, True]
    for client in "bcd":
        table.hold("r", client, 0, CLIP)
    assert [is_held(table, f"a{n}", "a") for n in (2, 3)] == [False, True]
    assert all(is_held(table, "r", client) for client in "bcd")


def test_a_request_that_still_grows_is_not_the_oldest() -> None:
    table = ClipTable(most_per_client=2)
    table.hold("first", "a", 0, CLIP)
    table.hold("second", "a", 0, CLIP)
    table.hold("first", "a", 1, CLIP)
    table.hold("third", "a", 0, CLIP)
    assert is_held(table, "first", "a") and not is_held(table, "second", "a")


def test_clips_are_forgotten_after_their_time() -> None:
    table = ClipTable(life_s=0.0)
    table.hold("r", "a", 0, CLIP)
    with pytest.raises(BadArgsError, match="not arrived: 0"):
        table.take("r", "a", 1)


def test_late_and_doubled_clips_jam_nobody(tmp_path: Path) -> None:
    """A lossy network brings clips after their request was accepted, again and again."""
    path = write_context(tmp_path, "drums")["drums"]

    async def session() -> None:
        async with raw(tmp_path, max_queue=300) as (_daemon, client):
            for n in range(150):
                head = (f"r{n}", f"client{n // 10}")
                clip = (*head, 0, "stem", "drums", "path", path)
                pairs = [item for pair in ASK.items() for item in pair]
                client.send("clip", *clip)
                client.send("generate", *head, *pairs, "clips", 1)
                assert (await client.receive("accepted", "error")).row.address.endswith("accepted")
                client.send("clip", *clip)
                assert (await client.receive("clip.held")).args["index"] == 0

    asyncio.run(session())


def test_stems_and_groups_of_known_stems_are_let_in() -> None:
    labels = ({"name": "labels", "channels": 4},)
    told = fake_manifest(stems=("mixture",), condition_layout=labels, latents_add_up=True)
    facts = model_facts(FakeModel(told))
    assert facts.stems == ("bass", "drums", "guitar", "piano")
    check_stems(("bass", "drums+guitar"), facts)
    check_stems(("bass+zither",), None)  # no model yet: the worker will say it
    with pytest.raises(BadArgsError, match="but not zither"):
        check_stems(("bass+zither",), facts)

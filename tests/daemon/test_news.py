"""Several doors hear the same news, each on its own."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from daemons import ASK, running, until

from stembridge.client import AsyncClient
from stembridge.daemon.news import Ended, FileMade, Item, ModelReady, Newsroom, Noted, Progressed
from stembridge.daemon.sessions import address_in, as_text


def test_a_door_that_fails_spoils_nothing(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Item] = []

    def broken(item: Item) -> None:
        raise OSError("the page is gone")

    newsroom = Newsroom()
    newsroom.subscribe(broken)
    newsroom.subscribe(heard.append)
    with caplog.at_level(logging.ERROR):
        newsroom.tell(Noted(2, "hello"))
    assert heard == [Noted(2, "hello")] and "telling of Noted" in caplog.text


def test_a_second_door_hears_what_the_client_hears(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as daemon:
            page: list[Item] = []
            daemon.newsroom.subscribe(page.append)
            await until(lambda: daemon.executor.state == "ready")
            async with AsyncClient(port=daemon.port, timeout_s=60) as client:
                job = await client.generate(request_id="r", **ASK)
                (stem,) = await job.wait()
            assert any(isinstance(item, ModelReady) for item in page)
            assert any(isinstance(item, Progressed) and item.fraction > 0 for item in page)
            (made,) = [item for item in page if isinstance(item, FileMade)]
            (ended,) = [item for item in page if isinstance(item, Ended)]
            assert (made.job.id, made.record.path) == ("r", stem.path)
            assert (ended.job.state, ended.job.result["stems"]) == ("done", 1)
            assert page.index(made) < page.index(ended)

    asyncio.run(scenario())


@pytest.mark.parametrize("text", ["", "127.0.0.1", "127.0.0.q:9", "127.0.0.1:70000", "::", "a:b:c"])
def test_a_damaged_reply_leads_nowhere(text: str) -> None:
    assert address_in(text) == ("127.0.0.1", 9)
    assert address_in(as_text(("127.0.0.1", 5005))) == ("127.0.0.1", 5005)

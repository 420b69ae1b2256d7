"""Mixes taken apart through the daemon: a life cycle like any job's."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import soundfile

from stembridge.client import AsyncClient, Done, Progress, Stem
from stembridge.errors import (
    BadArgsError,
    CancelledError,
    IdConflictError,
    NoSuchFileError,
    StembridgeError,
)
from tests.helpers.daemons import ASK, DaemonProcess, talking
from tests.helpers.mixes import four_tones

HEARS = {"model": Path("fake:hears=mix")}


def mix_in(folder: Path, seconds: float = 1.0) -> str:
    path = folder / "mix.wav"
    soundfile.write(path, four_tones(22_050, seconds).sum(0).T, 22_050)
    return str(path)


async def told(client: AsyncClient, mix: str, **keys: Any) -> list[Any]:
    job = await client.separate(mix, **keys)
    return [event async for event in job.events()]


def test_stems_come_as_those_of_a_take_do_and_the_same_id_is_the_same_job(tmp_path: Path) -> None:
    async def session() -> None:
        async with talking(tmp_path, **HEARS) as (_daemon, client):
            mix = mix_in(tmp_path)
            events = await told(client, mix, request_id="apart", stems="bass,drums")
            stems = [event for event in events if isinstance(event, Stem)]
            assert [stem.stem for stem in stems] == ["bass", "drums", "rest"]
            assert isinstance(events[-1], Done) and Path(events[-1].receipt).is_file()
            assert any(isinstance(event, Progress) for event in events)
            verdict = json.loads(stems[0].verdict)
            assert verdict["share"] > 0.1 and any("only 1 s" in word for word in stems[0].said)
            again = await client.separate(mix, request_id="apart", stems="bass,drums")
            assert await again.wait() == stems
            with pytest.raises(IdConflictError):
                await client.separate(mix, request_id="apart", stems="bass")
            with pytest.raises(IdConflictError):
                await client.generate(request_id="apart", **ASK)

    asyncio.run(session())


def test_what_cannot_be_done_is_said_at_once_or_as_the_answer(tmp_path: Path) -> None:
    refused: list[tuple[dict[str, Any], type[StembridgeError], str]] = [
        ({"mix": str(tmp_path / "gone.wav")}, NoSuchFileError, "gone"),
        ({"mix": "/etc/hostname"}, StembridgeError, "outside"),
        ({"stems": "vocals"}, BadArgsError, "vocals"),
        ({"method": "magic"}, BadArgsError, "method"),
    ]

    async def session() -> None:
        async with talking(tmp_path, **HEARS) as (_daemon, client):
            mix = mix_in(tmp_path)
            for keys, error, word in refused:
                with pytest.raises(error, match=word):
                    await client.separate(**({"mix": mix} | keys))
            job = await client.separate(mix, method="dirac")
            with pytest.raises(BadArgsError, match="waveform model"):
                await job.wait()

    asyncio.run(session())


def test_it_can_be_taken_back(tmp_path: Path) -> None:
    async def session() -> None:
        model = {"model": Path("fake:hears=mix,delay=0.3")}
        async with talking(tmp_path, **model) as (_daemon, client):
            job = await client.separate(mix_in(tmp_path, 20.0), request_id="long")
            async for event in job.events():
                if isinstance(event, Progress):
                    break
            await client.cancel("long")
            with pytest.raises(CancelledError):
                await job.wait()
            left = [path for path in tmp_path.rglob("*stems*/*") if path.is_file()]
            assert not left

    asyncio.run(session())


def test_kill_9_in_the_middle_loses_nothing(tmp_path: Path) -> None:
    async def session(daemon: DaemonProcess, mix: str) -> list[Stem]:
        async with AsyncClient(port=daemon.port, client_id="survivor", timeout_s=60) as client:
            job = await client.separate(mix, request_id="apart")
            async for event in job.events():
                if isinstance(event, Progress):
                    break
            daemon.kill()
            daemon.start_again()
            return await asyncio.wait_for(job.wait(), 120)

    with DaemonProcess(tmp_path, model="fake:hears=mix,delay=0.2") as daemon:
        stems = asyncio.run(session(daemon, mix_in(tmp_path, 6.0)))
    assert [stem.stem for stem in stems] == ["bass", "drums", "guitar", "piano", "rest"]
    assert all(soundfile.info(stem.path).frames == 6 * 22_050 for stem in stems)
    assert not list(tmp_path.rglob("*.part"))

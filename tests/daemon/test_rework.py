"""Takes worked on through the daemon: a life cycle like any job's."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import soundfile

from stembridge.client import AsyncClient, Stem
from stembridge.errors import BadArgsError, IdConflictError, NoSuchFileError, StembridgeError
from tests.helpers.daemons import ASK, talking

ARRANGE = ASK | {"generate": "bass,piano", "bars": 2, "steps": 3}
NOTES: dict[str, Any] = {"model": Path("fake:notes=bass+piano")}


async def made(client: AsyncClient, request_id: str, **keys: Any) -> list[Stem]:
    return await (await client.generate(request_id=request_id, **(ARRANGE | keys))).wait()


def receipt_of(stem: Stem) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(Path(stem.path).with_name("receipt.json").read_text())
    return told


def test_a_take_is_worked_on_by_its_jobs_id_its_folder_or_its_receipt(tmp_path: Path) -> None:
    async def session() -> None:
        async with talking(tmp_path, **NOTES) as (_daemon, client):
            first = await made(client, "first", midi=True)
            folder = Path(first[0].path).parent
            reworks: dict[str, dict[str, Any]] = {
                "by-id": {"parent": "first", "prompt.bass": "busy", "best": 2},
                "by-folder": {"parent": str(folder), "bars": "2", "like": 0.5},
                "by-receipt": {"parent": str(folder / "receipt.json"), "octaves": 1,
                               "stems": "bass", "bpm": "90"},
                "of-it": {"parent": "by-id", "more_bars": 1},
            }  # fmt: skip
            for name, keys in reworks.items():
                stems = await (await client.rework(request_id=name, **keys)).wait()
                told = receipt_of(stems[0])
                assert told["request"]["request_id"] == name
                assert Path(stems[0].path).parent.name.startswith("bass_piano_")
                assert told["parent"]["take"] == (2 if name == "of-it" else 1)
                assert {stem.variation for stem in stems} == {told["parent"]["take"]}
                assert stems[0].midi and Path(stems[0].midi).is_file()
                assert stems[0].take_midi and Path(stems[0].take_midi).is_file()
                if name == "by-id":  # what is kept is the same to the sample
                    assert told["prompt"]["understood"][0]["effect"] == "more notes of bass"
                    old, new = (soundfile.read(one[1].path)[0] for one in (first, stems))
                    assert (old == new).all()
            assert soundfile.info(stems[0].path).frames == 3 * 2 * 44_100

    asyncio.run(session())


def test_the_same_id_is_the_same_rework_and_no_other(tmp_path: Path) -> None:
    async def session() -> None:
        async with talking(tmp_path) as (_daemon, client):
            await made(client, "first")
            keys: dict[str, Any] = {"request_id": "again", "parent": "first", "redo": True}
            stems = await (await client.rework(**keys)).wait()
            assert await (await client.rework(**keys)).wait() == stems
            with pytest.raises(IdConflictError):
                await client.rework(**(keys | {"seed": 7}))
            with pytest.raises(IdConflictError):
                await client.rework("first", request_id="first", redo=True)
            assert await client.status("again") == "done"

    asyncio.run(session())


def test_what_cannot_be_done_is_said_at_once_or_as_the_answer(tmp_path: Path) -> None:
    at_once: list[tuple[dict[str, Any], type[StembridgeError], str]] = [
        ({"parent": "nobody", "redo": True}, StembridgeError, "nobody"),
        ({"parent": str(tmp_path / "gone"), "redo": True}, NoSuchFileError, "gone"),
        ({"parent": "/etc", "redo": True}, StembridgeError, "outside"),
        ({"parent": "first"}, BadArgsError, "Nothing is to change"),
        ({"parent": "first", "bars": "x"}, BadArgsError, "like 5-8"),
        ({"parent": "first", "redo": True, "context.drums": "/d.wav"}, BadArgsError, "context"),
        ({"redo": True, "parent": ""}, BadArgsError, "take to work on"),
    ]
    later = (({"bars": "3"}, "between 1 and 2"), ({"redo": True, "stems": "guitar"}, "no guitar"))

    async def session() -> None:
        async with talking(tmp_path) as (_daemon, client):
            stems = await made(client, "first")
            for keys, kind, words in at_once:
                with pytest.raises(kind, match=words):
                    await client.rework(
                        **({"redo": True} if keys["parent"] != "first" else {}) | keys
                    )
            for keys, words in later:
                job = await client.rework("first", **keys)
                with pytest.raises(BadArgsError, match=words):
                    await job.wait()
            Path(stems[0].path).with_name("take1.npz").unlink()
            with pytest.raises(NoSuchFileError, match="take1"):
                await (await client.rework("first", redo=True)).wait()

    asyncio.run(session())


def test_a_rework_is_cancelled_like_any_job(tmp_path: Path) -> None:
    async def session() -> None:
        async with talking(tmp_path, model=Path("fake:delay=0.05")) as (_daemon, client):
            await made(client, "first", steps=2)
            job = await client.rework("first", request_id="long", redo=True, steps=500)
            await job.next_event()
            await client.cancel("long")
            with pytest.raises(StembridgeError, match="cancel"):
                await job.wait()
            assert await client.status("long") == "cancelled"
            folder = Path(client.out_folder)
            assert len(list(folder.iterdir())) == 1

    asyncio.run(session())

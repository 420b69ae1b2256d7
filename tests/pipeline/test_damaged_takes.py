"""What is kept of a take may be damaged, or made up: working on it ends in words, or well."""

from __future__ import annotations

import copy
import io
import json
import random
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.errors import BadArgsError, StembridgeError
from stembridge.pipeline.rework import rework
from stembridge.pipeline.run import arrange
from stembridge.request import parse_request, parse_rework
from stembridge.testing import open_fake

MODEL = open_fake("fake:notes=bass")
WISHES: tuple[dict[str, Any], ...] = (
    {"redo": True}, {"semitones": 2}, {"more_bars": 1}, {"bpm": "90"}, {"redo": True, "like": 0.4},
    {"density": 0.5}, {"swing": 0.6}, {"loop": True}, {"octaves": 1, "midi": True},
)  # fmt: skip
ODD: tuple[Any, ...] = (
    None, True, -1, 0, 2**31, 2**70, 1e308, float("inf"), float("nan"), -0.5, "", "1e9", "\0",
    "x" * 5000, "../../../etc/passwd", "\ud800", [], {}, [[[]]], {"a": {}},
)  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    request = {"generate": "bass", "bpm": "120", "bars": 2, "request_id": "parent"}
    out = tmp_path_factory.mktemp("takes")
    return arrange(parse_request(request), MODEL, out)[0].path.parent


def copied(whole: Path) -> Path:
    take = whole.with_name("damaged")
    shutil.rmtree(take, ignore_errors=True)
    shutil.copytree(whole, take)
    return take


def works(take: Path, **wish: Any) -> bool:
    told = {"parent": str(take), "request_id": "child", **wish}
    rework(parse_rework(told), MODEL, take.parent, roots=AllowedRoots.of([take.parent]))
    return True


def written(latents: Any, facts: Any) -> bytes:
    data = io.BytesIO()
    text = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    np.savez(data, latents=latents, facts=text)
    return data.getvalue()


def kept(whole: Path) -> tuple[Any, Any]:
    with np.load(whole / "take1.npz") as file:
        return file["latents"], json.loads(file["facts"].tobytes())


def changed(facts: Any, **parts: Any) -> Any:
    return facts | {"parts": [facts["parts"][0] | parts]}


STATES: dict[str, Callable[[Any, Any], bytes]] = {
    "no latents": lambda _x, f: written(np.zeros((0, 0, 0), np.float32), f),
    "another model's latents": lambda _x, f: written(np.zeros((1, 1, 9), np.float32), f),
    "twice as many stems": lambda x, f: written(np.repeat(x, 2, 0), f),
    "latents beyond numbers": lambda x, f: written(x * np.float32(1e30), f),
    "latents of text": lambda _x, f: written(np.array("x"), f),
    "complex latents": lambda x, f: written(x.astype(complex), f),
    "no notes": lambda x, f: written(x, f | {"parts": []}),
    "another stem's notes": lambda x, f: written(x, changed(f, stem="piano")),
    "a longer take's notes": lambda x, f: written(x, changed(f, length_beats=9e5)),
    "a note before the take": lambda x, f: written(x, changed(f, notes=[[-1, 1, 40, 90]])),
    "a note after it": lambda x, f: written(x, changed(f, notes=[[8.5, 1, 40, 90]])),
    "a pitch that is none": lambda x, f: written(x, changed(f, notes=[[0, 1, 140, 90]])),
    "an endless note": lambda x, f: written(x, changed(f, notes=[[0, float("inf"), 40, 90]])),
    "a choice that is none": lambda x, f: written(x, f | {"choice": {"playing": []}}),
    "timbres that are none": lambda x, f: written(x, f | {"choice": {"timbres": True}}),
    "facts that are a list": lambda x, _f: written(x, [1]),
    "facts nested deep": lambda x, _f: written(x, 0).replace(b"0", b"[" * 9000),
    "no archive": lambda _x, _f: b"no archive",
    "an archive of nothing": lambda _x, _f: b"PK\x05\x06" + bytes(18),
}


@pytest.mark.parametrize("name", STATES)
def test_a_state_that_is_none_is_said(whole: Path, name: str) -> None:
    take = copied(whole)
    (take / "take1.npz").write_bytes(STATES[name](*kept(whole)))
    with pytest.raises(BadArgsError):
        works(take, redo=True)


@pytest.mark.parametrize("frames", [10**9, 10**15])
def test_an_array_that_says_it_is_huge_costs_nothing(whole: Path, frames: int) -> None:
    take, header = copied(whole), io.BytesIO()
    told = {"descr": "<f4", "fortran_order": False, "shape": (4, 8, frames)}
    np.lib.format.write_array_header_1_0(header, told)
    with zipfile.ZipFile(take / "take1.npz", "w") as archive:
        archive.writestr("latents.npy", header.getvalue())
        archive.writestr("facts.npy", b"")
    with pytest.raises(BadArgsError):
        works(take, redo=True)


@pytest.mark.parametrize("name", ["//elsewhere/x.wav", "/etc/x.wav", "../x.wav", "a\\b", ""])
def test_a_receipt_names_files_beside_it(whole: Path, name: str) -> None:
    take = copied(whole)
    receipt = json.loads((take / "receipt.json").read_text())
    receipt["stems"][0]["file"] = name
    (take / "receipt.json").write_text(json.dumps(receipt))
    with pytest.raises(BadArgsError, match="damaged"):
        works(take, semitones=1)


def test_whatever_one_value_becomes(whole: Path) -> None:
    rng, outcomes = random.Random(13), {"worked": 0, "refused": 0}
    receipt = json.loads((whole / "receipt.json").read_text())
    latents, facts = kept(whole)
    for number in range(60):
        take = copied(whole)
        if number % 2:
            (take / "receipt.json").write_text(json.dumps(mutant(receipt, rng)))
        else:
            (take / "take1.npz").write_bytes(written(latents, mutant(facts, rng)))
        try:
            outcomes["worked"] += works(take, **rng.choice(WISHES))
        except StembridgeError:
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 5, outcomes


def mutant(value: Any, rng: random.Random) -> Any:
    """The value with something odd in one place of it, or without that place."""
    changed = copy.deepcopy(value)
    place = rng.choice([path for path in places(changed) if path])
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    if rng.random() < 0.2:
        del inner[place[-1]]
    else:
        inner[place[-1]] = rng.choice(ODD)
    return changed


def places(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield here
    inner: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value[:4])
    for key, item in inner:
        yield from places(item, (*here, key))


def test_a_folder_whose_name_is_no_text_is_no_accident(tmp_path: Path) -> None:
    """Unix file names are bytes."""
    asked = {"generate": "bass", "bpm": "120", "bars": 1}
    (stem,) = arrange(parse_request(asked), MODEL, tmp_path / "caf\udce9")
    assert "caf?" in (stem.path.parent / "take.html").read_text()

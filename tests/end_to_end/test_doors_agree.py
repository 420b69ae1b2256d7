"""The same request gives the same bytes at every door: library, command line, daemon."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from stembridge.cli import main
from stembridge.pipeline.rework import rework
from stembridge.pipeline.run import arrange
from stembridge.request import parse_request, parse_rework
from stembridge.testing import open_fake
from tests.helpers.daemons import talking

MODEL = "fake:notes=bass+piano"
REQUESTS: dict[str, dict[str, Any]] = {
    "nothing": {"generate": "bass,drums,piano", "bpm": "120", "bars": 2, "seed": 3, "steps": 3},
    "context": {
        "generate": "bass,piano", "bpm": "133.7", "bars": 1, "time_signature": "7/8", "seed": 11,
        "sampler": "heun", "steps": 3, "variations": 2, "session_rate": 48_000, "guidance": 2.0,
        "context": "drums",
    },
    "own-sound": {
        "generate": "bass", "bpm": "87.3", "bars": 2, "seed": 5, "steps": 3, "chords": "Am F",
        "sound": "model", "sample_format": "float", "midi": True, "use_grid": False,
        "context": "drums",
    },
}  # fmt: skip
REWORK = {"bars": "2", "like": 0.5, "seed": 8}


def hashes(folder: Path) -> dict[str, str]:
    files = sorted([*folder.rglob("*.wav"), *folder.rglob("*.mid")])
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def wishes_for(name: str, drums: Path) -> dict[str, Any]:
    wishes = dict(REQUESTS[name])
    if wishes.pop("context", ""):
        wishes["context.drums"] = str(drums)
    return wishes


def options(wishes: dict[str, Any]) -> list[str]:
    """The wishes as words of the command line."""
    switches = {"midi": "--midi", "sample_format": "--float", "use_grid": "--no-grid"}
    words: list[str] = []
    for key, value in wishes.items():
        head, dot, stem = key.partition(".")
        if key in switches:
            words.append(switches[key])
        else:
            option = {"session_rate": "rate"}.get(head, head).replace("_", "-")
            words += [f"--{option}", f"{stem}={value}" if dot else str(value)]
    return words


@pytest.fixture
def drums(tmp_path: Path) -> Path:
    noise = np.random.default_rng(0).standard_normal((44_100 * 3, 1)).astype(np.float32)
    path = tmp_path / "drums.wav"
    soundfile.write(path, noise * np.tile(np.linspace(0.3, 0, 11_025), 12)[:, None], 44_100)
    return path


def command(tmp_path: Path, *words: str) -> dict[str, str]:
    with pytest.raises(SystemExit, match="0"):
        main([*words, "--model", MODEL, "--out", str(tmp_path)])
    return hashes(tmp_path)


def test_library_command_line_and_daemon_give_the_same_bytes(tmp_path: Path, drums: Path) -> None:
    wanted: dict[str, dict[str, str]] = {}
    for name in REQUESTS:
        wishes, home = wishes_for(name, drums), tmp_path / name
        made = arrange(parse_request(wishes), open_fake(MODEL), home / "library")
        wanted[name] = hashes(home / "library")
        assert len(wanted[name]) >= len(made) > 0
        assert command(home / "command", "arrange", *options(wishes)) == wanted[name]
    parent = str(next((tmp_path / "nothing" / "library").iterdir()))
    wish, home = parse_rework({"parent": parent, **REWORK}), tmp_path / "rework"
    rework(wish, open_fake(MODEL), home / "library")
    wanted["rework"] = hashes(home / "library")
    assert command(home / "command", "rework", parent, *options(REWORK)) == wanted["rework"]

    async def session() -> dict[str, dict[str, str]]:
        found = {}
        async with talking(tmp_path, apart=True, model=Path(MODEL)) as (_daemon, client):
            for name in REQUESTS:
                stems = await (await client.generate(**wishes_for(name, drums))).wait()
                found[name] = hashes(Path(stems[0].path).parent)
            stems = await (await client.rework(parent=parent, **REWORK)).wait()
            found["rework"] = hashes(Path(stems[0].path).parent)
        return found

    assert asyncio.run(session()) == wanted

"""The same requests give the same takes from one version to the next.

The model is in closed form, so the numbers hang on nothing but the pipeline: noise, windows,
samplers, guidance, levels, edges. Kept is a sketch of each file, its mean level in fortieths of its
length, since the last bits depend on the machine's numpy. Where a change means to change the sound:

    STEMBRIDGE_WRITE_GOLDEN=1 python -m pytest tests/pipeline/test_golden.py
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from stembridge.pipeline.run import arrange
from stembridge.request import parse_request
from stembridge.runtime.manifest import SamplerDefaults
from stembridge.testing import FakeModel, fake_manifest

GOLDEN = Path(__file__).with_name("golden.json")
BASE = {"bpm": 120, "bars": 2, "seed": 11}
REQUESTS: dict[str, dict[str, Any]] = {
    "from nothing": {"generate": "bass,drums,guitar,piano"},
    "bass for drums": {"generate": "bass", "context.drums": "drums"},
    "two takes": {"generate": "bass,guitar", "context.piano": "piano", "variations": 2},
    "euler": {"generate": "piano", "context.drums": "drums", "sampler": "euler", "steps": 9},
    "sde": {"generate": "guitar", "sampler": "dpmpp_2m_sde", "chords": "Am F"},
    "in turn": {"generate": "drums", "context.piano": "piano", "bars": 8, "use_grid": False},
    "together": {"generate": "bass", "bars": 8, "chords": "Dm G", "start_beats": 8},
    "guided, odd": {"generate": "piano", "time_signature": "7/8", "bpm": 133.7, "guidance": 2},
    "another rate": {"generate": "drums", "session_rate": 48000, "sample_format": "float"},
    "a late, looped clip": {
        "generate": "bass",
        "clips": [{"stem": "drums", "path": "drums", "timeline_start_beats": 1.5, "loop": True,
                   "loop_end_s": 0.75, "gain": 0.5}],
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def sketches(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[float]]]:
    folder = tmp_path_factory.mktemp("golden")
    files = _contexts(folder)
    manifest = fake_manifest(
        sampler=SamplerDefaults(name="heun", steps=5), chords_from_context=True
    )
    found = {}
    for name, wishes in REQUESTS.items():
        named = BASE | {
            key: files[value] if key.startswith("context.") else value
            for key, value in wishes.items()
        }
        if "clips" in named:
            named["clips"] = [clip | {"path": files[clip["path"]]} for clip in named["clips"]]
        stems = arrange(parse_request(named), FakeModel(manifest), folder / name)
        found[name] = {f"{s.stem} {s.variation}": _sketch(s.path) for s in stems}
    return found


def _contexts(folder: Path) -> dict[str, str]:
    t = np.arange(4 * 44100) / 44100
    hits = np.exp(-((t * 2) % 1) * 9) * np.sin(2 * np.pi * 180 * t)
    chord = sum(np.sin(2 * np.pi * hz * t) for hz in (220.0, 261.63, 329.63)) * 0.1
    for name, sound in (("drums", 0.4 * hits), ("piano", chord * np.exp(-(t % 1)))):
        soundfile.write(folder / f"{name}.wav", np.asarray(sound, np.float32), 44100, "FLOAT")
    return {name: str(folder / f"{name}.wav") for name in ("drums", "piano")}


def _sketch(path: Path) -> list[float]:
    sound, _rate = soundfile.read(path, dtype="float32")
    level = np.abs(sound if sound.ndim == 1 else sound.mean(axis=1))
    return [round(float(part.mean()), 6) for part in np.array_split(level, 40)]


def test_the_takes_are_those_of_the_last_version(
    sketches: dict[str, dict[str, list[float]]],
) -> None:
    if os.environ.get("STEMBRIDGE_WRITE_GOLDEN"):
        GOLDEN.write_text(json.dumps(sketches).replace("}, ", "},\n") + "\n")
    kept = json.loads(GOLDEN.read_text())
    assert {n: list(s) for n, s in sketches.items()} == {n: list(s) for n, s in kept.items()}
    for name, stems in sketches.items():
        for stem, levels in stems.items():
            np.testing.assert_allclose(
                levels, kept[name][stem], rtol=2e-3, atol=2e-5, err_msg=f"{name}: {stem}"
            )


def test_a_sketch_tells_seeds_apart(sketches: dict[str, dict[str, list[float]]]) -> None:
    first, second = (np.array(sketches["two takes"][f"bass {k}"]) for k in (0, 1))
    assert np.abs(first / second - 1).max() > 0.02

"""Chords heard in the context reach the model and the receipt, where the model wants them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from stembridge.chords import parse_progression
from stembridge.conditions import GRID_CHANNELS, chord_block, frame_beats
from stembridge.pipeline.receipt_reading import read_receipt, request_of
from stembridge.pipeline.run import arrange
from stembridge.request import parse_request
from stembridge.runtime.manifest import ConditionBlock
from stembridge.testing import FakeModel, fake_manifest

LISTENING = fake_manifest(chords_from_context=True)
DEAF = fake_manifest()
GRID_ONLY = fake_manifest(
    chords_from_context=True,
    condition_layout=(ConditionBlock(name="grid", channels=GRID_CHANNELS),),
)


class Listener(FakeModel):
    """Keeps the conditions it was last told."""

    told = np.zeros(0, np.float32)

    def denoise(self, x: Any, sigma: Any, conditions: Any) -> Any:
        self.told = np.array(conditions[0])
        return super().denoise(x, sigma, conditions)


@pytest.fixture(scope="module")
def piano(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two bars of F major and D minor at 120 bpm, each chord struck on every beat."""
    rate = 22050
    t = np.arange(rate // 2) / rate
    beats = []
    for pitches in ((60, 65, 69), (62, 65, 69)):
        hz = [440 * 2 ** ((pitch - 69) / 12) for pitch in pitches]
        beat = sum(np.sin(2 * np.pi * h * f * t) / h**2 for f in hz for h in (1, 2, 3))
        beats += 4 * [0.1 * beat * np.exp(-3 * t)]
    path = tmp_path_factory.mktemp("heard") / "piano.wav"
    soundfile.write(path, np.concatenate(beats), rate, subtype="FLOAT")
    return path


def made(model: FakeModel, out: Path, **wishes: Any) -> tuple[dict[str, Any], Path]:
    base = {"generate": "bass", "bpm": 120, "bars": 2, "steps": 2, "request_id": "r"}
    folder = arrange(parse_request(base | wishes), model, out)[0].path.parent
    return read_receipt(folder), folder


def chords_told(model: Listener) -> np.ndarray:
    return model.told[GRID_CHANNELS:]


def test_heard_chords_reach_the_model_and_the_receipt(piano: Path, tmp_path: Path) -> None:
    model = Listener(LISTENING)
    receipt, _ = made(model, tmp_path / "a", **{"context.piano": str(piano)})
    assert receipt["context"]["chords_heard"] == "F@0 Dm@4"
    n_frames = -(-4 * 22050 // 512)
    beats = frame_beats(n_frames, 512, 22050, 120.0)
    expected = chord_block(beats, parse_progression("F Dm", 4, 8))
    np.testing.assert_array_equal(chords_told(model)[:, :n_frames], expected)
    # The request stays as it was asked; making it again hears the same.
    assert not receipt["request"].get("chords")
    again = arrange(request_of(receipt), Listener(LISTENING), tmp_path / "b")[0]
    assert again.sha256 == receipt["stems"][0]["sha256"]


def test_what_was_heard_may_be_told_and_corrected(piano: Path, tmp_path: Path) -> None:
    context = {"context.piano": str(piano)}
    receipt, _ = made(FakeModel(LISTENING), tmp_path / "a", **context)
    heard = receipt["context"]["chords_heard"]
    told, _ = made(FakeModel(LISTENING), tmp_path / "b", chords=heard, **context)
    assert told["stems"][0]["sha256"] == receipt["stems"][0]["sha256"]
    assert told["context"]["chords_heard"] == ""
    model = Listener(LISTENING)
    made(model, tmp_path / "c", chords=heard.replace("Dm", "Bb"), **context)
    assert set(np.flatnonzero(chords_told(model)[1:13, 150])) == {10, 2, 5}


@pytest.mark.parametrize(
    ("manifest", "stem", "wishes"),
    [
        (DEAF, "piano", {}),
        (GRID_ONLY, "piano", {}),
        (LISTENING, "drums", {}),
        (LISTENING, "piano", {"use_grid": False}),
    ],
)
def test_no_chords_are_heard_where_they_are_not_wanted(
    manifest: Any, stem: str, wishes: dict[str, Any], piano: Path, tmp_path: Path
) -> None:
    model = Listener(manifest)
    receipt, _ = made(model, tmp_path, **{f"context.{stem}": str(piano)}, **wishes)
    assert receipt["context"]["chords_heard"] == ""
    assert not chords_told(model).any()

"""`midi` in a request writes a MIDI file beside bass and drums."""

from __future__ import annotations

from pathlib import Path

import mido
import pytest

from stembridge.pipeline.run import arrange
from stembridge.request import parse_request
from stembridge.testing import FakeModel

ASK = {"generate": "bass,drums,piano", "bpm": "120", "bars": 2, "steps": 2, "seed": 0}


def test_midi_files_lie_beside_the_stems(tmp_path: Path) -> None:
    made = arrange(parse_request(ASK | {"midi": True}), FakeModel(), tmp_path)
    written = sorted(tmp_path.rglob("*.mid"))
    single = [stem.path.with_suffix(".mid") for stem in made if stem.stem in {"bass", "drums"}]
    assert written == sorted([*single, made[0].path.with_name("2bars_120bpm_seed0_take1.mid")])
    for path in written:
        assert mido.MidiFile(path).length == pytest.approx(4.0)


def test_none_unasked(tmp_path: Path) -> None:
    arrange(parse_request(ASK), FakeModel(), tmp_path)
    assert not list(tmp_path.rglob("*.mid"))

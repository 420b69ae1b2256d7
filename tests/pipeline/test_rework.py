"""Takes worked on: what is asked for changes, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from stembridge.errors import BadArgsError, NoSuchFileError
from stembridge.parts import Part
from stembridge.pipeline.receipt import read_receipt
from stembridge.pipeline.rework import rework
from stembridge.pipeline.rework_wish import Rework
from stembridge.pipeline.run import arrange
from stembridge.pipeline.take_state import load_state
from stembridge.request import parse_request
from stembridge.runtime.manifest import NoteReaderEntry
from stembridge.testing import FakeModel, fake_manifest

READERS = {
    stem: NoteReaderEntry(file="fake", lowest=60, threshold=0.5) for stem in ("bass", "piano")
}


def model() -> FakeModel:
    return FakeModel(fake_manifest(note_readers=READERS, timbres={"piano": ("grand", "rhodes")}))


def parent(tmp_path: Path, **more: Any) -> Path:
    told = {"generate": "bass,piano", "bpm": "120", "bars": 4, "steps": 4, "seed": 5}
    return arrange(parse_request(told | more), model(), tmp_path / "a")[0].path.parent


def child(folder: Path, **wish: Any) -> Path:
    return rework(folder, Rework(**wish), model(), folder.parent.parent / "b")[0].path.parent


def sounds(folder: Path) -> dict[str, np.ndarray]:
    told = read_receipt(folder)["stems"]
    return {item["stem"]: soundfile.read(folder / item["file"])[0] for item in told}


def parts(folder: Path) -> dict[str, Part]:
    return dict(load_state(folder, 0).parts)


def test_bars_anew_leave_the_others_to_the_sample(tmp_path: Path) -> None:
    folder = parent(tmp_path, sound="model", session_rate=22_050)  # the model's: not resampled
    before, after = sounds(folder), sounds(child(folder, redo=True, bars=(2, 3), stems=("bass",)))
    bar = 2 * 22_050
    inside = slice(bar, 3 * bar)
    difference = np.abs(before["bass"] - after["bass"])
    assert difference[:bar].max() == difference[3 * bar :].max() == 0
    assert difference[inside].max() > 1e-3
    assert not np.abs(before["piano"] - after["piano"]).any()
    receipt = read_receipt(child(folder, redo=True, bars=(2, 3)))
    assert receipt["parent"]["receipt"] == str(folder / "receipt.json")
    assert receipt["rework"] == {"redo": True, "bars": [2, 3]}


def test_bars_anew_leave_other_notes_as_they_are(tmp_path: Path) -> None:
    folder = parent(tmp_path)
    other = child(folder, redo=True, bars=(2, 3), seed=77)
    old, new = parts(folder)["piano"], parts(other)["piano"]

    def outside(part: Part) -> list[Any]:
        return [n for n in part.notes if n.end_beats < 3.9 or n.start_beats > 12.1]

    assert outside(old) == outside(new)
    latents = [load_state(f, 0).latents for f in (folder, other)]
    frames = int(2 * 22_050 / 512)
    assert np.array_equal(latents[0][..., :frames], latents[1][..., :frames])
    assert not np.array_equal(latents[0], latents[1])


def test_more_like_this_is_the_same_at_nothing_and_drifts_away(tmp_path: Path) -> None:
    folder = parent(tmp_path)
    same = child(folder, like=0.0)
    assert parts(same) == parts(folder)
    state = load_state(folder, 0).latents[0]
    far = [
        float(np.abs(load_state(child(folder, like=s), 0).latents[0] - state).mean())
        for s in (0.05, 0.5, 1.0)
    ]
    assert 0 < far[0] < far[1]
    assert far[0] < far[2]


def test_it_goes_on_for_some_bars(tmp_path: Path) -> None:
    folder = parent(tmp_path, sound="model")
    longer = sounds(child(folder, more_bars=2))
    n = 4 * 2 * 44100
    for stem, before in sounds(folder).items():
        assert longer[stem].shape[0] == n * 3 // 2
        assert np.abs(longer[stem][: n - 2000] - before[: n - 2000]).max() < 2e-2
        assert np.abs(longer[stem][n + 4000 :]).max() > 1e-3


def test_notes_are_changed_without_the_network(tmp_path: Path) -> None:
    folder, network = parent(tmp_path), model()
    stems = rework(
        folder, Rework(octaves=-1, density=0.5, stems=("piano",)), network, tmp_path / "c"
    )
    assert network.n_calls == 0
    old, new = parts(folder), parts(stems[0].path.parent)
    assert old["bass"] == new["bass"]
    assert {n.pitch for n in new["piano"].notes} == {n.pitch - 12 for n in old["piano"].notes}
    assert 0 < len(new["piano"].notes) < len(old["piano"].notes)


def test_another_tempo_instrument_and_rate(tmp_path: Path) -> None:
    folder = parent(tmp_path)
    changes = {"bpm": "90", "session_rate": 48000}
    other = child(folder, changes=changes, timbres={"piano": "rhodes"})
    heard = sounds(other)["piano"]
    assert heard.shape == (round(16 * 60 / 90 * 48000), 2)
    assert parts(other) == parts(folder)
    assert read_receipt(other)["stems"][1]["timbre"] == "rhodes"


def test_what_cannot_be_done_is_said(tmp_path: Path) -> None:
    folder = parent(tmp_path)
    for wish, words in (
        ({"take": 2}, "no take 2"),
        ({"stems": ("drums",)}, "has no drums"),
        ({"bars": (3, 9), "redo": True}, "between 1 and 4"),
        ({"bars": (1, 2)}, "say --redo"),
        ({"redo": True, "changes": {"bpm": "90"}}, "one after the other"),
        ({"octaves": 1, "changes": {"sound": "model"}}, "cannot be changed"),
    ):
        with pytest.raises(BadArgsError, match=words):
            child(folder, **wish)
    (folder / "take1.npz").write_bytes(b"no zip")
    with pytest.raises(BadArgsError, match="damaged"):
        child(folder, octaves=1)
    (folder / "take1.npz").unlink()
    with pytest.raises(NoSuchFileError, match="--receipt"):
        child(folder, octaves=1)

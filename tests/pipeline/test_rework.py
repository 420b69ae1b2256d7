"""Takes worked on: what is asked for changes, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.errors import BadArgsError, NoSuchFileError, PathDeniedError
from stembridge.parts import Part
from stembridge.pipeline.receipt import write_receipt
from stembridge.pipeline.receipt_reading import read_receipt
from stembridge.pipeline.rework import rework
from stembridge.pipeline.run import arrange
from stembridge.pipeline.take_state import TakeState, load_state
from stembridge.request import (
    Rework,
    parse_request,
    parse_rework,
    rework_from_mapping,
    rework_to_mapping,
)
from stembridge.runtime.manifest import NoteReaderEntry, SamplerDefaults
from stembridge.testing import FakeModel, fake_manifest

READERS = {
    stem: NoteReaderEntry(file="fake", lowest=60, threshold=0.5) for stem in ("bass", "piano")
}


def model() -> FakeModel:
    return FakeModel(fake_manifest(note_readers=READERS, timbres={"piano": ("grand", "rhodes")}))


def parent(tmp_path: Path, **more: Any) -> Path:
    told = {"generate": "bass,piano", "bpm": "120", "bars": 4, "steps": 4, "seed": 5}
    return arrange(parse_request(told | more), model(), tmp_path / "a")[0].path.parent


def wish_for(folder: Path, **wish: Any) -> Rework:
    return parse_rework({"parent": str(folder), **wish})


def child(folder: Path, **wish: Any) -> Path:
    made = rework(wish_for(folder, **wish), model(), folder.parent.parent / "b")
    return made[0].path.parent


def sounds(folder: Path) -> dict[str, np.ndarray]:
    told = read_receipt(folder)["stems"]
    return {item["stem"]: soundfile.read(folder / item["file"])[0] for item in told}


def state(folder: Path) -> TakeState:
    return load_state(folder, read_receipt(folder)["stems"][0]["variation"])


def parts(folder: Path) -> dict[str, Part]:
    return dict(state(folder).parts)


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
    assert receipt["rework"]["bars"] == [2, 3] and receipt["rework"]["redo"]


def test_bars_anew_leave_other_notes_as_they_are(tmp_path: Path) -> None:
    folder = parent(tmp_path)
    other = child(folder, redo=True, bars=(2, 3), seed=77)
    old, new = parts(folder)["piano"], parts(other)["piano"]

    def outside(part: Part) -> list[Any]:
        return [n for n in part.notes if n.end_beats < 3.9 or n.start_beats > 12.1]

    assert outside(old) == outside(new)
    latents = [state(f).latents for f in (folder, other)]
    frames = int(2 * 22_050 / 512)
    assert np.array_equal(latents[0][..., :frames], latents[1][..., :frames])
    assert not np.array_equal(latents[0], latents[1])


def test_more_like_this_is_the_same_at_nothing_and_drifts_away(tmp_path: Path) -> None:
    folder = parent(tmp_path)
    same = child(folder, like=0.0)
    assert parts(same) == parts(folder)
    before = state(folder).latents[0]
    far = [
        float(np.abs(state(child(folder, like=s)).latents[0] - before).mean())
        for s in (0.05, 0.5, 1.0)
    ]
    assert 0 < far[0] < far[1]
    assert far[0] < far[2]


def test_little_drift_begins_with_little_noise_wherever_takes_end(tmp_path: Path) -> None:
    class Listening(FakeModel):
        def denoise(self, x: Any, sigma: Any, *conditions: Any) -> Any:
            levels.append(float(sigma.max()))
            return super().denoise(x, sigma, *conditions)

    levels: list[float] = []
    habit = SamplerDefaults(steps=4, sigma_min=0.5, rho=50.0)
    listening = Listening(fake_manifest(note_readers=READERS, sampler=habit))
    request = parse_request({"generate": "bass", "bpm": "120", "bars": 2, "seed": 5})
    folder = arrange(request, listening, tmp_path / "a")[0].path.parent
    levels.clear()
    rework(wish_for(folder, like=0.15), listening, tmp_path / "b")
    assert [levels[0], 10 * levels[-1]] == pytest.approx([np.tan(0.15 * np.pi / 2)] * 2, rel=1e-4)
    rework(wish_for(folder, like=0.9), listening, tmp_path / "c")
    assert levels[-1] == pytest.approx(0.5)


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
    wish = wish_for(folder, octaves=-1, density=0.5, stems="piano")
    stems = rework(wish, network, tmp_path / "c")
    assert network.n_calls == 0
    old, new = parts(folder), parts(stems[0].path.parent)
    assert old["bass"] == new["bass"]
    assert {n.pitch for n in new["piano"].notes} == {n.pitch - 12 for n in old["piano"].notes}
    assert 0 < len(new["piano"].notes) < len(old["piano"].notes)


def test_another_tempo_instrument_and_rate(tmp_path: Path) -> None:
    folder = parent(tmp_path)
    changes = {"bpm": "90", "session_rate": 48000}
    other = child(folder, **changes, timbres={"piano": "rhodes"})
    heard = sounds(other)["piano"]
    assert heard.shape == (round(16 * 60 / 90 * 48000), 2)
    assert parts(other) == parts(folder)
    assert read_receipt(other)["stems"][1]["timbre"] == "rhodes"


@pytest.mark.parametrize("wish", [{"keep": "piano"}, {"stems": "bass", "like": 1}])
def test_stems_that_are_kept_stay_to_the_sample(tmp_path: Path, wish: dict[str, Any]) -> None:
    folder = parent(tmp_path, sound="model")
    before, after = sounds(folder), sounds(child(folder, **wish))
    assert np.array_equal(before["piano"], after["piano"])
    assert not np.array_equal(before["bass"], after["bass"])


def test_notes_are_changed_in_some_bars_only(tmp_path: Path) -> None:
    folder = parent(tmp_path)
    old, new = parts(folder)["piano"], parts(child(folder, octaves=1, bars="2-3"))["piano"]
    moved = [n for n in new.notes if n not in old.notes]
    assert moved and all(3.9 < n.start_beats < 12.1 for n in moved)
    assert {n for n in old.notes if n.start_beats < 3.9} <= set(new.notes)


def test_every_rework_is_the_next_take(tmp_path: Path) -> None:
    folder = parent(tmp_path, variations=2, sound="model")
    second = child(folder, take=2, redo=True)
    third = child(second, like=0.2)
    told = [read_receipt(f) for f in (second, third)]
    assert [{s["variation"] for s in one["stems"]} for one in told] == [{2}, {3}]
    assert [one["parent"]["take"] for one in told] == [2, 3]
    assert all(s["file"].endswith("_take4.wav") for s in told[1]["stems"])
    assert told[1]["parent"]["stems"]["bass"]["sha256"] == told[0]["stems"][0]["sha256"]


def test_the_best_of_what_is_made_anew_is_kept(tmp_path: Path) -> None:
    folder = parent(tmp_path, sound="model")
    best = read_receipt(child(folder, redo=True, best=3))
    assert "of 3 was kept" in str(best["stems"][0]["verdict"]["warnings"])


def test_a_take_becomes_a_loop_by_its_last_bar(tmp_path: Path) -> None:
    folder = parent(tmp_path)
    looped = child(folder, loop=True)
    assert read_receipt(looped)["request"]["loop"]
    old, new = parts(folder)["piano"], parts(looped)["piano"]
    assert [n for n in old.notes if n.end_beats < 11.9] == [
        n for n in new.notes if n.end_beats < 11.9
    ]
    said = read_receipt(looped)["stems"][0]["verdict"]["warnings"]
    assert "bar 4 was made anew, so that the end flows into the start" in said


def test_the_same_rework_gives_the_same_bytes_and_its_receipt_gives_it_again(
    tmp_path: Path,
) -> None:
    folder = parent(tmp_path)
    wish = wish_for(folder, like=0.4, bars="2", density=2, timbres={"piano": "rhodes"}, midi=True)
    kept = json.loads(json.dumps(rework_to_mapping(wish)))
    assert rework_from_mapping(kept) == wish
    again = parse_rework(kept)
    assert again == wish
    first, second = (rework(w, model(), tmp_path / n) for w, n in ((wish, "b"), (again, "c")))
    assert [s.sha256 for s in first] == [s.sha256 for s in second]
    old = {"redo": True, "bars": [2.0, 3.0], "changes": {"midi": True}, "parent": str(folder)}
    assert parse_rework(old).changes == {"midi": True}  # as the version before this wrote it


def test_another_model_may_change_notes_only(tmp_path: Path) -> None:
    folder = parent(tmp_path)
    receipt = read_receipt(folder)
    receipt["model"]["artifact_sha256"] = "0" * 64
    write_receipt(folder, receipt)
    child(folder, octaves=1)
    with pytest.raises(BadArgsError, match="another model"):
        child(folder, redo=True)


def test_a_new_key_and_tempo_are_what_comes_next_hears(tmp_path: Path) -> None:
    folder = parent(tmp_path, chords="Am F C G")
    moved = child(folder, semitones=3, bpm="90")
    told = read_receipt(moved)
    symbols = [span["symbol"] for span in told["request"]["chords"]]
    assert symbols == ["Cm", "Ab", "Eb", "Bb"] and state(moved).choice.chords[0].symbol == "Cm"
    assert told["stems"][0]["file"].split("_")[2] == "Cm"
    frames = [state(f).latents.shape[-1] for f in (folder, moved)]
    assert frames[1] == pytest.approx(frames[0] * 120 / 90, abs=1)
    later = child(moved, redo=True, bars="2", stems="piano")
    before, after = ([n for n in parts(f)["piano"].notes if n.start_beats < 3.9]
                     for f in (moved, later))  # fmt: skip
    assert before == after
    octave = read_receipt(child(folder, octaves=1, stems="piano"))
    assert octave["request"]["chords"][0]["symbol"] == "Am"


def test_notes_are_changed_although_what_was_given_is_gone(tmp_path: Path) -> None:
    drums = tmp_path / "drums.wav"
    soundfile.write(drums, np.sin(np.arange(44_100) / 9) * 0.2, 44_100)
    folder = parent(tmp_path, bars=1, **{"context.drums": str(drums)})
    gain = state(folder).gain
    drums.unlink()
    louder = child(folder, octaves=1)
    assert state(louder).gain == gain
    assert "(drums) is not there any more" in str(read_receipt(louder)["stems"][0]["verdict"])
    with pytest.raises(NoSuchFileError, match=r"drums\.wav"):
        child(folder, redo=True)


def test_a_take_outside_the_allowed_folders_is_not_opened(tmp_path: Path) -> None:
    folder = parent(tmp_path)
    roots = AllowedRoots.of([tmp_path / "elsewhere"])
    with pytest.raises(PathDeniedError):
        rework(wish_for(folder, octaves=1), model(), tmp_path / "b", roots=roots)


def test_what_cannot_be_done_is_said(tmp_path: Path) -> None:
    folder = parent(tmp_path)
    for wish, words in (
        ({}, "Nothing is to change"),
        ({"instruments": {}, "timbres": {}, "sound": ""}, "Nothing is to change"),
        ({"stems": "bass", "best": 1}, "Nothing is to change"),
        ({"take": 2, "redo": True}, "no take 2"),
        ({"stems": "drums", "redo": True}, "has no drums"),
        ({"timbres": {"drums": "808"}}, "has no drums"),
        ({"bars": "3-9"}, "between 1 and 4"),
        ({"bars": "3-2"}, "before the last"),
        ({"bars": "0"}, "like 5-8"),
        ({"bars": "1", "more_bars": 2}, "one after the other"),
        ({"like": 0.3, "more_bars": 2}, "one after the other"),
        ({"keep": "bass", "stems": "piano", "redo": True}, "either"),
        ({"keep": "bass,piano"}, "nothing is left"),
        ({"best": 3, "octaves": 1}, "made anew"),
        ({"seed": 3, "octaves": 1}, "made anew"),
        ({"quantise": 1, "loosen_ms": 20}, "undo each other"),
        ({"redo": True, "bpm": "90"}, "one after the other"),
        ({"octaves": 1, "sound": "model"}, "cannot be changed"),
    ):
        with pytest.raises(BadArgsError, match=words):
            child(folder, **wish)
    receipt = read_receipt(folder)
    for key in ("model", "stems", "request"):
        write_receipt(folder, {k: v for k, v in receipt.items() if k != key})
        with pytest.raises(BadArgsError, match=r"damaged|holds no request"):
            child(folder, octaves=1)
    write_receipt(folder, receipt)
    (folder / "take1.npz").write_bytes(b"no zip")
    with pytest.raises(BadArgsError, match="damaged"):
        child(folder, octaves=1)
    (folder / "take1.npz").unlink()
    with pytest.raises(NoSuchFileError, match="--receipt"):
        child(folder, octaves=1)

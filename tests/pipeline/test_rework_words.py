"""Stems of a take made anew as words say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stembridge.errors import BadArgsError
from stembridge.pipeline.receipt_reading import read_receipt
from stembridge.pipeline.rework import rework
from stembridge.pipeline.rework_moved import new_request
from stembridge.pipeline.run import arrange
from stembridge.pipeline.take_state import TakeState, load_state
from stembridge.request import parse_request, parse_rework, rework_from_mapping, rework_to_mapping
from stembridge.runtime.manifest import NoteReaderEntry
from stembridge.testing import FakeModel, fake_manifest

READERS = {
    stem: NoteReaderEntry(file="fake", lowest=60, threshold=0.5) for stem in ("bass", "piano")
}
TIMBRES = {"bass": ("pick", "slap"), "piano": ("grand", "rhodes")}


def model() -> FakeModel:
    return FakeModel(fake_manifest(note_readers=READERS, timbres=TIMBRES))


def parent(tmp_path: Path, **more: Any) -> Path:
    told = {"generate": "bass,piano", "bpm": "120", "bars": 4, "steps": 4, "seed": 5, **more}
    return arrange(parse_request(told), model(), tmp_path / "a")[0].path.parent


def child(folder: Path, **wish: Any) -> Path:
    made = rework(parse_rework({"parent": str(folder), **wish}), model(), folder.parent)
    return made[0].path.parent


def state(folder: Path) -> TakeState:
    return load_state(folder, read_receipt(folder)["stems"][0]["variation"])


def test_words_alone_make_their_stem_anew_and_no_other(tmp_path: Path) -> None:
    folder = parent(tmp_path, prompt="soft bass", **{"timbre.bass": "pick"})
    made = child(folder, **{"prompt.piano": "rhodes, busy"})
    old, new, receipt = state(folder), state(made), read_receipt(made)
    assert new.choice.timbres == {"bass": "pick", "piano": "rhodes"}
    assert new.choice.playing["piano"].density == 1.5
    assert new.choice.playing["bass"].louder == old.choice.playing["bass"].louder == 0.7
    assert new.parts["bass"] == old.parts["bass"] and new.parts["piano"] != old.parts["piano"]
    assert (receipt["rework"]["stems"], receipt["rework"]["redo"]) == (["piano"], True)
    assert receipt["request"]["prompts"] == {"piano": "rhodes, busy"}
    assert receipt["request"]["prompt"] == "soft bass"
    understood = receipt["prompt"]["understood"]
    assert [one["effect"] for one in understood] == ["piano rhodes", "more notes of piano"]
    assert "piano rhodes" in " ".join(str(stem["verdict"]) for stem in receipt["stems"])


def test_later_words_add_to_earlier_ones_and_go_before_names(tmp_path: Path) -> None:
    folder = parent(tmp_path, **{"timbre.piano": "grand", "prompt.bass": "slap"})
    busy = child(folder, **{"prompt.piano": "busy"})
    assert state(busy).choice.timbres["piano"] == "grand"
    soft = child(busy, **{"prompt.piano": "soft rhodes"})
    told = state(soft).choice
    assert (told.playing["piano"].density, told.playing["piano"].louder) == (1.5, 0.7)
    assert told.timbres == {"bass": "slap", "piano": "rhodes"}
    assert read_receipt(soft)["request"]["prompts"] == {"bass": "slap", "piano": "soft rhodes"}
    other = child(soft, **{"negative_prompt.piano": "rhodes"})
    assert state(other).choice.timbres["piano"] == "grand"
    named = child(soft, **{"prompt.piano": "grand", "timbre.piano": "rhodes"})
    assert state(named).choice.timbres["piano"] == "rhodes"
    assert "told by name" in str(read_receipt(named)["prompt"])


def test_chords_stay_and_what_nobody_knows_is_said(tmp_path: Path) -> None:
    folder = parent(tmp_path, chords="Am F C G")
    receipt = read_receipt(child(folder, **{"prompt.bass": "major, xyzzy"}))
    assert receipt["request"]["chords"] == read_receipt(folder)["request"]["chords"]
    assert receipt["prompt"]["understood"][0]["why_not"] == "the take keeps its chords"
    assert receipt["prompt"]["not_understood"] == ["xyzzy"]


def test_the_model_is_told_what_the_words_choose(tmp_path: Path) -> None:
    folder, told = parent(tmp_path, sound="model"), list[Any]()

    class Listening(FakeModel):
        def denoise(self, x: Any, sigma: Any, conditions: Any, tokens: Any = None) -> Any:
            told.append(conditions)
            return super().denoise(x, sigma, conditions, tokens)

    for words in ("grand", "rhodes"):
        wish = parse_rework({"parent": str(folder), "prompt.piano": words, "seed": 1})
        rework(wish, Listening(model().manifest), tmp_path / words)
    assert (told[0] != told[-1]).any()


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"prompt.drums": "busy"}, "has no drums"),
        ({"prompt.bass": "busy", "keep": "bass"}, "not for those that stay"),
        ({"prompt.bass": "busy", "stems": "piano"}, "not for those that stay"),
        ({"negative_prompt.bass": "busy", "bpm": "90"}, "one after the other"),
        ({"prompt.bass": "busy" * 100}, "prompt"),
    ],
)
def test_words_that_fit_nothing_are_refused(
    tmp_path: Path, wish: dict[str, Any], words: str
) -> None:
    with pytest.raises(BadArgsError, match=words):
        child(parent(tmp_path, bars=1), **wish)


def test_words_survive_the_journal_and_other_stems_keep_theirs() -> None:
    wish = parse_rework({"parent": "x", "prompt.bass": "slap", "instrument.piano": "/a.sf2:0"})
    assert rework_from_mapping(rework_to_mapping(wish)) == wish
    assert parse_rework(rework_to_mapping(wish)) == wish
    asked = {"generate": "bass,piano", "bpm": 120, "bars": 4, "instrument.bass": "/b.sf2:33"}
    new = new_request(parse_request(asked), wish)
    assert new.prompts == (("bass", "slap"),)
    assert new.instruments == (("bass", "/b.sf2:33"), ("piano", "/a.sf2:0"))
    bars = parse_rework({"parent": "x", "prompt.bass": "busy", "bars": "3-4"})
    assert (bars.stems, bars.redo) == (("bass",), True)
    every = parse_rework({"parent": "x", "prompt.bass": "busy", "redo": True})
    assert every.stems == ()

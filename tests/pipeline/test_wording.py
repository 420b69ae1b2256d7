"""A prompt from the request to the take, its receipt and its page; and what it narrows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from stembridge.chords.key import key_of
from stembridge.context import context_of
from stembridge.pipeline.choice import Bars, Choice, choose
from stembridge.pipeline.page import PAGE_NAME
from stembridge.pipeline.receipt_reading import read_receipt, request_of
from stembridge.pipeline.rework import rework
from stembridge.pipeline.run import arrange
from stembridge.pipeline.take_state import load_state
from stembridge.pipeline.wording import wording_of
from stembridge.request import parse_request, parse_rework
from stembridge.runtime.manifest import NoteReaderEntry
from stembridge.testing import FakeModel, fake_manifest
from stembridge.words import Wishes

from .test_choice import hearing

EVEN = np.full(3, 1 / 3, np.float32)
READER = NoteReaderEntry(file="fake", lowest=40, threshold=0.5)


def chosen(wishes: Wishes, told: Choice | None = None, **changes: Any) -> list[Choice]:
    manifest, bars = hearing(**changes), Bars(4.0, 16.0)
    both = ["bass", "drums"]
    return [choose(manifest, EVEN, both, s, told or Choice(), bars, wishes) for s in range(60)]


def test_wishes_narrow_what_is_drawn() -> None:
    assert {c.style for c in chosen(Wishes(style="waltz"))} == {"waltz"}
    assert {c.style for c in chosen(Wishes(style="waltz"), Choice("funk"))} == {"funk"}
    assert {c.style for c in chosen(Wishes(avoided_styles=frozenset({"funk"})))} == {
        "house", "waltz"
    }  # fmt: skip
    every = frozenset({"funk", "house", "waltz"})
    assert {c.style for c in chosen(Wishes(avoided_styles=every))} == every
    slap = chosen(Wishes(timbres={"bass": ("slap", "synth")}))
    assert {(c.style, c.timbres["bass"]) for c in slap} == {("funk", "slap"), ("house", "synth")}
    no_slap = chosen(Wishes("funk", avoided_timbres={"bass": frozenset({"slap"})}))
    assert {c.timbres["bass"] for c in no_slap} == {"finger"}
    no_synth = chosen(Wishes("house", avoided_timbres={"bass": frozenset({"synth"})}))
    assert {c.timbres["bass"] for c in no_synth} == {"finger", "slap"}


def test_chords_have_the_mode_and_the_tonic() -> None:
    table = {"house": ("C F G C", "Am Dm E7 Am"), "funk": ("Cm Fm Cm",)}

    def keys(wishes: Wishes) -> set[str | None]:
        return {key_of(c.chords, 16.0) for c in chosen(wishes, style_chords=table)}

    major = keys(Wishes("house", mode="major"))
    assert len(major) == 12
    assert not any(str(key).endswith("m") for key in major)
    assert keys(Wishes("house", mode="minor", tonic=5)) == {"Fm"}
    assert keys(Wishes("funk", mode="major", tonic=2)) == {"D"}  # of another style
    assert {c.chords for c in chosen(Wishes("waltz", mode="major"), style_chords=table)} == {()}


def made(tmp_path: Path, prompt: str | None, **more: Any) -> tuple[Path, dict[str, Any]]:
    model = FakeModel(hearing(note_readers={"bass": READER}))
    told = {"generate": "bass", "bpm": 120, "bars": 2, "steps": 2, "seed": 1}
    told |= {"prompt": prompt}
    (stem,) = arrange(parse_request(told | more), model, tmp_path)
    return stem.path.parent, read_receipt(stem.path.parent)


def test_a_take_follows_its_prompt_and_says_so(tmp_path: Path) -> None:
    folder, receipt = made(
        tmp_path, "dark house, slap bass, sparse, brushes, wobblywoo", negative_prompt="finger"
    )
    (stem,) = receipt["stems"]
    assert (stem["style"], stem["timbre"]) == ("house", "slap")
    assert stem["key"].endswith("m")
    told = receipt["prompt"]
    assert told["not_understood"] == ["wobblywoo"]
    assert {one["words"]: one["effect"] for one in told["understood"]} == {
        "dark": "minor chords", "house": "style house", "slap bass": "bass slap",
        "sparse": "fewer notes", "brushes": None, "finger": "bass not finger",
    }  # fmt: skip
    words = " / ".join(stem["verdict"]["warnings"])
    assert "was not understood: wobblywoo" in words
    assert '"sparse": fewer notes' in words
    assert '"brushes": no drums is made' in words
    page = (folder / PAGE_NAME).read_text()
    assert "Prompt: dark house, slap bass" in page
    assert "Not: finger" in page
    assert "wobblywoo" in page
    again = request_of(receipt)
    (repeated,) = arrange(again, FakeModel(hearing(note_readers={"bass": READER})), tmp_path / "b")
    assert repeated.sha256 == stem["sha256"]


def test_a_reworked_take_goes_on_as_it_was_told(tmp_path: Path) -> None:
    folder, _ = made(tmp_path, "waltz, sparse")  # for which it has no chords
    plain, _ = made(tmp_path, "waltz")
    sparse, dense = (len(load_state(at, 0).parts["bass"].notes) for at in (folder, plain))
    assert 0 < sparse < dense
    model = FakeModel(hearing(note_readers={"bass": READER}))
    wish = parse_rework({"parent": str(folder), "redo": True, "seed": 9})
    (stem,) = rework(wish, model, tmp_path / "again")
    before, after = load_state(folder, 0), load_state(stem.path.parent, stem.variation)
    assert len(before.parts["bass"].notes) == len(after.parts["bass"].notes)


def test_nothing_understood_is_said_with_words_that_are_known(tmp_path: Path) -> None:
    for prompt in ("xyzzy plugh", "🎉🎉", "something nice please"):
        _, receipt = made(tmp_path, prompt)
        (words,) = receipt["stems"][0]["verdict"]["warnings"]
        assert words.startswith(f"nothing of the prompt was understood: {prompt.split()[0]}")
        assert "funk" in words
        assert receipt["prompt"]["not_understood"]


def test_without_a_prompt_nothing_is_said_and_nothing_changes(tmp_path: Path) -> None:
    _, plain = made(tmp_path, None)
    _, empty = made(tmp_path, "")
    assert "prompt" not in plain
    assert plain["stems"][0]["sha256"] == empty["stems"][0]["sha256"]
    assert plain["stems"][0]["verdict"]["warnings"] == []


def test_playing_words_change_nothing_in_the_models_own_sound(tmp_path: Path) -> None:
    _, receipt = made(tmp_path, "busy house, dark", sound="model", chords="Am")
    words = {one["words"]: one["why_not"] for one in receipt["prompt"]["understood"]}
    assert words["busy"] == "the bass sounds as the model makes it"
    assert words["dark"] == "the chords are told by name"


def test_prompts_move_a_models_free_choices(tmp_path: Path) -> None:
    """At the same seeds: every asked-for style comes, where without words it comes by chance."""
    free = Counter(c.style for c in chosen(Wishes()))
    asked = Counter(c.style for c in chosen(Wishes(style="waltz")))
    assert asked["waltz"] == 60 > 40 > free["waltz"]
    model = FakeModel(fake_manifest())  # knows no styles at all
    request = parse_request({"generate": "bass", "bpm": 120, "bars": 2, "steps": 2, "seed": 1,
                             "prompt": "funk"})  # fmt: skip
    (stem,) = arrange(request, model, tmp_path)
    assert "the model has no style funk" in stem.verdict.warnings[0]


def test_a_prompt_of_one_stem_is_said_of_it_alone() -> None:
    manifest = fake_manifest(note_readers=dict.fromkeys(("bass", "drums"), READER))
    asked = {"generate": "bass,drums", "bpm": 120, "bars": 1}
    asked |= {"prompt.drums": "busy, very soft", "negative_prompt.bass": "busy"}
    nothing = context_of(np.zeros((4, 8), np.float32), [False] * 4, parse_request(asked), manifest)
    wording = wording_of(parse_request(asked), manifest, nothing)
    said = {(one.said.meaning, one.said.stem, one.said.avoided) for one in wording.outcomes}
    assert {("density:more", "drums", False), ("force:soft", "drums", False),
            ("density:more", "bass", True)} <= said  # fmt: skip


def test_what_is_said_of_one_stem_moves_no_other(tmp_path: Path) -> None:
    manifest = fake_manifest(note_readers=dict.fromkeys(("bass", "drums"), READER))

    def playing(text: str, key: str = "prompt.drums") -> dict[str, Any]:
        request = parse_request({"generate": "bass,drums", "bpm": 120, "bars": 1, key: text})
        nothing = context_of(np.zeros((4, 8), np.float32), [False] * 4, request, manifest)
        wording = wording_of(request, manifest, nothing)
        assert "drums" not in [one.said.text for one in wording.outcomes]
        return dict(wording.wishes.playing)

    for text in ("busy; soft", "busy. soft", "busy / soft", "busy but soft", "busy and soft"):
        found = playing(text)
        assert set(found) == {"drums"}
        assert found["drums"].density > 1 > found["drums"].louder
    assert set(playing("busy", "negative_prompt.drums")) == {"drums"}
    assert set(playing("a busy bass")) == {"bass"}  # its own words count
    assert playing("busy, dark", "prompt.zither") == playing("busy", "prompt.guitar") == {}


def test_what_is_said_of_a_stem_that_is_not_made_is_told(tmp_path: Path) -> None:
    asked = {"generate": "bass", "bpm": 240, "bars": 1, "prompt.zither": "slap"}
    (stem,) = arrange(parse_request(asked), FakeModel(fake_manifest()), tmp_path)
    assert any("what is said of zither alone" in text for text in stem.verdict.warnings)

"""Do prompts move takes: the draw, the judges and the sign test, on a model in closed form."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from stembridge.cli.evaluate_prompts import judge_prompts
from stembridge.evaluation.prompts import (
    KINDS,
    Asked,
    draw_prompts,
    evaluate_prompts,
    figures,
    judge_of,
    make,
    sign_test,
)
from stembridge.pipeline.likeness import timbre_errors
from stembridge.request import parse_request
from stembridge.runtime.load import load_model
from stembridge.runtime.manifest import ConditionBlock, Manifest, NoteReaderEntry
from stembridge.testing import FakeModel, fake_manifest

READER = NoteReaderEntry(file="fake", lowest=40, threshold=0.5)


def composing(**changes: object) -> Manifest:
    """A model with styles, timbres, chords and notes."""
    timbres = {"bass": ("finger", "slap"), "piano": ("grand", "rhodes")}
    fields = {
        "styles": ("funk", "jazz"),
        "timbres": timbres,
        "style_classifier": "fake",
        "style_timbres": {"funk": timbres, "jazz": timbres},
        "style_chords": {"funk": ("C F G C", "Am Dm E7 Am"), "jazz": ("C F G C", "Am Dm E7 Am")},
        "note_readers": {"bass": READER, "piano": READER},
        "stems": ("bass", "piano"),
        "condition_layout": (
            ConditionBlock(name="grid", channels=16),
            ConditionBlock(name="style", channels=3),
            ConditionBlock(name="timbre", channels=4),
            ConditionBlock(name="chords", channels=25),
        ),
    }
    return fake_manifest(**(fields | changes))


def test_the_sign_test_is_that_of_a_fair_coin() -> None:
    assert sign_test(5, 5) == pytest.approx(1 / 32)
    assert sign_test(1, 3) == pytest.approx(7 / 8)
    assert sign_test(0, 0) == 1.0


def test_prompts_are_drawn_over_everything_and_again_the_same() -> None:
    drawn = list(draw_prompts(composing(), 60, 1))
    assert drawn == list(draw_prompts(composing(), 60, 1))
    assert drawn != list(draw_prompts(composing(), 60, 2))
    asked = [one for prompt in drawn for one in prompt]
    assert {one.kind for one in asked} == set(KINDS)
    assert {one.value for one in asked if one.kind == "style"} == {"funk", "jazz"}
    assert {one.stem for one in asked if one.kind == "instrument"} == {"bass", "piano"}
    few = list(draw_prompts(fake_manifest(), 10, 1))  # has neither styles nor timbres
    assert {one.kind for prompt in few for one in prompt} <= {"mood", *KINDS[3:]}


def test_what_moves_notes_is_seen_and_figures_count_it(tmp_path: Path) -> None:
    model = FakeModel(composing())
    found = evaluate_prompts(model, 12, seed=3, bars=2)
    for kind in ("density", "dynamics"):
        assert found["figures"][kind]["moved"] > 0
        assert found["figures"][kind]["against"] == 0
    for kind in ("style", "instrument"):
        assert found["figures"][kind]["chosen"] == found["figures"][kind]["asked"]
    judge_prompts(tmp_path, 2, 0, model)
    assert json.loads((tmp_path / "prompts.json").read_text())["figures"]["all"]["asked"] >= 2


def test_figures_tell_moved_from_against_and_control() -> None:
    def trial(before: float, after: float, *, control: bool = False) -> dict[str, object]:
        return {"kind": "style", "before": before, "after": after, "control": control}

    trials = [trial(0, 1), trial(0, 2), trial(1, 0), trial(1, 1), trial(0, 1, control=True)]
    assert figures(trials)["style"] == {
        "asked": 4, "moved": 2, "against": 1, "p": 0.5, "control": 1.0, "chosen": 0
    }  # fmt: skip


def test_the_diffusion_classifier_finds_the_timbre_that_made_the_sound() -> None:
    class Telling(FakeModel):
        """Its bass sounds as its timbre's number says."""

        def denoise(self, x, sigma, conditions, tokens=None):  # type: ignore[no-untyped-def]
            at = self.manifest.layout.slices()["timbre"]
            level = conditions[:, at][:, :2, :1] * np.array([[[0.2], [0.8]]], np.float32)
            return np.zeros_like(x) + level.sum(1)[:, None, None]

    model = Telling(composing())
    for level, name in ((0.2, "finger"), (0.8, "slap")):
        errors = timbre_errors(model, "bass", np.full((8, 50), level, np.float32))
        assert min(errors, key=lambda one: errors[one]) == name
    assert timbre_errors(FakeModel(), "bass", np.zeros((8, 50), np.float32)) == {}


@pytest.mark.slow
@pytest.mark.weights
def test_words_move_the_built_in_model() -> None:
    """Six takes with a style's word and without, at the same seeds."""
    model = load_model(None, "cpu")
    judge, moved = judge_of(model), 0
    for seed, style in enumerate(("funk", "house", "jazz", "reggae", "latin", "rock")):
        plain = {"generate": "bass,drums", "bpm": 110, "bars": 2, "seed": seed, "steps": 4}
        asked = Asked("style", style, "", style)
        before, after = (
            judge(make(parse_request(told), model), asked)
            for told in (plain, plain | {"prompt": style})
        )
        moved += after > before
    assert sign_test(moved, 6) < 0.15

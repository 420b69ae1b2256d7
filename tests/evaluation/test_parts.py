"""Figures of parts whose right answer can be said."""

from __future__ import annotations

import numpy as np
import pytest

from stembridge.chords import parse_progression
from stembridge.dataset.annotated import AnnotatedSong
from stembridge.evaluation.attacks import rise_ms
from stembridge.evaluation.heldout import Trial
from stembridge.evaluation.parts import in_chord, on_grid, shared, true_part
from stembridge.evaluation.report import html_report
from stembridge.evaluation.run import evaluate
from stembridge.evaluation.summary import summary
from stembridge.musical_time import FOUR_FOUR
from stembridge.parts import Note, Part
from stembridge.parts.groove import STRAIGHT, Swing
from stembridge.runtime.manifest import NoteReaderEntry
from stembridge.testing import FakeModel, fake_manifest

RATE = 22_050


def song(seed: int = 0) -> AnnotatedSong:
    n, rng = 256 * 512, np.random.default_rng(seed)
    beats = n / RATE * 2
    notes = {
        "bass": tuple(Note(float(b), 0.5, 36, 90) for b in range(int(beats))),
        "drums": (Note(0.0, 0.1, 35, 100),),
    }
    pulses = np.exp(-(np.arange(n) / RATE * 2 % 1) * 8) * 0.3
    audio = (pulses * rng.standard_normal((4, n))).astype(np.float32)
    chords = parse_progression("C F", 4.0, beats)
    return AnnotatedSong(f"s{seed}", audio, RATE, 120.0, FOUR_FOUR, chords, notes=notes)


def test_shares_of_chord_and_grid() -> None:
    part = Part("piano", (Note(0.0, 1, 60, 90), Note(1.0, 1, 61, 90), Note(3.97, 1, 65, 90)), 8.0)
    assert in_chord(part, song()) == pytest.approx(2 / 3)  # the last anticipates F
    assert in_chord(Part("drums", part.notes, 8.0), song()) is None
    swung = Part("piano", tuple(Note(b + 2 / 3, 0.2, 60, 90) for b in range(6)), 8.0)
    assert on_grid(swung, Swing(2 / 3, 1.0)) == 1.0
    assert on_grid(swung, STRAIGHT) == 0.0
    even = Part("piano", tuple(Note(b / 2, 0.2, 60, 90) for b in range(8)), 8.0)
    assert on_grid(even, Swing(2 / 3, 1.0)) == 1.0  # it keeps to the straight grid
    assert on_grid(swung.with_notes((*swung.notes, *even.notes)), Swing(2 / 3, 1.0)) < 0.8
    assert on_grid(Part("piano", (), 8.0), STRAIGHT) is None
    assert shared(part, part, 120.0) == 1.0
    assert true_part(song(), "drums", 8.0).notes[0].pitch == 36


def test_an_evaluation_has_the_played_take_beside_the_models_own() -> None:
    reader = NoteReaderEntry(file="fake", lowest=36, threshold=0.5)
    model = FakeModel(fake_manifest(note_readers={"bass": reader}))
    results = evaluate(lambda: model, [song(0), song(1)], Trial(steps=2))
    bass = summary(results)["bass"]
    assert {"generated", "played", "truth"} <= set(bass)
    assert bass["part"]["notes_per_s"]["mean"] > 1
    assert bass["part"]["side_db"]["mean"] < 0
    assert bass["notes_per_s_of_truth"] == pytest.approx(1.0, abs=0.2)
    assert "played" not in summary(results)["piano"]


def test_played_takes_alone_cost_no_decoder() -> None:
    readers = {
        stem: NoteReaderEntry(file="fake", lowest=36, threshold=0.5)
        for stem in ("bass", "drums", "guitar", "piano")
    }

    class Deaf(FakeModel):
        def decode(self, stem: str, latents: np.ndarray) -> np.ndarray:
            raise AssertionError("the decoder was called")

    model = Deaf(fake_manifest(note_readers=readers))
    songs, trial = [song(0), song(1)], Trial(steps=2, played_only=True)
    results = evaluate(lambda: model, songs, trial)
    stems = summary(results)
    assert {"played", "truth", "retrieval"} <= set(stems["bass"])
    assert not {"generated", "ceiling"} & set(stems["bass"])
    assert abs(stems["bass"]["played_offset_beyond_truth_ms"]) < 25
    page = html_report("Notes", {"facts": {}, "stems": stems}, results, RATE)
    assert "s0, played" in page


@pytest.mark.parametrize("rise", [2.0, 12.0, 40.0])
def test_the_rise_of_attacks_is_what_it_is(rise: float) -> None:
    rate, starts = 44_100, np.arange(0.5, 4.0, 0.5)
    t = np.arange(5 * rate) / rate
    audio = sum(
        np.clip((t - at) * 1e3 / rise, 0, 1) * np.exp(-np.maximum(t - at, 0) * 8) for at in starts
    ) * np.sin(2 * np.pi * 440 * t)
    found = rise_ms(audio.astype(np.float32), rate, starts)
    assert found == pytest.approx(0.6 * rise, abs=2 + 0.1 * rise)
    assert rise_ms(np.zeros(rate, np.float32), rate, starts) is None


def test_what_follows_an_attack_is_no_attack() -> None:
    rate, starts = 44_100, np.arange(0.5, 4.0, 0.5)
    t = np.arange(5 * rate) / rate
    struck = sum(
        np.clip((t - at) * 1e3 / 5, 0, 1) * np.exp(-np.maximum(t - at, 0) * 8) for at in starts
    )
    strummed = sum(struck_later(t, at + 0.05) for at in starts)
    audio = (struck + strummed) * np.sin(2 * np.pi * 440 * t)
    found = rise_ms(audio.astype(np.float32), rate, starts)
    assert found == pytest.approx(3.0, abs=2.0)  # not 50 ms, where a second string is louder


def struck_later(t: np.ndarray, at: float) -> np.ndarray:
    return np.clip((t - at) * 1e3 / 5, 0, 1) * np.exp(-np.maximum(t - at, 0) * 8) * (t >= at)

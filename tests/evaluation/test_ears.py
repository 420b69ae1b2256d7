"""Ears are judged by chords that are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stembridge.chords import parse_progression
from stembridge.cli.evaluate_ears import judge_ears
from stembridge.dataset.annotated import AnnotatedSong
from stembridge.dataset.song import STEMS
from stembridge.errors import NoSuchFileError
from stembridge.evaluation.ears import STEP_BEATS, PitchEars, _right, evaluate_ears
from stembridge.musical_time import FOUR_FOUR
from stembridge.testing import FakeModel

RATE, BEATS = 22_050, 16.0
CHORDS = parse_progression("C Am F Gm", 4.0, BEATS)


def song() -> AnnotatedSong:
    """Every chord's own tones, sustained, on every pitched stem."""
    t = np.arange(int(BEATS / 2 * RATE)) / RATE
    row = np.zeros(t.size, np.float32)
    for span in CHORDS:
        inside = (t * 2 >= span.start_beats) & (t * 2 < span.start_beats + 4)
        for pitch in span.pitch_classes:
            row[inside] += 0.1 * np.sin(2 * np.pi * 261.63 * 2 ** (pitch / 12) * t[inside])
    audio = np.tile(row, (len(STEMS), 1)).astype(np.float32)
    return AnnotatedSong("s", audio, RATE, 120.0, FOUR_FOUR, CHORDS)


def test_shares_of_the_time() -> None:
    every = int(BEATS / STEP_BEATS)
    assert _right(CHORDS, CHORDS, BEATS).tolist() == [every] * 4
    assert _right((), CHORDS, BEATS).tolist() == [0, 0, 0, every]
    wrong = parse_progression("Cm A F Bb", 4.0, BEATS)  # thirds wrong twice, one root wrong
    assert _right(wrong, CHORDS, BEATS).tolist() == [every * 3 / 4, every / 4, every, every]


def test_sustained_chords_are_heard_by_templates() -> None:
    said: list[str] = []
    figures = evaluate_ears(FakeModel(), [song()] * 10, None, said.append)
    assert set(figures) == {"own", "templates"}
    assert figures["templates"].root > 0.9
    assert said == ["10 of 10 songs"]


def test_notes_of_a_bar_become_its_triad(monkeypatch: pytest.MonkeyPatch) -> None:
    def notes(_self: PitchEars, audio: np.ndarray) -> np.ndarray:
        per_bar = round(2 * 22_050 / 256)
        keys = np.zeros((4 * per_bar, 88), np.float32)
        for bar, span in enumerate(CHORDS):
            for pitch in span.pitch_classes:
                keys[bar * per_bar : (bar + 1) * per_bar, pitch + 60 - 21] = 0.8
        return keys

    monkeypatch.setattr(PitchEars, "__init__", lambda _self: None)
    monkeypatch.setattr(PitchEars, "notes", notes)
    found = PitchEars()({"piano": song().audio[0]}, song(), BEATS)  # type: ignore[call-arg]
    assert [span.symbol for span in found] == ["C", "Am", "F", "Gm"]


def test_a_network_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFileError, match=r"nmp\.onnx"):
        judge_ears(tmp_path, FakeModel(), [song()], 0, {}, tmp_path / "nmp.onnx")

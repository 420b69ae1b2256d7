"""Long takes: drift and the first against the last bars, on takes made to measure."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pytest

from stembridge.chords import parse_progression
from stembridge.dataset.annotated import AnnotatedSong
from stembridge.dataset.song import STEMS
from stembridge.evaluation import long_form
from stembridge.evaluation.heldout import Trial
from stembridge.evaluation.long_form import CASES, Case, drift_ms, evaluate_long, measure_long
from stembridge.musical_time import TimeSignature
from stembridge.testing import FakeModel

RATE, BPM = 22050, 120.0


def song(n_bars: int = 10, late_s: float = 0.0, late_from_bar: float = 0.0) -> AnnotatedSong:
    """Clicks on every beat; from a bar on they come late."""
    n = int(n_bars * 4 * 60 / BPM * RATE)
    audio = np.zeros((len(STEMS), n), np.float32)
    burst = 0.3 * np.random.default_rng(0).standard_normal(2000) * np.exp(-np.arange(2000) / 300)
    for beat in range(n_bars * 4):
        late = late_s if beat >= late_from_bar * 4 else 0.0
        at = int((beat * 60 / BPM + late) * RATE)
        length = min(2000, n - at)
        audio[:, at : at + length] += burst[:length].astype(np.float32)
    return AnnotatedSong("long", audio, RATE, BPM, TimeSignature(), parse_progression("C", 4, 4.0))


def test_drift_is_the_slope_over_the_song() -> None:
    beats = np.arange(64) * 0.5
    assert drift_ms(beats, BPM, 32.0) == pytest.approx(0.0, abs=1e-6)
    assert drift_ms(beats * 1.001, BPM, 32.0) == pytest.approx(32.0, rel=0.02)
    stray = np.sort(np.concatenate([beats, np.random.default_rng(0).uniform(0, 32, 12)]))
    assert drift_ms(stray, BPM, 32.0) == pytest.approx(0.0, abs=2.0)
    assert drift_ms(beats[:5], BPM, 32.0) is None


def test_late_last_bars_are_seen() -> None:
    found = measure_long(FakeModel(), song(10, 0.06, 7.5), 10, Trial(steps=2), seed=1)
    for stem in STEMS:
        truth = found[stem]["truth"]
        assert truth.first_bars == truth.first_quarter == 1.0
        assert truth.bars_change is not None
        assert truth.bars_change < -0.9
        assert truth.quarter_change is not None
        assert truth.quarter_change < -0.9


def test_a_stem_that_rests_is_not_measured() -> None:
    resting = song(6)
    resting.audio[1] = 0.0
    assert "drums" not in measure_long(FakeModel(), resting, 6, Trial(steps=2), seed=1)


def test_all_cases_are_summarised(monkeypatch: pytest.MonkeyPatch) -> None:
    played = []

    def perform(composed: object, name: str, rate: int, soundfont: str) -> AnnotatedSong:
        played.append(composed)
        return song(6)

    monkeypatch.setattr(long_form, "perform", perform)
    case = Case("odd", "7/8", 174.0, 16)
    run = partial(evaluate_long, FakeModel, 2, "none.sf2", Trial(steps=2))
    found = run(cases=[case])
    assert [(s.bpm, s.n_bars, s.time_signature.numerator) for s in played] == [(174.0, 16, 7)] * 2
    assert set(found) == {str(case), "all"}
    assert found["all"]["all"]["generated"]["seam_shift_rank"]["n"] == 8
    assert found["all"]["bass"]["truth"]["first_bars"]["mean"] == 1.0
    json.dumps(found, allow_nan=False)


def test_the_cases_are_those_of_the_issue() -> None:
    assert {(case.metre, case.bpm, case.n_bars) for case in CASES} == {
        (metre, bpm, bars)
        for metre, bpm in (("7/8", 174.0), ("3/4", 174.0), ("4/4", 60.0), ("4/4", 120.0))
        for bars in (16, 32)
    }

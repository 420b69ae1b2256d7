"""Swung notes are measured against their swing, straight and loose ones are not."""

from __future__ import annotations

import numpy as np
import pytest

from stembridge.audio.onsets import grid_report
from stembridge.audio.swing import find_swing, straightened
from stembridge.parts.groove import Swing


def swung(share: float, pair_beats: float, bpm: float, start_beats: float = 0.0) -> np.ndarray:
    pairs = np.arange(0, 16, pair_beats)
    beats = np.sort(np.concatenate([pairs, pairs + share * pair_beats]))
    beats = beats[beats >= start_beats] - start_beats
    jitter = np.random.default_rng(0).normal(0, 0.004, beats.size)
    return np.clip(beats * 60 / bpm + jitter, 0, None)


@pytest.mark.parametrize("start_beats", [0.0, 1.25])
@pytest.mark.parametrize(("share", "pair_beats", "bpm"), [(2 / 3, 1.0, 140), (0.62, 1.0, 174),
                                                         (2 / 3, 0.5, 84)])  # fmt: skip
def test_swing_is_found_and_taken_out(
    share: float, pair_beats: float, bpm: float, start_beats: float
) -> None:
    times = swung(share, pair_beats, bpm, start_beats)
    found = find_swing(times, bpm, 7.0, start_beats)
    assert found is not None and found.unit_beats == pair_beats
    assert found.share == pytest.approx(share, abs=0.045)
    even = straightened(found, times, bpm, start_beats)
    report = grid_report(even, bpm, 0.25, 7.0, start_beats)
    assert report.on_grid_share > 0.95


def test_straight_notes_do_not_swing() -> None:
    assert find_swing(swung(0.5, 1.0, 120), 120, 8.0) is None
    assert find_swing(swung(0.5, 0.5, 90), 90, 8.0) is None
    assert find_swing(np.array([0.1, 0.5]), 120, 8.0) is None


def test_straightening_keeps_the_beats() -> None:
    beats = np.arange(8) * 0.5
    np.testing.assert_allclose(straightened(Swing(0.6, 1.0), beats, 120), beats, atol=1e-12)

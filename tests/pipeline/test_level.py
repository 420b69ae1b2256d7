"""A take's level: sparse drums are as loud as any take, balances stay, loops begin evenly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stembridge.audio.limiter import true_peak
from stembridge.audio.loudness import integrated_loudness
from stembridge.audio.seam import treble_db
from stembridge.pipeline.level import PEAK_LIMIT, levelled
from stembridge.request import GenerationRequest, parse_request

RATE, N = 44_100, 4 * 44_100
RNG = np.random.default_rng(1)


def request_for(**values: Any) -> GenerationRequest:
    return parse_request({"generate": "drums,bass", "bpm": 120, "bars": 2, **values})


def hits(*seconds: float, level: float = 0.5) -> np.ndarray:
    """Short hits, `[2, N]`."""
    sound = np.zeros(N)
    for at in seconds:
        burst = RNG.standard_normal(8000) * np.exp(-np.arange(8000) / 700)
        sound[round(at * RATE) + np.arange(8000)] += burst / np.abs(burst).max()
    return np.stack([sound, sound]).astype(np.float32) * np.float32(level)


def tone(level: float, hz: float = 110.0) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hz * np.arange(N) / RATE)).astype(np.float32)


def test_sparse_drums_come_at_the_usual_loudness() -> None:
    sparse = hits(0.5, 0.9, 1.4, 2.5, 3.0, 3.4, level=0.05)
    made = levelled({"drums": sparse}, request_for(), None)
    assert integrated_loudness(made.audio["drums"], RATE) == pytest.approx(-18.0, abs=0.7)
    assert true_peak(made.audio["drums"]) <= PEAK_LIMIT * 1.001
    turned_down = sparse * (PEAK_LIMIT / true_peak(sparse))
    assert (integrated_loudness(turned_down, RATE) or 0) < -20.5  # what it was without a limiter
    assert not made.remarks


def test_a_lone_click_is_not_made_a_brick_and_that_is_said() -> None:
    click = np.zeros((2, N), np.float32)
    click[:, 1000:1005] = 0.5
    made = levelled({"drums": click}, request_for(), None)
    (remark,) = made.remarks
    assert remark.code == "held_down" and remark.data["db"] > 3 and remark.words


def test_the_balance_of_stems_stays() -> None:
    drums, bass = hits(0.5, 1.5, 2.5, 3.5, level=3.0), tone(0.4)
    made = levelled({"drums": drums, "bass": bass}, request_for(), 1.0)
    before, after = (
        (integrated_loudness(d, RATE) or 0) - (integrated_loudness(b, RATE) or 0)
        for d, b in ((drums, bass), (made.audio["drums"], made.audio["bass"]))
    )
    assert 0 <= before - after < 2.5
    assert np.array_equal(made.audio["bass"], bass * np.float32(made.gain))


def test_a_kept_gain_is_kept_and_what_is_softer_is_said() -> None:
    quiet = tone(0.1)
    assert levelled({"bass": quiet}, request_for(), None, kept=2.0).gain == 2.0
    made = levelled({"bass": quiet}, request_for(), None, kept=20.0)
    (remark,) = made.remarks
    assert remark.code == "turned_down" and remark.data["db"] > 3


def test_a_loop_begins_no_brighter_than_its_bars() -> None:
    lone = np.roll(hits(0.02), -round(0.02 * RATE), axis=1)
    made = levelled({"drums": lone}, request_for(loop=True), None)
    sound = made.audio["drums"] / np.abs(made.audio["drums"]).max()
    assert treble_db(sound, RATE, 0) - treble_db(sound, RATE, N // 2) <= 6.0
    ((remark,),) = made.own.values()
    assert remark.code == "loop_evened" and "drums" in remark.words
    assert not levelled({"drums": lone}, request_for(), None).own

"""What the denoiser is told: blocks in order, flags first, phases on the bar lines."""

from __future__ import annotations

import numpy as np
import pytest

from stembridge.chords import parse_progression
from stembridge.conditions import (
    CHORD_CHANNELS,
    GRID_CHANNELS,
    GRID_PERIODS_BEATS,
    Layout,
    chord_block,
    frame_beats,
    frame_conditions,
    full_layout,
    grid_block,
)
from stembridge.musical_time import TimeSignature

LAYOUT = full_layout(["pop", "odd"], {"bass": ("pick", "synth"), "piano": ("grand",)})
SHAPE = {"hop": 512, "model_rate": 16000, "bpm": 120.0}


def test_the_blocks_follow_each_other_and_fill_all_channels() -> None:
    slices = LAYOUT.slices()
    assert list(slices) == ["grid", "chords", "style", "timbre"]
    assert slices["grid"] == slice(0, GRID_CHANNELS)
    assert slices["chords"] == slice(GRID_CHANNELS, GRID_CHANNELS + CHORD_CHANNELS)
    assert slices["timbre"].stop == LAYOUT.channels == 16 + 25 + 3 + 3


def test_frames_are_placed_at_their_centres() -> None:
    beats = frame_beats(3, 500, 1000, 60.0, start_beats=2.0)
    np.testing.assert_allclose(beats, [2.25, 2.75, 3.25])


@pytest.mark.parametrize(("metre", "bar"), [("4/4", 4.0), ("7/8", 3.5), ("6/8", 3.0)])
def test_grid_phases_come_round_with_beat_bar_and_phrase(metre: str, bar: float) -> None:
    signature = TimeSignature.parse(metre)
    at = np.array([0.3, 0.3 + bar, 0.3 + 4 * bar])
    block = grid_block(at, 110.0, signature)
    bar_rows = slice(2 + 2 * len(GRID_PERIODS_BEATS), 4 + 2 * len(GRID_PERIODS_BEATS))
    np.testing.assert_allclose(block[bar_rows, 0], block[bar_rows, 1], atol=1e-5)
    np.testing.assert_allclose(block[-2:, 0], block[-2:, 2], atol=1e-5)
    assert np.abs(block[-2:, 0] - block[-2:, 1]).max() > 0.5  # a bar later is not a phrase later
    np.testing.assert_allclose(block[1], 0.0, atol=1e-7)  # log tempo is 0 at 110 bpm
    assert grid_block(at, 220.0, signature)[1, 0] == pytest.approx(1.0)


def test_chords_hold_until_the_next_and_are_unknown_before_the_first() -> None:
    chords = parse_progression("Am@1 F@3", 4, 8)
    block = chord_block(np.array([0.5, 1.0, 2.9, 3.0, 7.0]), chords)
    np.testing.assert_array_equal(block[0], [0, 1, 1, 1, 1])
    assert not block[:, 0].any()
    assert set(np.flatnonzero(block[1:13, 2])) == {9, 0, 4}
    assert set(np.flatnonzero(block[1:13, 4])) == {5, 9, 0}
    assert [int(block[13:, i].argmax()) for i in (1, 3)] == [9, 5]


def test_a_rest_is_known_to_have_no_tones() -> None:
    block = chord_block(np.array([0.0]), parse_progression("N.C.@0", 4, 4))
    assert block[0, 0] == 1.0
    assert not block[1:].any()


def test_what_is_not_told_is_zero_whole_blocks_at_a_time() -> None:
    known = frame_conditions(
        LAYOUT, 8, **SHAPE, time_signature=TimeSignature(), chords=parse_progression("C", 4, 4),
        style="odd", timbres={"bass": "synth"},
    )  # fmt: skip
    bare = frame_conditions(LAYOUT, 8, **SHAPE, time_signature=TimeSignature(), use_grid=False)
    assert known.dtype == np.float32
    assert known.shape == (LAYOUT.channels, 8)
    assert not bare.any()
    at = LAYOUT.slices()
    np.testing.assert_array_equal(known[at["style"], 0], [1, 0, 1])
    np.testing.assert_array_equal(known[at["timbre"], 0], [0, 1, 0])


def test_unknown_style_names_tell_nothing() -> None:
    told = frame_conditions(LAYOUT, 2, **SHAPE, time_signature=TimeSignature(), style="polka")
    assert not told[LAYOUT.slices()["style"]].any()


def test_a_layout_without_conditions_is_empty() -> None:
    none = frame_conditions(Layout(()), 5, **SHAPE, time_signature=TimeSignature())
    assert none.shape == (0, 5)


def test_the_start_moves_the_grid_but_not_the_chords() -> None:
    arguments = {**SHAPE, "time_signature": TimeSignature(), "chords": parse_progression("C", 4, 4)}
    here = frame_conditions(LAYOUT, 4, **arguments)
    later = frame_conditions(LAYOUT, 4, **arguments, start_beats=1.0)
    at = LAYOUT.slices()
    assert np.abs(here[at["grid"]] - later[at["grid"]]).max() > 0.5
    np.testing.assert_array_equal(here[at["chords"]], later[at["chords"]])

"""What goes together is told from what does not, in what pair3 listens for."""

from __future__ import annotations

import numpy as np
import pytest

from stembridge.evaluation.pairs import (
    RATE,
    adherence,
    beat_agreement,
    beats_of,
    listen,
    pair_vectors,
)

T = np.arange(8 * RATE) / RATE
RNG = np.random.default_rng(3)


def chords(*hertz: tuple[float, ...]) -> np.ndarray:
    """Two seconds of each chord, again and again."""
    at = (T // 2).astype(int) % len(hertz)
    tones = [sum(np.sin(2 * np.pi * f * T) for f in chord) for chord in hertz]
    return np.where(at == 0, tones[0], tones[-1]).astype(np.float32) * 0.05


def clicks(bpm: float, first_s: float = 0.0) -> np.ndarray:
    sound = np.zeros(T.size)
    for start in np.arange(first_s, 7.5, 60 / bpm):
        at = round(start * RATE)
        sound[at : at + 2000] += RNG.standard_normal(2000) * np.exp(-np.arange(2000) / 300)
    return (0.3 * sound).astype(np.float32)


C, F, F_SHARP = (261.6, 329.6, 392.0), (349.2, 440.0, 523.3), (370.0, 466.2, 554.4)


def vector(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return pair_vectors(listen(one), listen(other)).mean(0)


def test_harmony_is_that_of_the_same_chords_at_the_same_time() -> None:
    song = chords(C, F)
    same, early, foreign = (vector(song, o)[0] for o in (song, chords(F, C), chords(F_SHARP)))
    assert same > 0.5 > 0.2 > early
    assert foreign < 0


def test_attacks_at_the_same_time_and_a_beat_of_ones_own() -> None:
    song = clicks(120)
    together, apart = (vector(song, other)[1] for other in (clicks(120), clicks(97, 0.21)))
    assert together > 0.5 > 0.2 > apart
    beats = beats_of(song)
    assert beats is not None
    np.testing.assert_allclose(np.diff(beats), 0.5, atol=0.01)
    good, bad = (beat_agreement(listen(song), listen(o)) for o in (clicks(120), clicks(97, 0.21)))
    assert good == 1.0
    assert bad is not None and bad < 0.6


def test_silence_has_no_vectors_and_no_beat_and_a_stem_without_a_beat_disagrees() -> None:
    silence, song = listen(np.zeros_like(T, np.float32)), listen(clicks(120))
    assert pair_vectors(song, silence).shape == (0, 3)
    assert beat_agreement(silence, song) is None
    assert beat_agreement(song, silence) == 0.0


@pytest.mark.parametrize(
    ("share", "low", "high"), [(0.0, 0.0, 0.02), (0.5, 0.4, 0.6), (1, 0.98, 1)]
)
def test_adherence_lies_between_the_anchors(share: float, low: float, high: float) -> None:
    true, wrong = RNG.standard_normal((2, 4000, 3)) * 0.1
    made = RNG.standard_normal((4000, 3)) * 0.1 + 2 * share
    found = adherence(made, true + 2, wrong)
    assert found is not None
    assert low <= found <= high


def test_anchors_that_are_one_tell_nothing() -> None:
    rows = RNG.standard_normal((50, 3))
    assert adherence(rows, rows, rows) is None

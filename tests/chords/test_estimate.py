"""Chords played by sums of harmonics come back, whatever the tuning, the drums and the voicing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stembridge.chords import ChordSpan, estimate_chords, parse_progression, progression_text
from stembridge.musical_time import TimeSignature

RATE, BPM = 22050, 120.0
FOUR = TimeSignature(4, 4)
Audio = NDArray[np.float32]


def tone(pitches: Sequence[int], n_samples: int, cents: float, rate: int) -> Audio:
    """Decaying notes with six harmonics."""
    t = np.arange(n_samples) / rate
    f0 = 440 * 2 ** ((np.array(pitches) + cents / 100 - 69) / 12)
    waves = sum(
        np.sin(2 * np.pi * h * f0[:, None] * t + f0[:, None]).sum(0) / h**1.2 for h in range(1, 7)
    )
    return np.asarray(0.05 * waves * np.exp(-1.5 * t), np.float32)


def played(
    chords: Sequence[ChordSpan],
    length_beats: float,
    *,
    lowest: int = 55,
    bass: bool = False,
    cents: float = 0.0,
    rate: int = RATE,
) -> Audio:
    """Every chord struck on each of its beats, in close position from `lowest`; or its root."""
    audio = np.zeros(round(length_beats * 60 / BPM * rate), np.float32)
    starts = [chord.start_beats for chord in chords]
    for beat in range(int(length_beats)):
        chord = chords[int(np.searchsorted(starts, beat, side="right")) - 1]
        classes = [chord.root] if bass else chord.pitch_classes
        pitches = [lowest + (int(c or 0) - lowest) % 12 for c in classes]
        first, end = (round(b * 60 / BPM * rate) for b in (beat, beat + 1))
        if pitches:
            audio[first:end] = tone(pitches, len(audio[first:end]), cents, rate)
    return audio


def drums(n_samples: int) -> Audio:
    rng = np.random.default_rng(0)
    decay = np.exp(-((np.arange(n_samples) / RATE * BPM / 60 * 2) % 1) * 8)
    return np.asarray(0.3 * rng.standard_normal(n_samples) * decay, np.float32)


def harmony(chords: Sequence[ChordSpan]) -> list[tuple[float, tuple[int, ...], int | None]]:
    return [(chord.start_beats, chord.pitch_classes, chord.root) for chord in chords]


@pytest.mark.parametrize(("cents", "rate"), [(-15.0, 22050), (0.0, 44100), (15.0, 8000)])
@pytest.mark.parametrize("text", ["Am F C G", "Dm7 | G7 | Cmaj7 | Bdim", "C#m | A E | B | G#m F#"])
def test_a_piano_s_progression_comes_back_beside_drums(text: str, cents: float, rate: int) -> None:
    told = parse_progression(text, 4, 16)
    piano = played(told, 16, cents=cents, rate=rate)
    stems = {"piano": piano, "drums": drums(piano.size)}
    assert harmony(estimate_chords(stems, rate, BPM, FOUR, 16)) == harmony(told)


@settings(max_examples=8, deadline=None, derandomize=True)
@given(
    chords=st.lists(
        st.tuples(st.integers(0, 11), st.sampled_from(["", "m", "7", "maj7"])),
        min_size=4, max_size=4,
    ),
    lowest=st.integers(50, 61),
)  # fmt: skip
def test_any_progression_in_any_inversion_comes_back(
    chords: list[tuple[int, str]], lowest: int
) -> None:
    names = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
    told = parse_progression(" ".join(names[root] + kind for root, kind in chords), 4, 16)
    stems = {"guitar": played(told, 16, lowest=lowest)}
    assert harmony(estimate_chords(stems, RATE, BPM, FOUR, 16)) == harmony(told)


def test_the_bass_decides_the_root_of_what_could_be_either() -> None:
    # Csus2 and Gsus4 are the same three notes.
    for text in ("Csus2 Am", "Gsus4 Am"):
        told = parse_progression(text, 4, 8)
        stems = {"piano": played(told, 8), "bass": played(told, 8, bass=True, lowest=31)}
        assert harmony(estimate_chords(stems, RATE, BPM, FOUR, 8)) == harmony(told)


def test_bar_lines_are_those_of_the_session() -> None:
    # The request begins on the third beat of a bar; its chords change two beats later.
    told = parse_progression("F@0 C@2 Dm@6", 4, 8)
    heard = estimate_chords({"piano": played(told, 8)}, RATE, BPM, FOUR, 8, start_beats=-2)
    assert harmony(heard) == harmony(told)
    # Half a beat into a bar, a change comes half a beat before a whole one.
    late = played(parse_progression("F@0 C@4", 4, 8), 8)[round(0.25 * RATE) :]
    heard = estimate_chords({"piano": late}, RATE, BPM, FOUR, 7.5, start_beats=0.5)
    assert [(chord.start_beats, chord.symbol) for chord in heard] == [(0.0, "F"), (3.5, "C")]


def test_seven_eight_bars_are_heard_in_eighths() -> None:
    told = parse_progression("Am F C G", 3.5, 14)
    audio = np.zeros(7 * RATE, np.float32)
    for chord in told:
        first = round(chord.start_beats * 0.5 * RATE)
        pitches = [57 + (c - 57) % 12 for c in chord.pitch_classes]
        audio[first : first + 38588] = tone(pitches, 38588, 0.0, RATE)
    heard = estimate_chords({"piano": audio}, RATE, BPM, TimeSignature(7, 8), 14)
    assert harmony(heard) == harmony(told)


def test_a_rest_belongs_to_a_chord_beside_it() -> None:
    told = parse_progression("Am F C G", 4, 16)
    piano = played(told, 16)
    piano[: 2 * RATE] = piano[4 * RATE : 6 * RATE] = 0  # bars 1 and 3
    heard = progression_text(estimate_chords({"piano": piano}, RATE, BPM, FOUR, 16))
    assert heard in {"F@0 G@8", "F@0 G@12"}


def test_weak_evidence_names_no_chord() -> None:
    n = 8 * RATE
    silence = np.zeros(n, np.float32)
    noise = np.random.default_rng(1).standard_normal(n).astype(np.float32) * 0.1
    told = parse_progression("Am F C G", 4, 16)
    # A scale of single notes, a semitone apart so that no chord covers them.
    melody = np.concatenate([tone([60 + k % 12], RATE // 2, 0.0, RATE) for k in range(16)])
    brief = played(told, 16)
    brief[round(0.4 * n) :] = 0
    cases = [
        {}, {"piano": silence}, {"drums": drums(n)}, {"piano": noise}, {"guitar": melody},
        {"bass": played(told, 16, lowest=43)}, {"piano": brief},
    ]  # fmt: skip
    assert [estimate_chords(stems, RATE, BPM, FOUR, 16) for stems in cases] == [()] * len(cases)


def test_what_was_heard_can_be_given_back_as_text() -> None:
    told = parse_progression("F#m7b5@0 Bb@2.5 C7@7", 4, 8)
    assert progression_text(told) == "F#m7b5@0 Bb@2.5 C7@7"
    assert parse_progression(progression_text(told), 4, 8) == told

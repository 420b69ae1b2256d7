"""Chroma against chords: right chords score high, wrong ones at chance."""

from __future__ import annotations

import numpy as np
import pytest

from stembridge.chords import ChordSpan, parse_progression
from stembridge.evaluation.harmony import chromagram, harmony
from stembridge.roles import role

RATE, BPM = 22050, 120.0


def hertz(pitch: float) -> float:
    return 440.0 * 2 ** ((pitch - 69) / 12)


def note(pitch: float, t: np.ndarray) -> np.ndarray:
    """A tone with two overtones."""
    phase = 2 * np.pi * hertz(pitch) * t
    return np.sin(phase) + np.sin(2 * phase) / 4 + np.sin(3 * phase) / 9


def chord_audio(chords: tuple[ChordSpan, ...], n_beats: float, octave: int = 60) -> np.ndarray:
    """Every chord's tones, its root loudest, with two overtones each."""
    t = np.arange(int(n_beats * 60 / BPM * RATE)) / RATE
    beats = t * BPM / 60
    audio = np.zeros(t.size)
    for i, chord in enumerate(chords):
        end = chords[i + 1].start_beats if i + 1 < len(chords) else n_beats
        first, last = np.searchsorted(beats, [chord.start_beats, end])
        for pitch_class in chord.pitch_classes:
            level = 0.2 if pitch_class == chord.root else 0.1
            audio[first:last] += level * note(octave + pitch_class, t[first:last])
    return audio.astype(np.float32)


def test_a_c_major_chord_is_c_e_and_g() -> None:
    chords = parse_progression("C", 4, 8)
    audio = chord_audio(chords, 8)
    chroma = chromagram(audio, RATE, role("piano").band_hz).sum(0)
    assert set(np.argsort(chroma)[-3:]) == {0, 4, 7}
    assert chroma[[0, 4, 7]].sum() / chroma.sum() > 0.9
    found = harmony(audio, RATE, BPM, chords, "piano")
    assert found is not None
    assert (found.root, found.in_chord, found.spans) == (1.0, 1.0, 1)
    assert found.chroma > 0.9


@pytest.mark.parametrize("pitch", [30, 33, 40, 51])
def test_bass_notes_fall_on_their_pitch_class(pitch: int) -> None:
    t = np.arange(2 * RATE) / RATE
    audio = (0.3 * note(pitch, t)).astype(np.float32)
    chroma = chromagram(audio, RATE, role("bass").band_hz).sum(0)
    assert int(chroma.argmax()) == pitch % 12


def test_the_right_progression_scores_and_random_ones_do_not() -> None:
    rng = np.random.default_rng(0)
    names = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"]
    words = [names[i] for i in rng.integers(12, size=30)]
    own = parse_progression(" ".join(f"{w}@{2 * i}" for i, w in enumerate(words)), 4, 60)
    rng.shuffle(words)
    other = parse_progression(" ".join(f"{w}@{2 * i}" for i, w in enumerate(words)), 4, 60)
    audio = chord_audio(own, 60)
    right, wrong = (harmony(audio, RATE, BPM, chords, "guitar") for chords in (own, other))
    assert right is not None
    assert wrong is not None
    assert (right.root, right.in_chord) == (1.0, 1.0)
    assert wrong.root < 0.25  # chance is 1 in 12
    assert wrong.in_chord < 0.45  # chance is 3 in 12
    assert wrong.chroma < 0.5


def test_a_wrong_note_in_one_of_four_bars_costs_a_quarter() -> None:
    played = parse_progression("C F G B", 4, 16)
    told = parse_progression("C F G Db", 4, 16)
    found = harmony(chord_audio(played, 16), RATE, BPM, told, "piano")
    assert found is not None
    assert found.root == pytest.approx(0.75)


def test_rests_and_short_spans_are_left_out() -> None:
    chords = parse_progression("C@0 F@4 G@8 A@8.25", 4, 12)
    audio = chord_audio(chords, 12)
    audio[int(1.6 * RATE) : int(4.4 * RATE)] = 0.0  # F rests, G is too short to hear
    found = harmony(audio, RATE, BPM, chords, "piano")
    assert found is not None
    assert found.spans == 2


def test_silence_has_no_harmony() -> None:
    chords = parse_progression("C", 4, 8)
    assert harmony(np.zeros(4 * RATE, np.float32), RATE, BPM, chords, "bass") is None

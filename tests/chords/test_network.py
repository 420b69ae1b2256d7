"""Chords from the chances of frames: beats, bar lines, silence, confidence."""

from __future__ import annotations

import numpy as np
import pytest

from stembridge.chords.network import chords_of
from stembridge.chords.qualities import HEARD_QUALITIES, N_HEARD, heard_quality
from stembridge.chords.spectrum import N_BINS, PER_SEMITONE, frame_s, log_spectrum
from stembridge.musical_time import TimeSignature

FOUR = TimeSignature.parse("4/4")
FRAME_S = 512 / 11025
RATE = 44_100


def chances(chords: list[tuple[int, str, float]], bpm: float = 120.0) -> np.ndarray:
    """Log chances of chords (root, kind, chance), one a bar of 4/4."""
    frames = round(4 * 60 / bpm / FRAME_S)
    rows = []
    for root, kind, sure in chords:
        row = np.full(N_HEARD, (1 - sure) / (N_HEARD - 1))
        row[12 * HEARD_QUALITIES.index(kind) + root] = sure
        rows += [np.log(row)] * frames
    return np.array(rows)


def even(log: np.ndarray, low: int | None = None) -> np.ndarray:
    """Spectra equally loud everywhere; below C4 only on one pitch class, if it is named."""
    spectra = np.ones((len(log), N_BINS), np.float32)
    if low is not None:
        spectra[:, : 36 * PER_SEMITONE] = 0.0
        spectra[:, low * PER_SEMITONE : 36 * PER_SEMITONE : 12 * PER_SEMITONE] = 1.0
    return spectra


def named(spans: tuple, count: int = 9) -> list[tuple[float, str]]:
    return [(span.start_beats, span.symbol) for span in spans][:count]


def test_a_chord_a_bar_begins_on_the_bar_line() -> None:
    log = chances([(9, "m", 0.9), (5, "", 0.9), (0, "maj7", 0.9), (7, "7", 0.9)])
    spans = chords_of(log, even(log), FRAME_S, 120.0, FOUR, 16.0)
    assert named(spans) == [(0.0, "Am"), (4.0, "F"), (8.0, "Cmaj7"), (12.0, "G7")]


def test_confidence_is_the_chance_of_root_and_third() -> None:
    log = chances([(9, "m", 0.4)])
    (span,) = chords_of(log, even(log), FRAME_S, 120.0, FOUR, 4.0)
    shares = 0.4 + 0.6 / (N_HEARD - 1) * 4  # m7, dim, sus4 and 5 on A agree as well
    assert span.confidence == pytest.approx(shares, abs=0.02)
    assert span.symbol == "Am"  # a weak guess is still a guess


def test_a_doubtful_beat_does_not_change_the_chord() -> None:
    log = chances([(0, "", 0.9)] * 2)
    beat = round(0.5 / FRAME_S)
    doubt = np.exp(chances([(9, "m", 0.5)])[:beat])
    doubt[:, 0] = 0.3  # C is still likely
    log[2 * beat : 3 * beat] = np.log(doubt)
    spans = chords_of(log, even(log), FRAME_S, 120.0, FOUR, 8.0)
    assert named(spans) == [(0.0, "C")]


def test_the_lowest_note_decides_between_a_suspended_chord_and_the_next_one() -> None:
    rows = np.exp(chances([(10, "sus4", 0.5)]))
    rows[:, 3] = 0.1  # Eb
    log = np.log(rows)
    for low, symbol in ((3, "Eb"), (10, "Bbsus4"), (None, "Bbsus4")):
        assert named(chords_of(log, even(log, low), FRAME_S, 120.0, FOUR, 4.0)) == [(0.0, symbol)]


def plucked(pitches: list[int], seconds: float = 8.0) -> np.ndarray:
    """Notes with harmonics, struck together once a second and muted, `[n]` at `RATE`."""
    t = np.arange(round(seconds * RATE)) / RATE
    since = t % 1.0
    hz = 440 * 2 ** ((np.array(pitches)[:, None, None] - 69) / 12)
    partials = np.arange(1, 5)[:, None]
    tones = np.sin(2 * np.pi * hz * partials * since) / partials**1.5
    struck: np.ndarray = tones.sum((0, 1)) * np.exp(-since / 0.25) * (since < 0.7)
    return struck.astype(np.float32)


def thumps(seconds: float = 8.0) -> np.ndarray:
    """A guitar's body near 100 Hz, struck once a second: broad, and on no pitch."""
    rng = np.random.default_rng(1)
    t = np.arange(round(seconds * RATE)) / RATE
    noise = np.convolve(rng.standard_normal(t.size), np.hanning(200), "same")
    body = noise / noise.std() * np.sin(2 * np.pi * 103 * t) * np.exp(-(t % 1.0) / 0.1)
    return body.astype(np.float32)


def hum(seconds: float = 8.0) -> np.ndarray:
    """A pickup's hum at 60 Hz, near Bb."""
    turns = 2 * np.pi * 60 * np.arange(round(seconds * RATE)) / RATE
    return (np.sin(turns) + 0.5 * np.sin(2 * turns)).astype(np.float32)


@pytest.mark.parametrize(
    "beside", [0 * hum(), 0.1 * hum(), 0.5 * thumps()], ids=("-", "hum", "body")
)
def test_hum_and_a_guitars_body_are_no_roots(beside: np.ndarray) -> None:
    """Eb, G, Bb, D, F: the upper four are a Gm7, and the lowest note says what it is."""
    spectra = log_spectrum(plucked([51, 55, 58, 62, 65]) + beside, RATE)
    rows = np.exp(chances([(7, "m7", 0.3)] * 4))[: len(spectra)]
    for kind, root, chance in (("maj7", 3, 0.18), ("", 10, 0.15), ("", 8, 0.15)):
        rows[:, 12 * HEARD_QUALITIES.index(kind) + root] = chance
    spans = chords_of(np.log(rows), spectra, frame_s(RATE), 120.0, FOUR, 16.0)
    assert named(spans) == [(0.0, "Ebmaj7")]


def test_silence_belongs_to_the_chord_beside_it_and_nothing_to_none() -> None:
    log = chances([(0, "", 0.9), (7, "", 0.9)])
    loud = even(log)
    loud[len(log) // 2 :] = 0.0
    assert named(chords_of(log, loud, FRAME_S, 120.0, FOUR, 8.0)) == [(0.0, "C")]
    assert chords_of(log, 0 * loud, FRAME_S, 120.0, FOUR, 8.0) == ()


def test_kinds_of_chords_that_are_told_apart() -> None:
    for steps, kind in (((0, 4, 7), ""), ((0, 3, 7), "m"), ((0, 4, 7, 10), "7"), ((0, 2, 4, 7), ""),
                        ((0, 3, 6, 10), "dim"), ((0, 7), "5"), ((0, 2, 7), "sus4"),
                        ((0, 3, 7, 10), "m7"), ((0, 2, 4, 7, 11), "maj7")):  # fmt: skip
        classes = [(step + 5) % 12 for step in steps]
        assert HEARD_QUALITIES[heard_quality(classes, 5)] == kind


@pytest.mark.parametrize("rate", [44100, 48000, 22050])
def test_a_tone_stands_in_its_bin_at_any_level_and_rate(rate: int) -> None:
    t = np.arange(2 * rate) / rate
    tone = np.sin(2 * np.pi * 440.0 * t).astype(np.float32)
    loud, soft = log_spectrum(tone, rate), log_spectrum(0.01 * tone, rate)
    assert loud.shape == (int(2 / frame_s(rate)), N_BINS)
    assert loud[5].argmax() == (69 - 24) * PER_SEMITONE
    assert loud.max() == pytest.approx(1.0, abs=0.05)
    np.testing.assert_allclose(loud, soft, atol=1e-3)
    assert not log_spectrum(0 * tone, rate).any()

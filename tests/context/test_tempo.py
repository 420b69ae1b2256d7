"""Tempi heard in drums that are played, not on the grid, and in what is too little to tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.context import tempo
from stembridge.context.tempo import HeardTempo, Onsets, doubts, estimate_tempo, tempo_of_files
from stembridge.errors import BadArgsError
from stembridge.musical_time import TimeSignature

RATE = 22_050
# Sixteenths of a bar on which something is struck, and how hard: as drummers play them.
GROOVES = {
    "rock": {0: 1.0, 2: 0.4, 4: 0.9, 6: 0.4, 8: 1.0, 10: 0.5, 12: 0.9, 14: 0.4},
    "funk": {0: 1.0, 2: 0.4, 3: 0.3, 4: 0.9, 6: 0.4, 7: 0.5, 9: 0.3, 10: 0.8, 12: 0.9, 15: 0.3},
    "break": {0: 1.0, 2: 0.9, 4: 0.8, 6: 0.3, 7: 0.4, 9: 0.4, 10: 0.8, 11: 0.7, 12: 0.8, 15: 0.4},
}


def loop(groove: str, bpm: float, bars: int = 2, loose_s: float = 0.006) -> np.ndarray:
    """Bursts of noise; a human's are early or late by some milliseconds."""
    rng, sixteenth_s = np.random.default_rng(3), 15 / bpm
    out = np.zeros(round(bars * 16 * sixteenth_s * RATE))
    burst = np.exp(-np.arange(1200) / 200) * rng.standard_normal(1200)
    for bar in range(bars):
        for step, level in GROOVES[groove].items():
            at_s = (16 * bar + step) * sixteenth_s + rng.normal(0, loose_s)
            at = max(0, round(at_s * RATE))
            piece = burst[: max(0, out.size - at)]
            out[at : at + piece.size] += 0.3 * level * piece
    return out.astype(np.float32)


def struck(bpm: float, share: float = 1.0, late_s: float = 0.0, beats: int = 16) -> Onsets:
    """A share of the weight on the beats; the rest lies evenly beside them, and tells nothing."""
    on = np.arange(beats) * 60 / bpm + late_s
    even = np.arange(5 * beats) * 12 / bpm
    weights = np.repeat([share / on.size, (1 - share) / even.size], [on.size, even.size])
    return Onsets(np.append(on, even), weights)


@pytest.mark.parametrize("groove", GROOVES)
@pytest.mark.parametrize("bpm", [84.0, 93.0, 117.0, 136.9])
def test_the_tempo_of_a_loop_is_heard_exactly(groove: str, bpm: float) -> None:
    heard = estimate_tempo(loop(groove, bpm), RATE)
    assert heard is not None and heard.bpm == pytest.approx(bpm, rel=1e-3)


@pytest.mark.parametrize(("bpm", "length_s"), [(150.0, 49.2), (151.0, 60.0)])
def test_a_whole_song_is_no_loop_and_its_end_tells_no_tempo(bpm: float, length_s: float) -> None:
    song = np.zeros(round(length_s * RATE), np.float32)
    played = loop("rock", bpm, 30)  # then it rings, until the length is nearly a bar more
    song[: played.size] = played
    assert estimate_tempo(song, RATE) == HeardTempo(bpm)


def test_what_keeps_no_tempo_is_told_with_another_that_fits_as_well() -> None:
    steps = np.cumsum(np.random.default_rng(5).uniform(0.2, 0.7, 60))
    clicks = np.zeros(round(steps[-1] * RATE) + RATE, np.float32)
    clicks[(steps * RATE).astype(int)[:, None] + np.arange(300)] = 0.5
    heard = estimate_tempo(clicks, RATE)
    assert heard is not None and heard.other is not None
    assert f"not surely: {heard.other:g} fits" in heard.words
    assert heard.words.startswith(f"{heard.bpm:g} bpm, as heard, ")


@pytest.mark.parametrize(("bpm", "told"), [(93.0, 186.0), (117.0, 120.0), (136.9, 120.0)])
@pytest.mark.parametrize("groove", GROOVES)
def test_a_wrong_tempo_is_doubted_and_the_right_one_is_not(
    groove: str, bpm: float, told: float
) -> None:
    drums = {"drums": loop(groove, bpm, 4)}
    (remark,) = doubts(drums, RATE, told)
    assert remark.data["heard"] == pytest.approx(bpm, rel=5e-3)
    assert doubts(drums, RATE, bpm) == ()


@pytest.mark.parametrize(("late_s", "start_beats"), [(0.13, 0.0), (-0.12, 0.0), (0.0, 0.2)])
def test_what_lies_beside_the_beats_is_remarked(late_s: float, start_beats: float) -> None:
    guitar = np.roll(loop("funk", 104.0, 4), round(late_s * RATE))
    (remark,) = doubts({"guitar": guitar}, RATE, 104.0, start_beats)
    late_ms = 1000 * (late_s + start_beats * 60 / 104)
    assert remark.code == "off_beat" and ("after" in remark.words) == (late_ms > 0)
    assert remark.data["ms"] == pytest.approx(abs(late_ms), abs=10)


@pytest.mark.parametrize(
    ("share", "late_s", "ms"),
    [
        (0.27, 0.1, []),
        (0.36, 0.1, [100]),
        (1.0, 0.25, []),
        (1.0, 0.036, []),
        (1.0, 0.045, [45]),
        (1.0, -0.06, [60]),
    ],
)
def test_it_must_be_much_and_far(share: float, late_s: float, ms: list[float]) -> None:
    said = struck(120.0, share, late_s).off_beat(120.0, 0.0)
    assert [remark.data["ms"] for remark in said] == pytest.approx(ms, abs=1.5)
    assert all(remark.data["side"] == ("after" if late_s > 0 else "before") for remark in said)
    moved = struck(120.0, share).off_beat(120.0, 2 * late_s)  # the clip lies there
    assert moved == said


@pytest.mark.parametrize(("share", "other"), [(0.46, None), (0.49, 112.0)])
def test_another_tempo_is_told_where_it_fits_nearly_as_well(
    monkeypatch: pytest.MonkeyPatch, share: float, other: float | None
) -> None:
    one, two = struck(100.0, beats=32), struck(112.0, beats=36)
    weights = np.append(one.weights * (1 - share), two.weights * share)
    both = Onsets(np.append(one.times_s, two.times_s), weights)
    assert both.other_than(both.tempo()) == other
    monkeypatch.setattr(tempo, "hear_onsets", lambda *_: both)
    for length_s in (19.2, 20.4):  # a loop of eight bars, and what is none
        heard = estimate_tempo(np.zeros(round(length_s * RATE), np.float32), RATE)
        assert heard == HeardTempo(100.0, other)


def test_neither_an_octave_nor_a_neighbour_is_another_tempo() -> None:
    eighths = struck(180.0, beats=32)
    assert eighths.explains(180.0, 90.0, 0.0)
    assert eighths.other_than(90.0) is None and struck(100.0).other_than(100.0) is None


def test_what_is_played_on_the_off_beats_is_not_doubted() -> None:
    off = np.roll(loop("rock", 104.0, 4), round(30 / 104 * RATE))
    assert doubts({"guitar": off}, RATE, 104.0) == ()


def bars_of(*levels: float, beats: int = 24, first: int = 0, jitter: float = 0.0) -> Onsets:
    """One stroke on each beat at 120 bpm, as loud as these in turn."""
    rng, at = np.random.default_rng(7), np.arange(first, first + beats)
    loud = np.array(levels)[at % len(levels)] * rng.lognormal(0, jitter, beats)
    return Onsets((at - first) / 2 + np.abs(rng.normal(0, jitter / 20, beats)), loud)


def accented(threes: float, twos: float = 0.0, fours: float = 0.0) -> Onsets:
    """Two metres at once."""
    pairs = ((2, twos), (3, threes), (4, fours))
    return bars_of(*(1 + sum(by for n, by in pairs if beat % n == 0) for beat in range(12)))


FREE = Onsets(np.cumsum(np.random.default_rng(133).uniform(0.2, 0.7, 36)), np.ones(36))


@pytest.mark.parametrize(
    ("struck", "heard"),
    [
        (bars_of(1, 0.5, 0.5), True),
        (bars_of(1, 0.5, 0.5, jitter=0.1), True),
        (bars_of(1, 0.5, 0.5, first=1), True),
        (bars_of(1, 0.5, 0.5, beats=16), True),
        (bars_of(1, 0.5, 0.5, beats=15), False),
        (bars_of(1, 0.9, 0.5, 0.9, 0.5, 0.5), True),
        (bars_of(1, 0.5), False),
        (bars_of(1, 0.5, 0.8, 0.5), False),
        (bars_of(1, 0.5, 0.5, 0.5, 0.8, 0.5, 0.5, 0.5), False),
        (bars_of(1, 0.5, 0.8, 0.5, 0.6), False),
        (accented(threes=0.5, fours=0.4), True),
        (accented(threes=0.5, fours=0.5), False),
        (accented(threes=0.5, twos=0.5), False),
        (FREE, False),
        (bars_of(1), False),
        (bars_of(1, 0.97, 0.97), False),
    ],
)
def test_bars_of_three_are_heard_by_beats_that_are_alike(struck: Onsets, heard: bool) -> None:
    assert struck.in_threes(120.0, 0.0) is heard


@pytest.mark.parametrize(("metre", "said"), [("4/4", True), ("2/4", True), ("3/4", False),
                                             ("6/8", False), ("5/4", False)])  # fmt: skip
def test_bars_of_three_are_remarked_where_the_request_has_even_ones(
    monkeypatch: pytest.MonkeyPatch, metre: str, said: bool
) -> None:
    monkeypatch.setattr(tempo, "hear_onsets", lambda *_: bars_of(1, 0.5, 0.5))
    told = doubts({"drums": np.ones(9)}, RATE, 120.0, 0.0, TimeSignature.parse(metre))
    assert [remark.code for remark in told] == ["in_threes"] * said
    assert all(f"the request says {metre}" in remark.words for remark in told)


def test_what_is_too_little_is_neither_doubted_nor_guessed(tmp_path: Path) -> None:
    few = loop("rock", 120.0)[: RATE // 2]
    silence = np.zeros(RATE, np.float32)
    assert doubts({"drums": few}, RATE, 99.0) == doubts({"drums": silence}, RATE, 99.0) == ()
    assert doubts({}, RATE, 99.0) == () and estimate_tempo(silence, RATE) is None
    soundfile.write(tmp_path / "drums.wav", silence, RATE)
    with pytest.raises(BadArgsError, match="--bpm"):
        tempo_of_files({"drums": str(tmp_path / "drums.wav")}, AllowedRoots.anywhere(), 4.0)
    with pytest.raises(BadArgsError, match="given stems"):
        tempo_of_files({}, AllowedRoots.anywhere(), 4.0)
    soundfile.write(tmp_path / "drums.wav", loop("funk", 93.0), RATE)
    files = {"piano": "not opened", "drums": str(tmp_path / "drums.wav")}
    heard = tempo_of_files(files, AllowedRoots.anywhere(), 4.0)
    assert heard.bpm == pytest.approx(93.0, rel=1e-3)

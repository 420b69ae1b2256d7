"""What is said of chords that were heard."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stembridge.chords import parse_progression
from stembridge.chords.spectrum import log_spectrum
from stembridge.context import hearing
from stembridge.musical_time import TimeSignature
from stembridge.testing import fake_manifest

FOUR_FOUR = TimeSignature.parse("4/4")


@pytest.mark.parametrize(("sure", "last", "said"), [(0.53, 0.53, True), (0.9, 0.2, False)])
def test_chords_that_are_little_more_than_guessed_are_remarked(
    monkeypatch: pytest.MonkeyPatch, sure: float, last: float, said: bool
) -> None:
    spans = [replace(span, confidence=sure) for span in parse_progression("Am F C G", 4.0, 16.0)]
    spans[-1] = replace(spans[-1], confidence=last)
    monkeypatch.setattr(hearing, "heard_chords", lambda *_: tuple(spans))
    manifest = fake_manifest()
    piano = np.ones(8 * manifest.sample_rate, np.float32)
    at = (120.0, FOUR_FOUR, 16.0)
    chords, remarks = hearing.chords_throughout({"piano": piano}, manifest, *at)
    assert chords == tuple(spans)
    assert [remark.words for remark in remarks] == [
        "the chords are heard with 53% certainty only: name them (--chords) where they are wrong"
    ] * said


@pytest.mark.parametrize(
    ("sure", "codes"),
    [([0.9, 0.2], ["chords_repeated", "chords_unsure"]), ([0.9], ["chords_repeated"]), ([], [])],
)
def test_so_are_those_that_are_repeated_and_none_is_no_guess(
    monkeypatch: pytest.MonkeyPatch, sure: list[float], codes: list[str]
) -> None:
    named = parse_progression("Am F", 4.0, 8.0)
    spans = tuple(replace(one, confidence=c) for one, c in zip(named, sure, strict=False))
    monkeypatch.setattr(hearing, "heard_chords", lambda *_: spans)
    manifest = fake_manifest()
    piano = np.zeros(8 * manifest.sample_rate, np.float32)
    piano[: 4 * manifest.sample_rate] = 1.0  # two bars of four
    at = (120.0, FOUR_FOUR, 16.0)
    _, remarks = hearing.chords_throughout({"piano": piano}, manifest, *at)
    assert [remark.code for remark in remarks] == codes
    assert [remark.data["sure"] for remark in remarks[1:]] == [0.55] * (len(codes) == 2)
    whole = hearing.chords_throughout({"piano": piano[: piano.size // 2]}, manifest, *at[:2], 8.0)
    assert [remark.code for remark in whole[1]] == codes[1:]


def sounding(*pitches: tuple[int, ...], rate: int = 44_100) -> np.ndarray:
    """Half a second of each, with overtones."""
    t = np.arange(rate // 2) / rate
    found = []
    for chord in pitches:
        hz = 440 * 2 ** ((np.array(chord)[:, None, None] - 69) / 12) * np.arange(1, 7)[:, None]
        partials = np.sin(2 * np.pi * hz * t) * 0.6 ** np.arange(6)[:, None]
        found.append(partials.sum((0, 1)) * np.exp(-2 * t))
    return np.concatenate(found).astype(np.float32)


TUNE = sounding(*((p,) for p in (60, 64, 67, 69, 65, 62, 71, 67, 60, 64, 69, 72, 71, 67, 62, 60)))
TRIADS = sounding(*((p, p + 4, p + 7) for p in (60, 65, 67, 60) * 4))


@pytest.mark.parametrize(
    ("sound", "sure", "codes"),
    [
        (TUNE, 0.9, ["chords_of_melody"]),
        (TUNE, 0.4, ["chords_of_melody"]),
        (0.01 * TUNE, 0.9, ["chords_of_melody"]),
        (TRIADS, 0.9, []),
        (TRIADS, 0.4, ["chords_unsure"]),
        (TUNE + 0.5 * TRIADS, 0.9, []),
    ],
)
def test_chords_that_are_guessed_from_a_melody_are_remarked(
    monkeypatch: pytest.MonkeyPatch, sound: np.ndarray, sure: float, codes: list[str]
) -> None:
    spans = [replace(span, confidence=sure) for span in parse_progression("Am F C G", 4.0, 16.0)]
    monkeypatch.setattr(hearing, "heard_chords", lambda *_: tuple(spans))
    at = (fake_manifest(sample_rate=44_100), 120.0, FOUR_FOUR, 16.0)
    noise = np.random.default_rng(1).standard_normal(sound.size).astype(np.float32)
    _, remarks = hearing.chords_throughout({"other": sound, "drums": noise}, *at)
    assert [remark.code for remark in remarks] == codes
    _, remarks = hearing.chords_throughout({"piano": sound / 2, "guitar": sound / 2}, *at)
    assert [remark.code for remark in remarks] == codes


@pytest.mark.parametrize(
    ("beside", "louder"), [({"piano": TRIADS}, 0.3), ({"bass": TUNE}, 1.0), ({}, 1.0)]
)
def test_what_sounds_beside_a_piano_tells_less_of_the_chords(
    beside: dict[str, np.ndarray], louder: float
) -> None:
    heard = []
    network = next(iter(fake_manifest().files))
    manifest = fake_manifest(sample_rate=44_100, chord_ears=network, chords_from_context=True)
    tune = np.ascontiguousarray(TUNE[::-1])
    hearing.heard_chords(
        {"other": tune, **beside}, manifest, 120.0, FOUR_FOUR, 16.0, ears=heard.append
    )
    expected = louder * tune + sum(beside.values())
    np.testing.assert_allclose(heard[0][0], log_spectrum(expected, 44_100), atol=1e-5)

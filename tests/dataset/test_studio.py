"""The studio and what happens to its files: levels, rooms, MP3, tape, loops; reproducible."""

from __future__ import annotations

import numpy as np
import pytest
from toy_kit import RATE, noise, tone

from stembridge.dataset.song import STEMS
from stembridge.dataset.studio import (
    amplified,
    as_heard,
    looped,
    record,
    shaped,
    through_mp3,
    wobbled,
)


@pytest.fixture(scope="module")
def stems() -> dict[str, np.ndarray]:
    notes = {"bass": tone(40), "drums": noise(36, 1.0), "guitar": tone(57), "piano": tone(64)}
    return {stem: np.tile(audio, 3) for stem, audio in notes.items()}


def test_records_are_reproducible_levelled_and_as_long(stems: dict[str, np.ndarray]) -> None:
    one, other = (record(stems, {"guitar": "lead"}, RATE, np.random.default_rng(5)) for _ in "ab")
    for stem in STEMS:
        assert len(one[stem]) == len(stems[stem])
        assert np.array_equal(one[stem], other[stem])
        assert 0.001 < np.abs(one[stem]).max() <= 0.9 + 1e-6


def test_silence_stays_silence(stems: dict[str, np.ndarray]) -> None:
    for seed in range(4):
        dry = {**stems, "piano": np.zeros_like(stems["piano"])}
        rng = np.random.default_rng(seed)
        assert np.abs(record(dry, {}, RATE, rng)["piano"]).max() < 1e-6


def test_a_room_rings_after_the_sound_and_keeps_its_onset() -> None:
    click = np.zeros(RATE, np.float32)
    click[1000] = 1.0
    wet = shaped(click, RATE, [], 0.5, -6.0, np.random.default_rng(0))
    assert np.argmax(np.abs(wet)) == pytest.approx(1000, abs=2)
    after = np.sum(wet[1200:] ** 2) / np.sum(wet**2)
    assert 0.05 < after < 0.4


def test_an_equaliser_lifts_its_band() -> None:
    flat, lifted = (
        shaped(tone(69), RATE, [(880.0, gain, 0.5)], 0.1, -90.0, np.random.default_rng(0))
        for gain in (0.0, 6.0)
    )
    at = round(880 * len(flat) / RATE)
    ratio = np.abs(np.fft.rfft(lifted)[at]) / np.abs(np.fft.rfft(flat)[at])
    assert 20 * np.log10(ratio) == pytest.approx(6, abs=0.5)


def test_an_amplifier_adds_harmonics() -> None:
    clean = tone(57)
    loud = amplified(clean, 24.0, np.random.default_rng(0))
    seventh = round(7 * 220 * len(clean) / RATE)
    assert np.abs(np.fft.rfft(loud)[seventh]) > 10 * np.abs(np.fft.rfft(clean)[seventh])


def test_mp3_keeps_time_and_length() -> None:
    sound = np.concatenate([np.zeros(5000), noise(1, 0.6)]).astype(np.float32)
    back = through_mp3(sound, RATE, 0.6)
    assert len(back) == len(sound)
    lag = np.argmax(np.correlate(back, sound[4000:9000], "valid"))
    assert abs(int(lag) - 4000) <= 2
    assert 0.3 < np.linalg.norm(back) / np.linalg.norm(sound) < 1.1
    assert not np.allclose(back, sound, atol=1e-3)


def test_tape_wobbles_all_stems_alike_and_little() -> None:
    audio = np.stack([tone(69, 3.0), tone(69, 3.0)])
    moved = wobbled(audio, RATE, np.random.default_rng(2))
    assert moved.shape == audio.shape
    assert np.array_equal(moved[0], moved[1])
    assert not np.allclose(moved, audio, atol=1e-3)
    peaks = [np.argmax(np.abs(x[:200])) for x in (moved[0], audio[0])]
    assert abs(int(peaks[0]) - int(peaks[1])) < RATE * 0.005


def test_loops_repeat_their_bars() -> None:
    audio = np.arange(20, dtype=np.float32)[None]
    assert looped(audio, 8)[0].tolist() == [*range(8), *range(8), *range(4)]


def test_files_as_heard_are_reproducible_and_as_long(stems: dict[str, np.ndarray]) -> None:
    audio = np.stack([stems[stem] for stem in STEMS]) * np.float32(0.2)
    changed = 0
    for seed in range(12):
        one, other = (as_heard(audio, RATE, np.random.default_rng(seed)) for _ in "ab")
        assert np.array_equal(one, other)
        assert one.shape == audio.shape
        assert np.isfinite(one).all()
        changed += not np.allclose(one, audio)
    assert 6 <= changed <= 12

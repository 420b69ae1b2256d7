from __future__ import annotations

import sys

import numpy as np
import pyloudnorm
import pytest

from stembridge.audio.conform import conform, stretched_length
from stembridge.audio.loudness import (
    amplitude,
    decibels,
    gain_to,
    integrated_loudness,
    is_silent,
    peak,
)
from stembridge.audio.onsets import detect_onsets
from stembridge.errors import BadArgsError, CancelledError, MissingExtraError

RATE = 44100


def sine(level_dbfs: float, hz: float = 997.0, length_s: float = 5.0) -> np.ndarray:
    t = np.arange(int(length_s * RATE)) / RATE
    return (10 ** (level_dbfs / 20) * np.sin(2 * np.pi * hz * t)).astype(np.float32)


def test_a_full_scale_sine_reads_minus_three_lufs() -> None:
    # BS.1770's calibration: 997 Hz at 0 dBFS in one channel is -3.01 LKFS.
    assert integrated_loudness(sine(0.0), RATE) == pytest.approx(-3.01, abs=0.05)
    assert integrated_loudness(sine(-20.0), RATE) == pytest.approx(-23.01, abs=0.05)


@pytest.mark.parametrize("rate", [22050, 44100, 48000, 96000])
def test_music_reads_as_the_reference_implementation_does(rate: int) -> None:
    rng = np.random.default_rng(0)
    t = np.arange(rate * 8) / rate
    pulse = np.exp(-((t * 2) % 1) * 8)
    for sound in (
        rng.standard_normal(t.size) * pulse,
        sum(np.sin(2 * np.pi * 55 * k * t) / k for k in range(1, 20)) * pulse,
        np.sin(2 * np.pi * 330 * t) * (t < 3) + 1e-3 * rng.standard_normal(t.size),
    ):
        audio = (0.1 * sound).astype(np.float32)
        reference = pyloudnorm.Meter(rate).integrated_loudness(audio)
        assert integrated_loudness(audio, rate) == pytest.approx(reference, abs=0.15)


def test_short_audio_is_measured_and_silence_is_none() -> None:
    assert integrated_loudness(sine(-20.0, length_s=0.1), RATE) == pytest.approx(-23.0, abs=0.5)
    assert integrated_loudness(np.zeros(RATE, np.float32), RATE) is None
    assert integrated_loudness(np.zeros(0, np.float32), RATE) is None
    assert integrated_loudness(sine(-75.0), RATE) is None  # below the gate, though not silent


def test_a_gain_brings_sound_to_a_loudness_and_silence_has_none() -> None:
    quiet = sine(-40.0)
    gain = gain_to(-18.0, quiet, RATE)
    assert gain is not None
    assert integrated_loudness(quiet * np.float32(gain), RATE) == pytest.approx(-18.0, abs=0.01)
    assert gain_to(-18.0, np.zeros(RATE, np.float32), RATE) is None


def test_levels() -> None:
    assert decibels(0.5) == pytest.approx(-6.0206, abs=1e-4)
    assert decibels(0.0) == float("-inf")
    assert amplitude(-6.0206) == pytest.approx(0.5, abs=1e-5)
    assert peak(np.array([0.1, -0.7], np.float32)) == pytest.approx(0.7)
    assert peak(np.zeros(0, np.float32)) == 0.0
    assert is_silent(np.full(4, 5e-5, np.float32)) and not is_silent(np.full(4, 1e-3, np.float32))


@pytest.mark.parametrize(("source", "target"), [(100.0, 120.0), (120.0, 87.3), (60.0, 140.0)])
def test_a_click_on_every_beat_stays_on_every_beat(source: float, target: float) -> None:
    n = RATE * 8
    audio = np.zeros(n, np.float32)
    beats = np.arange(0, n, 60 / source * RATE).round().astype(int)
    for start in beats:
        t = np.arange(min(9000, n - start)) / RATE
        audio[start : start + t.size] += (np.sin(2078 * t) * np.exp(-t / 0.045) * 0.4).astype("f4")
    out = conform(audio, RATE, source, target)
    assert out.shape == (round(n * source / target),)
    assert out.tobytes() == conform(audio, RATE, source, target).tobytes()
    found = detect_onsets(out, RATE)
    offsets_ms = [(found - k * 60 / target)[np.abs(found - k * 60 / target).argmin()] * 1e3
                  for k in range(len(beats))]  # fmt: skip
    assert abs(np.median(offsets_ms)) < 2.5 and np.abs(offsets_ms).max() < 5.0


def test_equal_tempo_is_left_alone_and_lengths_are_exact() -> None:
    noise = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    assert conform(noise, RATE, 120.0, 120.0).tobytes() == noise.tobytes()
    assert stretched_length(44100, 44100, 87.3, 174.6) == 22050
    assert conform(noise[:10], RATE, 100.0, 120.0).shape == (8,)
    assert conform(noise[:0], RATE, 100.0, 120.0).shape == (0,)


def test_absurd_speeds_are_refused() -> None:
    with pytest.raises(BadArgsError, match="at most 4 times"):
        conform(np.ones(100, np.float32), RATE, 20.0, 90.0)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_stretch", None)
    with pytest.raises(MissingExtraError, match="pip install python-stretch"):
        conform(np.ones(100, np.float32), RATE, 100.0, 90.0)


def test_a_long_clip_is_stretched_in_pieces_that_can_be_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Onsets stay where they belong and nothing clicks where pieces meet."""
    clicks = np.zeros(20 * RATE, np.float32)
    clicks[RATE // 4 :: RATE // 2] = 1.0
    tone = (0.3 * np.sin(2 * np.pi * 220 * np.arange(clicks.size) / RATE)).astype(np.float32)
    whole = conform(tone, RATE, 100.0, 110.0)
    monkeypatch.setattr("stembridge.audio.conform.PIECE_S", 3.0)
    looks = []
    found = conform(clicks, RATE, 100.0, 110.0, lambda: looks.append(1))
    assert len(looks) == 7 and found.size == stretched_length(clicks.size, RATE, 100.0, 110.0)
    for n in range(40):
        at = round((RATE // 4 + n * (RATE // 2)) / 1.1)
        around = np.abs(found[max(0, at - RATE // 20) : at + RATE // 20])
        assert abs(int(around.argmax()) - min(at, RATE // 20)) < RATE // 100, n
    pieces = conform(tone, RATE, 100.0, 110.0)
    assert np.abs(np.diff(pieces)).max() < 1.3 * np.abs(np.diff(whole)).max()
    assert np.abs(pieces[RATE:-RATE]).max() < 0.45

    def stop() -> None:
        raise CancelledError("Enough.")

    with pytest.raises(CancelledError):
        conform(clicks, RATE, 100.0, 110.0, stop)

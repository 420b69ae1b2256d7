from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from stembridge.audio.loudness import integrated_loudness, peak
from stembridge.context import AS_IS, Pace
from stembridge.musical_time import beats_to_samples
from stembridge.pipeline.level import PEAK_LIMIT, levelled
from stembridge.pipeline.render import conformed
from stembridge.pipeline.verdict import head_silence_s, judge
from stembridge.remarks import Remark
from stembridge.request import GenerationRequest, parse_request

MODEL_RATE = 22050


def request_for(**values: Any) -> GenerationRequest:
    return parse_request({"generate": "bass", "bpm": "120", "bars": 2, **values})


def render(
    stems: dict[str, np.ndarray],
    rate: int,
    context_gain: float | None,
    request: GenerationRequest,
    pace: Pace = AS_IS,
) -> dict[str, np.ndarray]:
    """Stems as they go into files."""
    return levelled(conformed(stems, rate, request, {}, pace), request, context_gain).audio


def tone(level: float, length_s: float = 4.0, hz: float = 220.0) -> np.ndarray:
    t = np.arange(int(length_s * MODEL_RATE)) / MODEL_RATE
    return (level * np.sin(2 * np.pi * hz * t)).astype(np.float32)


@pytest.mark.parametrize("rate", [44100, 48000])
@pytest.mark.parametrize("bars", [4, 8, 16])
@pytest.mark.parametrize("bpm", ["87.3", "120", "174"])
@pytest.mark.parametrize("metre", ["4/4", "3/4", "7/8"])
def test_lengths_are_exact_to_the_sample(rate: int, bars: int, bpm: str, metre: str) -> None:
    request = request_for(session_rate=rate, bars=bars, bpm=bpm, time_signature=metre)
    beats = Fraction(bars) * {"4/4": 4, "3/4": 3, "7/8": Fraction(7, 2)}[metre]
    exact = beats * 60 / Fraction(bpm) * rate
    audio = render({"bass": tone(0.1)}, MODEL_RATE, 1.0, request)["bass"]
    assert abs(audio.size - exact) <= Fraction(1, 2)
    assert audio.dtype == np.float32


@pytest.mark.parametrize("rate", [22050, 44100, 96000])
def test_time_is_kept_from_the_bar_line_on(rate: int) -> None:
    pulse = np.exp(-(((np.arange(4 * MODEL_RATE) / MODEL_RATE - 1.5) / 0.001) ** 2))
    stems = {"bass": pulse.astype(np.float32)}
    audio = render(stems, MODEL_RATE, 1.0, request_for(session_rate=rate))["bass"]
    assert abs(int(np.argmax(audio)) / rate - 1.5) <= 1.5 / rate


def test_the_edges_are_silent_and_nothing_else_is_touched() -> None:
    audio = render({"bass": np.full(4 * MODEL_RATE, 0.5, np.float32)}, MODEL_RATE, 1.0,
                   request_for(session_rate=MODEL_RATE))["bass"]  # fmt: skip
    assert abs(audio[0]) < 0.001 * 0.5 and abs(audio[-1]) < 0.001 * 0.5  # -60 dB
    inner = audio[int(0.002 * MODEL_RATE) : -int(0.0255 * MODEL_RATE)]
    assert (inner == 0.5).all()


@pytest.mark.parametrize("rate", [MODEL_RATE, 44100, 48000])
def test_a_loops_edges_are_left_as_they_are_at_any_rate(rate: int) -> None:
    """An even tone of whole periods stays even round the seam: nothing is faded or filtered off."""
    audio = render({"bass": tone(0.5)}, MODEL_RATE, 1.0, request_for(session_rate=rate, loop=True))
    twice = np.concatenate([audio["bass"]] * 2)
    t = np.arange(twice.size) / rate
    assert np.abs(twice - 0.5 * np.sin(2 * np.pi * 220 * t)).max() < 2e-3


@pytest.mark.parametrize("slower", [0.99, 1.004])
def test_a_loop_at_another_pace_is_in_tune_and_closed(slower: float) -> None:
    """Half a frame too many or too few in a short loop must not be heard as a wrong pitch."""
    n = round(4 * MODEL_RATE * slower)
    periods = round(220 * n / MODEL_RATE)
    own = (0.5 * np.sin(2 * np.pi * periods * np.arange(n) / n)).astype(np.float32)
    request = request_for(session_rate=44100, loop=True)
    audio = render({"bass": own}, MODEL_RATE, 1.0, request, pace=Pace(slower))["bass"]
    assert audio.size == 4 * 44100
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(audio.size)))
    assert 1200 * abs(np.log2(spectrum.argmax() / 4 / 220)) < 5
    drums = render({"drums": own}, MODEL_RATE, 1.0, request, pace=Pace(slower))["drums"]
    twice = np.concatenate([drums, drums])
    wanted = 0.5 * np.sin(2 * np.pi * periods * np.arange(twice.size) / drums.size)
    assert np.abs(twice - wanted).max() < 0.02  # less than a sample


def test_a_take_beside_nothing_has_a_usual_loudness() -> None:
    stems = {"bass": tone(0.01), "piano": tone(0.005, hz=440)}
    rendered = render(stems, MODEL_RATE, None, request_for(session_rate=44100))
    mixture = rendered["bass"] + rendered["piano"]
    assert integrated_loudness(mixture, 44100) == pytest.approx(-18.0, abs=0.1)
    assert peak(rendered["piano"]) / peak(rendered["bass"]) == pytest.approx(0.5, rel=1e-2)


def test_the_contexts_gain_is_taken_back() -> None:
    request = request_for(session_rate=MODEL_RATE)
    audio = render({"bass": tone(0.4)}, MODEL_RATE, 4.0, request)["bass"]
    assert peak(audio) == pytest.approx(0.1, rel=1e-3)


def test_hot_stems_share_one_gain() -> None:
    request = request_for(session_rate=MODEL_RATE)
    stems = {"bass": tone(2.0), "piano": tone(0.5, hz=440)}
    rendered = render(stems, MODEL_RATE, 1.0, request)
    assert peak(rendered["bass"]) == pytest.approx(PEAK_LIMIT, rel=1e-3)
    assert peak(rendered["bass"]) <= 10 ** (-1 / 20) + 1e-6
    assert peak(rendered["piano"]) / peak(rendered["bass"]) == pytest.approx(0.25, rel=1e-3)
    calm = render({"bass": tone(0.5)}, MODEL_RATE, 1.0, request)
    assert peak(calm["bass"]) == pytest.approx(0.5, rel=1e-3)


def test_rendering_is_bit_exact() -> None:
    request = request_for(session_rate=48000)
    first, again = (render({"b": tone(0.3)}, MODEL_RATE, 0.7, request)["b"] for _ in range(2))
    assert first.tobytes() == again.tobytes()


def plucks(times_s: np.ndarray, rate: int = 44100, length_s: float = 4.0) -> np.ndarray:
    out = np.zeros(int((length_s + 2) * rate))
    for start in times_s:
        first = int(np.ceil(start * rate))
        t = (np.arange(rate) + first) / rate - start
        tone_ = np.sin(2 * np.pi * 330 * t) * np.exp(-t / 0.1) * np.minimum(1, t / 0.001)
        out[first : first + rate] += 0.3 * tone_
    return out[: int(length_s * rate)].astype(np.float32)


def test_a_take_on_the_grid_is_told_so() -> None:
    verdict = judge(plucks(np.arange(0, 4, 0.25)), request_for(), -16.0)
    assert verdict.on_grid_share == 1.0 and verdict.on_eighth_share == 1.0
    assert verdict.onset_offset_ms == pytest.approx(0.0, abs=2.0)
    assert verdict.onsets_per_s == pytest.approx(4.0, abs=0.3)
    assert not verdict.silent and verdict.warnings == ()
    assert verdict.relative_loudness_lu == pytest.approx(
        (verdict.loudness_lufs or 0) + 16, abs=0.01
    )
    assert verdict.head_silence_ms < 5
    assert json.loads(verdict.to_json()) == verdict.to_mapping()


def test_a_late_take_and_a_scattered_take_are_told_apart() -> None:
    late = judge(plucks(np.arange(0, 3.9, 0.25) + 0.03), request_for(), None)
    assert late.onset_offset_ms == pytest.approx(30, abs=2)
    assert any("30 ms late" in w or "29 ms late" in w or "31 ms late" in w for w in late.warnings)
    early = judge(plucks(np.arange(0.25, 3.9, 0.25) - 0.03), request_for(), None)
    assert any("early" in warning for warning in early.warnings)
    scattered = np.cumsum(np.random.default_rng(0).uniform(0.09, 0.3, 18))
    verdict = judge(plucks(scattered[scattered < 3.8]), request_for(), None)
    assert any("on the grid" in warning for warning in verdict.warnings)
    assert verdict.relative_loudness_lu is None


def test_a_request_off_the_bar_line_is_measured_from_its_own_place() -> None:
    times = np.arange(0.0625, 3.9, 0.25)  # an eighth of a beat after the file's start
    verdict = judge(plucks(times), request_for(start_beats=-0.125), None)
    assert verdict.on_grid_share == 1.0
    assert verdict.onset_offset_ms == pytest.approx(0.0, abs=2.0)


def test_silence_is_told() -> None:
    verdict = judge(
        np.zeros(4 * 44100, np.float32), request_for(), -16.0, [Remark("silent", {"stem": "drums"})]
    )
    assert verdict.silent and "silent" in verdict.warnings[-1]
    assert verdict.warnings[0] == "the drums context is silent in these bars"
    assert verdict.on_grid_share is None and verdict.onset_offset_ms is None
    assert verdict.loudness_lufs is None and verdict.peak_dbfs is None
    assert verdict.head_silence_ms == 4000


def test_head_silence_and_level_are_warned_about() -> None:
    request = request_for()
    audio = np.concatenate([np.zeros(int(2.5 * 44100), np.float32), plucks(np.array([0.0]))])
    verdict = judge(audio[: 4 * 44100], request, None)
    assert verdict.head_silence_ms == pytest.approx(2500, abs=1)
    assert any("1.2 bars" in w or "1.3 bars" in w for w in verdict.warnings)
    sound = plucks(np.arange(0, 4, 0.5))
    level = integrated_loudness(sound, 44100) or 0.0
    assert any("quieter" in w for w in judge(sound, request, level + 30).warnings)
    assert any("louder" in w for w in judge(sound, request, level - 10).warnings)
    assert judge(sound, request, level).warnings == ()


def test_head_silence_ignores_what_cannot_be_heard() -> None:
    audio = np.concatenate([np.full(1000, 1e-4), np.full(1000, 0.5)]).astype(np.float32)
    assert head_silence_s(audio, 1000) == 1.0


def test_a_played_loop_at_another_tuning_flows_into_its_start() -> None:
    """Whole periods at 440 Hz, a tape run 2 % faster: still no edge where they meet."""
    request = request_for(loop=True, session_rate=44_100)
    pace = Pace(slower=1.0, tuned=1.02)
    n = beats_to_samples(8, 120 / 1.02, 44_100)
    wave = np.cos(2 * np.pi * 3000 * np.arange(n) / n).astype(np.float32)
    made = conformed({}, 32_000, request, {"piano": np.stack([wave, wave])}, pace)["piano"]
    ideal = np.cos(2 * np.pi * 3000 * np.arange(made.shape[1]) / made.shape[1])
    for ends in (slice(0, 100), slice(-100, None), slice(None)):
        np.testing.assert_allclose(made[0, ends], ideal[ends], atol=1e-4)

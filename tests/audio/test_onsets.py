"""Analytic tests: notes at known times, and figures that chance could not give."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from stembridge.audio.onsets import detect_onsets, grid_report, match_onsets, onset_f1

LENGTH_S = 16.0


def note(kind: str, t: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """One note's samples at times `t` (s) after its start."""
    if kind == "click":
        return np.exp(-t / 0.002) * rng.standard_normal(t.size)
    if kind == "drum":
        return np.minimum(1, t / 0.001) * np.exp(-t / 0.08) * rng.standard_normal(t.size)
    hz = rng.uniform(40, 110) if kind == "bass" else rng.uniform(150, 600)
    tone = sum(np.sin(2 * np.pi * hz * k * t) * np.exp(-t * k / 0.4) / k for k in range(1, 12))
    return np.asarray(tone * np.exp(-t / 0.2) * np.minimum(1, t / 0.002))


def piece(kind: str, times: NDArray[np.float64], rate: int, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    out = np.zeros(int(LENGTH_S * rate) + 2 * rate)
    for start in times:
        first = int(np.ceil(start * rate))
        t = (np.arange(int(1.5 * rate)) + first) / rate - start
        out[first : first + t.size] += rng.uniform(0.2, 1.0) * note(kind, t, rng)
    return (0.3 * out[: int(LENGTH_S * rate)]).astype(np.float32)


def uneven_times(seed: int = 1) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    steps = np.sort(rng.choice(np.arange(0.0, 15.5, 0.25), 40, replace=False))
    return steps + rng.uniform(0, 0.01, 40)


def nearest_ms(found: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([found[np.abs(found - t).argmin()] - t for t in times]) * 1e3


@pytest.mark.parametrize("rate", [22050, 44100, 96000])
@pytest.mark.parametrize("kind", ["click", "drum", "pluck", "bass"])
def test_onsets_are_found_where_they_are(kind: str, rate: int) -> None:
    times = uneven_times()
    found = detect_onsets(piece(kind, times, rate), rate)
    assert onset_f1(found, times) >= 0.97
    errors = nearest_ms(found, times)
    assert abs(np.median(errors)) <= (2.5 if kind != "bass" else 4.0)
    if kind != "bass":  # a bass note needs half a period to show itself
        assert np.percentile(np.abs(errors), 90) <= 6.0


def test_the_low_rates_work_too() -> None:
    times = uneven_times()
    found = detect_onsets(piece("pluck", times, 8000), 8000)
    assert onset_f1(found, times) >= 0.95
    assert abs(np.median(nearest_ms(found, times))) <= 2.0


def test_a_note_on_the_bar_line_is_an_onset_at_zero() -> None:
    found = detect_onsets(piece("pluck", np.array([0.0, 2.0]), 44100), 44100)
    assert found.size == 2
    assert found[0] <= 0.004


@pytest.mark.parametrize("shift_s", [0.0, 0.017, -0.023])
def test_a_shift_of_the_audio_is_measured_as_that_shift(shift_s: float) -> None:
    times = np.arange(0.5, 15.0, 0.25) + shift_s
    report = grid_report(detect_onsets(piece("pluck", times, 44100), 44100), 120, 0.25, LENGTH_S)
    assert report.median_offset_ms == pytest.approx(shift_s * 1e3, abs=1.5)
    assert report.on_grid_share >= 0.97
    assert report.onsets_per_s == pytest.approx(times.size / LENGTH_S, rel=0.05)


def test_steady_sounds_have_no_onsets_but_their_start() -> None:
    t = np.arange(int(LENGTH_S * 22050)) / 22050
    for phase in (2 * np.pi * 220 * t, 2 * np.pi * 41 * t, 1400 * t + 3 * np.sin(35 * t)):
        tone = (0.3 * np.sin(phase)).astype(np.float32)
        assert detect_onsets(tone, 22050).size <= 1
    noise = np.random.default_rng(0).standard_normal(t.size).astype(np.float32) * 0.1
    assert detect_onsets(noise, 22050).size <= 16  # one a second, of random flicker


@pytest.mark.parametrize("n", [0, 1, 50, 22050])
def test_silence_and_crumbs_have_none(n: int) -> None:
    assert detect_onsets(np.zeros(n, np.float32), 44100).size == 0
    assert detect_onsets(np.full(n, 1e-6, np.float32), 44100).size == 0


def test_it_does_not_depend_on_the_level() -> None:
    audio = piece("pluck", uneven_times(), 44100)
    loud, quiet = detect_onsets(audio, 44100), detect_onsets(audio * np.float32(0.05), 44100)
    np.testing.assert_allclose(loud, quiet, atol=1e-4)


def test_random_times_reach_the_chance_share() -> None:
    times = np.sort(np.random.default_rng(0).uniform(0, 1000, 20_000))
    report = grid_report(times, 120, 0.5, 1000)
    assert report.chance_share == pytest.approx(2 * 0.05 / 0.25)
    assert report.on_grid_share == pytest.approx(report.chance_share, abs=0.02)
    assert report.n_onsets == 20_000
    assert abs(report.median_offset_ms or 99.0) < 3.0
    assert report.spread_ms == pytest.approx(62.5, abs=3.0)


def test_the_grid_starts_where_the_request_starts() -> None:
    # Half an eighth before a grid line: its lines lie 0.125 s into the piece.
    times = np.arange(0.125, 10, 0.25)
    assert grid_report(times, 120, 0.5, 10).on_grid_share == 0.0
    moved = grid_report(times, 120, 0.5, 10, start_beats=0.25)
    assert moved.on_grid_share == 1.0
    assert moved.median_offset_ms == pytest.approx(0.0, abs=1e-6)


def test_no_onsets_give_a_report_without_offsets() -> None:
    report = grid_report(np.zeros(0), 120, 0.5, 0.0)
    assert (report.n_onsets, report.on_grid_share, report.onsets_per_s) == (0, 0.0, 0.0)
    assert report.median_offset_ms is None and report.spread_ms is None


def test_matching_pairs_one_to_one() -> None:
    reference = np.array([1.0, 2.0, 3.0])
    match = match_onsets(np.array([1.01, 1.02, 2.2, 3.0]), reference)
    assert (match.precision, match.recall) == (0.5, pytest.approx(2 / 3))
    assert match.f1 == pytest.approx(2 * 0.5 * (2 / 3) / (0.5 + 2 / 3))
    assert onset_f1(reference, reference) == 1.0
    assert onset_f1(np.zeros(0), np.zeros(0)) == 1.0
    assert onset_f1(np.zeros(0), reference) == 0.0

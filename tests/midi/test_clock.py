"""The tempo estimator against clocks whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from stembridge.midi.clock import TICKS_PER_BEAT, ClockEstimator, number_ticks

JITTER_S = 0.003
LOST = 0.005


def clock(
    bpm: float,
    seconds: float,
    seed: int,
    *,
    start_s: float = 0.0,
    jitter_s: float = JITTER_S,
    lost: float = LOST,
    doubled: float = 0.0,
) -> NDArray[np.float64]:
    """Arrival times of a clock: late or early by up to `jitter_s`, some lost, some doubled."""
    rng = np.random.default_rng(seed)
    n = round(seconds * bpm * TICKS_PER_BEAT / 60)
    times = start_s + np.arange(n) * 60 / bpm / TICKS_PER_BEAT
    times = times + rng.uniform(-jitter_s, jitter_s, n)
    times = times[rng.random(n) >= lost]
    twins = times[rng.random(len(times)) < doubled] + 0.001
    return np.sort(np.concatenate([times, twins]))


def errors_after(bpm: float, times: NDArray[np.float64], since_s: float) -> NDArray[np.float64]:
    estimator = ClockEstimator()
    errors = []
    for time in times:
        estimator.tick(float(time))
        if estimator.tempo is not None and time >= since_s:
            errors.append(abs(estimator.tempo.bpm - bpm))
    return np.array(errors)


@pytest.mark.parametrize("bpm", [87.3, 128.0, 174.0])
@pytest.mark.parametrize("doubled", [0.0, 0.005])
def test_tempo_holds_within_half_a_bpm_after_two_seconds(bpm: float, doubled: float) -> None:
    later = []
    for seed in range(10):
        times = clock(bpm, 10.0, seed, doubled=doubled)
        assert errors_after(bpm, times, 2.0).max() < 0.5
        later.append(errors_after(bpm, times, 4.0))
    assert np.quantile(np.concatenate(later), 0.95) < 0.2


def test_an_exact_clock_is_measured_exactly() -> None:
    times = clock(120.0, 6.0, 0, jitter_s=0.0, lost=0.0)
    assert errors_after(120.0, times, 2.0).max() < 1e-6


@pytest.mark.parametrize("bpm", [87.3, 128.0, 174.0])
def test_lost_and_doubled_ticks_do_not_move_the_position(bpm: float) -> None:
    wrong = 0
    for seed in range(12):
        estimator = ClockEstimator()
        times = clock(bpm, 20.0, seed, lost=0.01, doubled=0.01)
        for time in times:
            estimator.tick(float(time))
        true_number = round(float(times[-1] - times[0]) * bpm * TICKS_PER_BEAT / 60)
        wrong += estimator.number != true_number
        assert abs(estimator.number - true_number) <= 1
    # Only among the first twelve ticks, before there is a line, can a fault go unnoticed.
    assert wrong <= 2


@pytest.mark.parametrize(
    ("before", "after"), [(120, 140), (120, 60), (174, 87), (100, 180), (120, 121)]
)
def test_a_tempo_step_is_followed(before: float, after: float) -> None:
    for seed in range(10):
        estimator = ClockEstimator()
        for time in clock(before, 4.0, seed):
            estimator.tick(float(time))
        late = []
        for time in clock(after, 5.0, seed + 100, start_s=4.0):
            estimator.tick(float(time))
            if time > 6.5:
                assert estimator.tempo is not None
                late.append(abs(estimator.tempo.bpm - after))
        assert max(late) < 0.5


def test_phase_stays_within_the_jitter() -> None:
    estimator = ClockEstimator()
    for time in clock(128.0, 8.0, 3):
        estimator.tick(float(time))
    true_number = 7.5 * 128.0 * TICKS_PER_BEAT / 60
    off_s = abs(estimator.number_at(7.5) - true_number) * 60 / 128.0 / TICKS_PER_BEAT
    assert off_s < 0.001


def test_a_second_of_silence_forgets_the_tempo() -> None:
    estimator = ClockEstimator()
    for time in clock(120.0, 3.0, 0):
        estimator.tick(float(time))
    estimator.tick(9.0)
    assert estimator.tempo is None
    assert estimator.number == 0


def test_times_that_make_no_sense_are_ignored() -> None:
    estimator = ClockEstimator()
    for time in clock(120.0, 3.0, 0):
        estimator.tick(float(time))
    before = estimator.tempo
    for time in (float("nan"), float("inf"), 0.5):
        estimator.tick(time)
    assert estimator.tempo == before


def test_settled_says_when_the_tempo_can_be_relied_on() -> None:
    estimator = ClockEstimator()
    for time in clock(120.0, 0.5, 0, lost=0.0):
        estimator.tick(float(time))
    assert estimator.tempo is not None
    assert not estimator.tempo.settled
    for time in clock(120.0, 2.0, 0, start_s=0.5, lost=0.0):
        estimator.tick(float(time))
    assert estimator.tempo.settled


@pytest.mark.parametrize("hole", [3, 6, 9])
def test_first_numbering_finds_a_hole(hole: int) -> None:
    times = [0.02 * n for n in range(13) if n != hole]
    numbers, _, line = number_ticks(times, 0)
    assert numbers.tolist() == [n for n in range(13) if n != hole]
    assert line.period_s == pytest.approx(0.02)


@pytest.mark.parametrize("held_s", [0.05, 0.2, 0.4])
def test_ticks_held_up_and_delivered_at_once_are_no_tempo(held_s: float) -> None:
    """A busy machine stalls the sender or the server: the gap is followed by a burst."""
    times = clock(128.0, 10.0, 5)
    stalled = (times > 6.0) & (times < 6.0 + held_s)
    times[stalled] = 6.0 + held_s + np.arange(stalled.sum()) * 1e-4
    estimator = ClockEstimator()
    for time in np.sort(times):
        estimator.tick(float(time))
        assert estimator.tempo is None or abs(estimator.tempo.bpm - 128.0) < 20.0
        if 2.0 < time < 6.0 or time > 7.5:
            assert estimator.tempo is not None
            assert abs(estimator.tempo.bpm - 128.0) < 0.5
    assert abs(estimator.number - (10.0 * 128.0 * TICKS_PER_BEAT / 60 - 1)) <= 1

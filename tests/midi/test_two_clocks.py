"""Two clocks on one port are noticed, one clock is never taken for two."""

from __future__ import annotations

import numpy as np
import pytest

from stembridge.children.messages import Failed
from stembridge.midi.mapping import MidiMapping
from stembridge.midi.process import MidiChild, _Arrived
from stembridge.midi.transport import Transport
from stembridge.midi.two_clocks import are_two


def clock(bpm: float, seed: int, jitter_s: float, start_s: float = 0.0) -> list[float]:
    """Eight seconds of ticks, some lost, some doubled."""
    rng = np.random.default_rng(seed)
    n = round(8 * bpm * 24 / 60)
    times = start_s + np.arange(n) * 2.5 / bpm + rng.uniform(-jitter_s, jitter_s, n)
    times = times[rng.random(n) >= 0.01]
    return [*times, *(times[rng.random(len(times)) < 0.01] + 0.001)]


def judged(times: list[float]) -> list[bool]:
    times = sorted(times)
    return [are_two(times[:end]) for end in range(97, len(times), 24)]


@pytest.mark.parametrize("bpm", [40, 60, 87.3, 120, 174, 250])
@pytest.mark.parametrize("jitter_s", [0.0, 0.001, 0.003])
def test_one_clock_is_one(bpm: float, jitter_s: float) -> None:
    assert not any(any(judged(clock(bpm, seed, jitter_s))) for seed in range(5))


@pytest.mark.parametrize("bunch_s", [0.005, 0.01, 0.0213, 0.04])
def test_ticks_delivered_in_bunches_are_one_clock(bunch_s: float) -> None:
    times = np.ceil(np.arange(800) * 2.5 / 120 / bunch_s) * bunch_s
    assert not any(judged(list(times)))


@pytest.mark.parametrize("other", [120, 119.5, 100, 60, 174])
@pytest.mark.parametrize("jitter_s", [0.0, 0.001])
def test_two_clocks_are_noticed(other: float, jitter_s: float) -> None:
    for seed in range(5):
        times = clock(120, seed, jitter_s) + clock(other, seed + 50, jitter_s, start_s=0.006)
        assert any(judged(times))


def test_two_clocks_are_said_once_and_give_no_tempo() -> None:
    class Loop:
        sent: list[object] = []  # noqa: RUF012 - one test, one list

        def send(self, message: object) -> None:
            self.sent.append(message)

    child = MidiChild(Loop(), MidiMapping(input="none"))  # type: ignore[arg-type]
    for time_s in sorted([*clock(120, 1, 0.0005), *clock(120, 2, 0.0005, start_s=0.007)]):
        child.handle(_Arrived(time_s, (0xF8,)))
        child._report_anchor(time_s)
    said = [message for message in Loop.sent if isinstance(message, Failed)]
    assert [(one.about, one.symbol) for one in said] == [("clock", "NOT_NOW")]
    anchor = child._transport.anchor(7.9)
    assert anchor is not None and not anchor.settled


def test_a_steady_clock_is_measured_to_hundredths() -> None:
    transport = Transport()
    rng = np.random.default_rng(3)
    ticks = np.arange(1400) * 2.5 / 92.86
    for tick in ticks + rng.normal(0, 0.0005, len(ticks)):
        transport.tick(float(tick))
    anchor = transport.anchor(float(ticks[-1]))
    assert anchor is not None
    assert abs(anchor.bpm - 92.86) < 0.002
    assert 3 * anchor.rms_bpm < 0.002


def in_blocks(times: list[float], block_s: float) -> list[float]:
    """As a sound server hands them over: at the end of a block, in their order."""
    return list(np.ceil(np.sort(times) / block_s) * block_s + np.arange(len(times)) * 1e-5)


@pytest.mark.parametrize("bpm", [87.3, 128, 174])
@pytest.mark.parametrize("block", [64, 128, 256])
def test_jitter_that_came_through_a_sound_server_is_one_clock(bpm: float, block: int) -> None:
    for seed in range(8):
        assert not any(judged(in_blocks(clock(bpm, seed, 0.003), block / 48_000)))


@pytest.mark.parametrize("other", [120, 119.5, 60])
def test_two_clocks_are_noticed_through_a_sound_server(other: float) -> None:
    for seed in range(5):
        times = clock(120, seed, 0.001) + clock(other, seed + 50, 0.001, start_s=0.006)
        assert any(judged(in_blocks(times, 256 / 48_000)))


@pytest.mark.parametrize("other", [120, 119.5])
@pytest.mark.parametrize("block", [512, 1024])
def test_two_clocks_are_noticed_through_large_blocks(other: float, block: int) -> None:
    times = clock(120, 0, 0.0003) + clock(other, 50, 0.0003, start_s=0.004)
    assert any(judged(in_blocks(times, block / 48_000)))


@pytest.mark.parametrize("bpm", [87.3, 117, 128, 174, 190])
@pytest.mark.parametrize("block", [512, 1024])
def test_one_clock_through_large_blocks_is_one(bpm: float, block: int) -> None:
    for seed in range(3):
        assert not any(judged(in_blocks(clock(bpm, seed, 0.001), block / 48_000)))

"""Start, stop, continue, song position and silence."""

from __future__ import annotations

import pytest

from stembridge.midi.transport import Transport

TICK_S = 60 / 120 / 24
CLOCK, START, CONTINUE, STOP = (0xF8,), (0xFA,), (0xFB,), (0xFC,)


class Sender:
    """A clock at 120 bpm."""

    def __init__(self) -> None:
        self.transport = Transport()
        self.now_s = 10.0

    def say(self, data: tuple[int, ...]) -> None:
        assert self.transport.message(data, self.now_s)

    def ticks(self, n: int) -> None:
        for _ in range(n):
            self.say(CLOCK)
            self.now_s += TICK_S

    @property
    def beat(self) -> float:
        anchor = self.transport.anchor(self.now_s)
        assert anchor is not None
        return anchor.beat


def test_the_first_tick_after_start_is_beat_zero() -> None:
    sender = Sender()
    sender.ticks(50)
    sender.say(START)
    sender.ticks(48)
    # 48 ticks came; the moment of the 49th is beat 2.
    assert sender.beat == pytest.approx(2.0, abs=1e-6)


def test_start_before_the_first_tick_ever() -> None:
    sender = Sender()
    sender.say(START)
    assert sender.transport.anchor(sender.now_s) is None
    sender.ticks(24)
    anchor = sender.transport.anchor(sender.now_s)
    assert anchor is not None
    assert anchor.running
    assert anchor.beat == pytest.approx(1.0, abs=1e-6)


def test_start_after_a_clock_that_only_runs_while_playing() -> None:
    sender = Sender()
    sender.ticks(60)
    sender.now_s += 5.0
    sender.say(START)
    sender.ticks(36)
    assert sender.beat == pytest.approx(1.5, abs=1e-6)


def test_stop_freezes_and_continue_goes_on() -> None:
    sender = Sender()
    sender.say(START)
    sender.ticks(36)
    sender.say(STOP)
    assert sender.beat == pytest.approx(1.5)
    sender.ticks(30)
    assert sender.beat == pytest.approx(1.5)
    sender.say(CONTINUE)
    sender.ticks(12)
    assert sender.beat == pytest.approx(2.0, abs=1e-6)


def test_song_position_counts_sixteenths() -> None:
    sender = Sender()
    sender.ticks(20)
    sender.say((0xF2, 0x10, 0x01))  # 144 sixteenths
    assert sender.beat == pytest.approx(36.0)
    sender.say(CONTINUE)
    sender.ticks(24)
    assert sender.beat == pytest.approx(37.0, abs=1e-6)


def test_silence_ends_the_transport_and_its_return_does_not_start_it() -> None:
    sender = Sender()
    sender.say(START)
    sender.ticks(48)
    sender.now_s += 1.5
    assert sender.transport.anchor(sender.now_s) is None
    sender.ticks(30)
    anchor = sender.transport.anchor(sender.now_s)
    assert anchor is not None
    assert not anchor.running
    assert anchor.beat == pytest.approx(2.0)


def test_notes_are_not_transport() -> None:
    assert not Transport().message((0x90, 60, 100), 0.0)

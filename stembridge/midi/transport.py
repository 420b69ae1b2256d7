"""Where the session is, from MIDI clock, start, stop, continue and song position.

Conventions: a song position counts sixteenth notes (6 ticks); the first tick after start marks the
beat itself, so it is beat 0.
"""

from __future__ import annotations

from collections import deque

from stembridge.children.messages import Anchor
from stembridge.midi.clock import SILENCE_S, ClockEstimator
from stembridge.midi.line import TICKS_PER_BEAT
from stembridge.midi.two_clocks import ENOUGH, are_two

TICKS_PER_SIXTEENTH = 6
TWO_CLOCKS_S = 10.0
"""For so long after two clocks were heard, one is not believed to be alone."""


class Transport:
    """Takes MIDI's realtime messages, says where the session is."""

    def __init__(self) -> None:
        self.clock = ClockEstimator()
        self._arrivals: deque[float] = deque(maxlen=2 * ENOUGH + 1)
        self._since_judged = 0
        self._two_until_s = 0.0
        self._running = False
        self._position = 0
        """Ticks from the song's start of the next tick, while stopped."""
        self._zero = 0
        """Clock number of the song's first tick, while running."""

    def tick(self, time_s: float) -> None:
        """Clock (0xF8)."""
        if self._silent(time_s):
            self.stop()  # the clock went away while it ran; nobody knows how far the song is now
        self.clock.tick(time_s)
        self._arrivals.append(time_s)
        self._since_judged += 1
        if self._since_judged >= TICKS_PER_BEAT:
            self._since_judged = 0
            if are_two(tuple(self._arrivals)):
                self._two_until_s = time_s + TWO_CLOCKS_S

    @property
    def two_clocks(self) -> bool:
        """Whether two clocks have been heard at once lately: then no tempo can be relied on."""
        last_s = self.clock.last_s
        return last_s is not None and last_s < self._two_until_s

    def _silent(self, time_s: float) -> bool:
        last_s = self.clock.last_s
        return last_s is not None and time_s - last_s > SILENCE_S

    def start(self, time_s: float) -> None:
        """Start (0xFA): from the song's beginning, with the next tick."""
        self._position = 0
        self.resume(time_s)

    def resume(self, time_s: float) -> None:
        """Continue (0xFB): from where it stopped or was put."""
        if self._silent(time_s):
            self.clock.reset()  # a clock that only runs while playing; its ticks are numbered anew
        self._zero = self.clock.number + 1 - self._position
        self._running = True

    def stop(self) -> None:
        """Stop (0xFC): the position freezes."""
        if self._running:
            self._position = max(0, self.clock.number + 1 - self._zero)
        self._running = False

    def locate(self, sixteenths: int) -> None:
        """Song position (0xF2)."""
        self._position = sixteenths * TICKS_PER_SIXTEENTH
        if self._running:
            self._zero = self.clock.number + 1 - self._position

    def message(self, data: tuple[int, ...], time_s: float) -> bool:
        """Take a raw message; True if it was one of the above."""
        match data:
            case (0xF8,):
                self.tick(time_s)
            case (0xFA,):
                self.start(time_s)
            case (0xFB,):
                self.resume(time_s)
            case (0xFC,):
                self.stop()
            case (0xF2, low, high):
                self.locate(low | high << 7)
            case _:
                return False
        return True

    def anchor(self, now_s: float) -> Anchor | None:
        """Where the session is at a moment; None without a clock."""
        tempo = self.clock.tempo
        if tempo is None or self._silent(now_s):
            return None
        position = float(self._position)
        if self._running:
            position = max(0.0, self.clock.number_at(now_s) - self._zero)
        return Anchor(
            now_s,
            position / TICKS_PER_BEAT,
            tempo.bpm,
            self._running,
            "clock",
            tempo.error_bpm,
            tempo.settled and not self.two_clocks,
        )

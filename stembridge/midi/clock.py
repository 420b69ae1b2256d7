"""Tempo and beat phase from MIDI clock: a straight line through the last ticks.

MIDI clock sends 24 ticks a beat and nothing else: no tempo, no numbers. Over USB or a sound server
ticks arrive a few ms early or late, sometimes not at all, sometimes twice. The tempo is the slope
of the least-squares line through (tick number, arrival time). The mean of intervals only looks at
the first and last tick; the median of intervals locks on to the period of the sound server.

A line needs the right number on every tick, so a tick takes the number whose predicted time is
nearest: a lost tick leaves a hole, a doubled one shares its twin's number, and neither shifts the
ticks that follow. What this cannot see is another tempo (at 7/6 of the old one every seventh tick
would look doubled), so the line is challenged in three ways:

* `RUN` predictions in a row err to one side by more than the scatter: the tempo has moved a
  little; only those ticks are kept.
* The last `RECENT` ticks scatter far more about the line than about a line of their own, or
* their numbers advance much faster or slower than their count: the tempo has jumped; their own
  line takes over, numbered onwards from the last tick that both lines explain.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import isfinite

import numpy as np

from stembridge.midi.line import TICKS_PER_BEAT, FloatArray, Line, SteadyLine

WINDOW = 96
"""Ticks the line is drawn through: 4 beats."""

RECENT = 12
"""Ticks that can challenge the line, and that the first line needs."""

SETTLED = 48
"""Ticks from which on the tempo is good to half a bpm at 3 ms of jitter."""

RUN = 6
RUN_SIGMAS = 2.2
SCATTER_RATIO = 2.3
MAX_SCATTER = 0.15
"""Scatter, in periods, above which a line is suspect."""

ALIAS_SCATTER = 0.265
"""Scatter, in periods, of a line nearly unrelated to the ticks (unrelated: 1/sqrt(12))."""

MAX_PACE_ERROR = 0.3
ALIAS_PACE = 0.07
SILENCE_S = 1.0
"""A clock silent for longer has stopped."""


@dataclass(frozen=True)
class Tempo:
    """What the line says.

    Attributes:
        bpm: quarter notes per minute.
        rms_s: scatter of the ticks about the line, in s.
        n_ticks: ticks the line is drawn through; below `SETTLED` the tempo is still rough.
        error_bpm: standard error of the tempo.
    """

    bpm: float
    rms_s: float
    n_ticks: int
    error_bpm: float

    @property
    def settled(self) -> bool:
        """Whether enough ticks are in to rely on the tempo."""
        return self.n_ticks >= SETTLED


class ClockEstimator:
    """Numbers the ticks and draws the line.

    Conventions: times are s of a monotonic clock; numbers count clock periods since the first
    tick, lost ones included.
    """

    def __init__(self, window: int = WINDOW) -> None:
        self._ticks: deque[tuple[int, float]] = deque(maxlen=window)
        self._recent: deque[tuple[int, float]] = deque(maxlen=RECENT)
        self._errors: deque[float] = deque(maxlen=RUN)
        self._steady = SteadyLine()
        self.reset()

    def reset(self) -> None:
        """Forget everything, as after a silence."""
        self._ticks.clear()
        self._recent.clear()
        self._errors.clear()
        self._steady.clear()
        self.line: Line | None = None
        self.number = -1
        self.last_s: float | None = None

    @property
    def tempo(self) -> Tempo | None:
        """The tempo, once `RECENT` ticks are in."""
        line, n_ticks = self.line, len(self._ticks)
        if line is None:
            return None
        if len(self._steady) > n_ticks:
            line, n_ticks = self._steady.line, len(self._steady)
        bpm = 60.0 / (TICKS_PER_BEAT * line.period_s)
        error_bpm = bpm * line.slope_error(max(2, n_ticks)) / line.period_s
        return Tempo(bpm, line.rms_s, n_ticks, error_bpm)

    def number_at(self, time_s: float) -> float:
        """Fractional tick number at a moment, from the line (before it: the plain count)."""
        return float(self.number) if self.line is None else self.line.number_at(time_s)

    def tick(self, time_s: float) -> None:
        """Take one tick that arrived at `time_s`; times that run backwards are ignored."""
        if not isfinite(time_s) or (self.last_s is not None and time_s < self.last_s):
            return
        if self.last_s is not None and time_s - self.last_s > SILENCE_S:
            self.reset()
        self.last_s = time_s
        if self.line is None:
            self._start(time_s)
        else:
            self._follow(self.line, time_s)

    def _start(self, time_s: float) -> None:
        self.number += 1
        self._recent.append((self.number, time_s))
        if len(self._recent) == RECENT:
            numbers, times, line = number_ticks([t for _, t in self._recent], self._recent[0][0])
            if line.plausible:
                self._adopt(numbers, times, line)

    def _follow(self, line: Line, time_s: float) -> None:
        number = round(line.number_at(time_s))
        self.number = max(self.number, number)
        self._recent.append((number, time_s))
        self._ticks.append((number, time_s))
        self._errors.append(time_s - line.time_at(number))
        if self._leans(line):
            latest = list(self._ticks)[-RUN:]
            self._ticks.clear()
            self._ticks.extend(latest)
            self._errors.clear()
            self._steady.clear()
        elif self._challenged(line) or self._aliased():
            return
        self._fit()
        self._steady.add(number, time_s, self.line)

    def _leans(self, line: Line) -> bool:
        """Whether the last errors all lean to one side by more than the ticks scatter."""
        if len(self._errors) < RUN or len(self._ticks) < 2 * RECENT:
            return False
        if abs(self._ticks[-1][0] - self._ticks[-RUN][0] - RUN) > 2:
            return False  # ticks held up and delivered at once: all late together, no drift
        one_side = len({error > 0 for error in self._errors}) == 1
        lean = abs(float(np.median(self._errors)))
        return one_side and lean > RUN_SIGMAS * max(line.rms_s, 2e-4)

    def _challenged(self, line: Line) -> bool:
        """Let the recent ticks' own line take over if it explains them far better."""
        numbers, times = np.array(self._recent, dtype=np.float64).T
        errors = times - line.time_at(0.0) - line.period_s * numbers
        scatter = float(np.sqrt(np.mean(errors**2)))
        pace_error = abs((numbers[-1] - numbers[0]) / (len(numbers) - 1) - 1.0)
        usual = max(MAX_SCATTER * line.period_s, SCATTER_RATIO * line.rms_s)
        usual = min(usual, ALIAS_SCATTER * line.period_s)
        if scatter < usual and pace_error < MAX_PACE_ERROR:
            return False
        rival_numbers = numbers[0] + np.arange(len(numbers))
        rival = Line.through(rival_numbers, times)
        if not rival.plausible or rival.rms_s > MAX_SCATTER * rival.period_s:
            return False
        if scatter < SCATTER_RATIO * rival.rms_s and pace_error < MAX_PACE_ERROR:
            return False
        self._adopt(rival_numbers, times, rival)
        return True

    def _aliased(self) -> bool:
        """Number the whole window by its plain count if the line skips or shares too often."""
        n = len(self._ticks)
        if (
            n < SETTLED
            or abs((self._ticks[-1][0] - self._ticks[0][0]) / (n - 1) - 1.0) < ALIAS_PACE
        ):
            return False
        numbers = np.arange(n, dtype=np.float64) + self._ticks[0][0]
        times = np.array([time for _, time in self._ticks])
        line = Line.through(numbers, times)
        # Ticks held up and then delivered at once also look skipped; their plain count has a kink.
        if not line.plausible or line.rms_s > ALIAS_SCATTER * line.period_s:
            return False
        self._adopt(numbers, times, line)
        return True

    def _adopt(self, numbers: FloatArray, times: FloatArray, line: Line) -> None:
        self.line = line
        self.number = int(numbers[-1])
        for kept in (self._ticks, self._recent):
            kept.clear()
            kept.extend((int(n), float(t)) for n, t in zip(numbers, times, strict=True))
        self._errors.clear()
        self._steady.clear()

    def _fit(self) -> None:
        numbers, times = np.array(self._ticks, dtype=np.float64).T
        if numbers[0] != numbers[-1]:
            line = Line.through(numbers, times)
            self.line = line if line.plausible else self.line


def number_ticks(times: list[float], first: int) -> tuple[FloatArray, FloatArray, Line]:
    """Number a few ticks without a line to go by, allowing for one lost or doubled tick.

    Every place for one hole or one twin is tried; a repair must beat the plain count clearly.

    Args:
        times: arrival times in s, rising, at least three.
        first: number of the first tick.

    Returns:
        (numbers, times, the line through them).
    """
    arrivals = np.asarray(times, dtype=np.float64)
    plain = np.arange(len(times), dtype=np.float64) + first
    best, line = plain, Line.through(plain, arrivals)
    to_beat = 0.6 * line.rms_s
    for place in range(1, len(times)):
        for shift in (1, -1):
            numbers = plain + shift * (np.arange(len(times)) >= place)
            rival = Line.through(numbers, arrivals)
            if rival.rms_s < to_beat:
                best, line, to_beat = numbers, rival, rival.rms_s
    return best, arrivals, line

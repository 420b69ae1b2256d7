"""Straight lines through the ticks of a clock: time over tick number."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

TICKS_PER_BEAT = 24
SHORTEST_S, LONGEST_S = 60 / 500 / TICKS_PER_BEAT, 60 / 20 / TICKS_PER_BEAT
"""Periods at 500 and 20 bpm: ticks held up somewhere and delivered in one burst are no tempo."""

LONG = 1536
"""Ticks that a tempo which stays is measured over: 64 beats, so that its decimals count."""

SHORT = 96
MOVED_SIGMAS = 4.5

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """`time = origin_s + period_s * number`, and the scatter about it in s."""

    origin_s: float
    period_s: float
    rms_s: float

    @classmethod
    def through(cls, numbers: FloatArray, times: FloatArray) -> Line:
        """Least squares; at least two different numbers."""
        x, t = numbers - numbers.mean(), times - times.mean()
        period = float(x @ t / (x @ x))
        origin = float(times.mean() - period * numbers.mean())
        return cls(origin, period, float(np.sqrt(np.mean((t - period * x) ** 2))))

    @property
    def plausible(self) -> bool:
        """Whether this is a tempo at all."""
        return SHORTEST_S <= self.period_s <= LONGEST_S

    def time_at(self, number: float) -> float:
        """Predicted time of a tick, in s."""
        return self.origin_s + self.period_s * number

    def number_at(self, time_s: float) -> float:
        """Fractional tick number at a moment."""
        return (time_s - self.origin_s) / self.period_s

    def slope_error(self, n: int) -> float:
        """Standard error of the period in s if n equidistant ticks were seen."""
        return float(self.rms_s * (12.0 / n**3) ** 0.5)


class SteadyLine:
    """A line through many beats, for as long as the tempo stays."""

    def __init__(self) -> None:
        self._ticks: deque[tuple[int, float]] = deque(maxlen=LONG)

    def __len__(self) -> int:
        return len(self._ticks)

    def clear(self) -> None:
        """The tempo has moved."""
        self._ticks.clear()

    def add(self, number: int, time_s: float, latest: Line | None) -> None:
        """Take a tick, and once a beat hold the line against that of the latest ticks."""
        self._ticks.append((number, time_s))
        if latest is None or len(self) <= SHORT or number % TICKS_PER_BEAT:
            return
        apart = abs(latest.period_s - self.line.period_s)
        if apart > MOVED_SIGMAS * latest.slope_error(SHORT):
            self.clear()  # a slow ramp is not steady

    @property
    def line(self) -> Line:
        """The line; at least two different numbers."""
        numbers, times = np.array(self._ticks, dtype=np.float64).T
        return Line.through(numbers, times)

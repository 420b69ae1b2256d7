"""Which frame the device asks for at which moment.

A callback runs some time after the device wanted it, never before: usually little, on a busy
machine many ms. The moment of frame 0, `callback time - frame / rate`, is therefore taken as a low
quantile over the last seconds of callbacks: late ones do not move it, and a drift between the two
clocks (tens of ppm) does.
"""

from __future__ import annotations

from collections import deque

N_CALLBACKS = 128
RANK = 0.15
"""Quantile; the very earliest would stay too long after the device itself fell behind."""


class FrameClock:
    """Frames of one stream against s of the monotonic clock."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._origins: deque[float] = deque(maxlen=N_CALLBACKS)
        self._origin_s: float | None = None

    def callback(self, frame: int, now_s: float) -> None:
        """Note that the block starting at `frame` was asked for at `now_s`."""
        origin = now_s - frame / self._rate
        if self._origin_s is not None and abs(origin - self._origin_s) > 1.0:
            self._origins.clear()  # the machine slept, or the server dropped a second of blocks
        self._origins.append(origin)
        ranked = sorted(self._origins)
        self._origin_s = ranked[int(RANK * len(ranked))]

    @property
    def running(self) -> bool:
        """Whether a callback has been seen."""
        return self._origin_s is not None

    def frame_at(self, time_s: float) -> float:
        """Fractional frame asked for at a moment; 0 before the first callback."""
        return 0.0 if self._origin_s is None else (time_s - self._origin_s) * self._rate

    def time_at(self, frame: float) -> float:
        """Moment at which a frame is asked for."""
        return (self._origin_s or 0.0) + frame / self._rate

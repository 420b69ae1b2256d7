"""Only so many a second."""

from __future__ import annotations

import time


class PerSecond:
    """Counts what is let through in each second."""

    def __init__(self, most: int) -> None:
        self._most = self._left = most
        self._second_s = 0.0

    def admit(self) -> bool:
        """Whether one more may pass now."""
        now_s = time.monotonic()
        if now_s - self._second_s > 1.0:
            self._second_s, self._left = now_s, self._most
        self._left -= 1
        return self._left >= 0

"""Sync: who waits for every job accepted before its question to end.

Jobs are numbered as they are accepted, so a barrier is the newest number at its time, and it falls
once no open job has that number or a smaller one. Nothing here grows with the number of jobs.
"""

from __future__ import annotations

from collections.abc import Iterator

from stembridge.daemon.sessions import Address
from stembridge.errors import NotNowError

MAX_BARRIERS = 256


class Barriers:
    """The barriers that stand, oldest first."""

    def __init__(self) -> None:
        self._standing: dict[tuple[str, Address], int] = {}

    def add(self, token: str, to: Address, newest: int) -> None:
        """Remember who asked; a repeat of the question changes nothing.

        Raises:
            NotNowError: too many wait.
        """
        if len(self._standing) >= MAX_BARRIERS and (token, to) not in self._standing:
            raise NotNowError("Too many sync requests wait.", retry_after_ms=1000)
        self._standing.setdefault((token, to), newest)

    def fallen(self, oldest_open: int | None) -> Iterator[tuple[str, Address]]:
        """(token, who asked) of each that falls now."""
        while self._standing:
            question, number = next(iter(self._standing.items()))
            if oldest_open is not None and oldest_open <= number:
                return
            del self._standing[question]
            yield question

    def __bool__(self) -> bool:
        return bool(self._standing)

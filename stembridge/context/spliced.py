"""A file that is part memory, part disk: what a mended header needs."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence

Part = bytes | tuple[int, int]
"""Bytes, or (start, end) of a stretch of the file on the disk."""


class Spliced(io.RawIOBase):
    """Parts one after the other, read-only and seekable.

    Args:
        descriptor: of the file on the disk; stays its owner's.
        parts: in order.
    """

    def __init__(self, descriptor: int, parts: Sequence[Part]) -> None:
        super().__init__()
        self._descriptor, self._at = descriptor, 0
        self._parts: list[tuple[int, Part]] = []  # with where each begins
        self._size = 0
        for part in parts:
            self._parts.append((self._size, part))
            self._size += len(part) if isinstance(part, bytes) else part[1] - part[0]

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Position in bytes."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move; returns the new position."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill a buffer as far as one part reaches; returns the bytes read, 0 at the end."""
        for start, part in reversed(self._parts):
            if start <= self._at < self._size:
                data = self._read(part, self._at - start, len(buffer))
                buffer[: len(data)] = data
                self._at += len(data)
                return len(data)
        return 0

    def _read(self, part: Part, skip: int, n_bytes: int) -> bytes:
        if isinstance(part, bytes):
            return part[skip : skip + n_bytes]
        start, end = part
        os.lseek(self._descriptor, start + skip, os.SEEK_SET)
        return os.read(self._descriptor, min(n_bytes, end - start - skip))

"""Free memory stays with the process while it works, and goes back to the system afterwards.

The C library gives large pieces back at once, and the system has to clear every page of them when
they are asked for again, which signals of a few megabytes do all the time. On the other hand it
keeps what lies free between things that stay: after thousands of jobs a worker would hold megabytes
more than it uses.
"""

from __future__ import annotations

import ctypes
import os

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # glibc's malloc.h
_KEPT, _LARGEST = 1 << 30, 1 << 25  # bytes; pieces above 32 MB are the system's in any case


def keep_free() -> bool:
    """Let freed memory wait for its next use; whether this system's C library can (glibc)."""
    adjust = None if os.name != "posix" else getattr(ctypes.CDLL(None), "mallopt", None)
    if adjust is None:
        return False
    settings = ((_MMAP_THRESHOLD, _LARGEST), (_TRIM_THRESHOLD, _KEPT), (_TOP_PAD, _LARGEST))
    return all([adjust(key, value) for key, value in settings])


def give_back() -> bool:
    """Give free memory back; whether this system's C library can (glibc)."""
    if os.name != "posix":
        return False
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and bool(trim(0))

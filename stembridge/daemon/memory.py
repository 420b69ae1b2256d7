"""Memory that nobody uses any more goes back to the system.

The C library keeps what lies free between things that stay: after thousands of jobs a worker would
hold megabytes more than it uses.
"""

from __future__ import annotations

import ctypes
import os


def give_back() -> bool:
    """Give free memory back; whether this system's C library can (glibc)."""
    if os.name != "posix":
        return False
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and bool(trim(0))

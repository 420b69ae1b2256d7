"""Keeps a C library's chatter off the terminal: libmpg123 writes each damaged frame to stderr.

What is damaged is told in a remark or an error; the library's own lines mean nothing to a musician
and would stand between JSON lines of a log. C's `stderr` is pointed elsewhere, not the descriptor
behind it: what Python, its log and its crash reports write comes through meanwhile, from every
thread. On systems whose C library names it otherwise nothing is changed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from collections.abc import Iterator
from functools import lru_cache

_NAMES = ("stderr", "__stderrp")  # glibc and musl; macOS
_lock = threading.Lock()
_users = 0
_own: int | None = None


@contextlib.contextmanager
def quiet_libraries() -> Iterator[None]:
    """While inside, C libraries write their messages to nowhere. Threads may overlap."""
    global _users, _own
    pointer, nowhere = _stderr()
    if pointer is None or not nowhere:
        yield
        return
    with _lock:
        _users += 1
        if _users == 1:
            _own, pointer.value = pointer.value, nowhere
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                pointer.value = _own


@lru_cache(maxsize=1)
def _stderr() -> tuple[ctypes.c_void_p | None, int]:
    """C's own variable, and a stream that goes nowhere; (None, 0) where there is none."""
    if os.name != "posix":
        return None, 0
    library = ctypes.CDLL(None)
    library.fopen.restype = ctypes.c_void_p
    for name in _NAMES:
        with contextlib.suppress(ValueError):  # no such symbol
            pointer = ctypes.c_void_p.in_dll(library, name)
            return pointer, library.fopen(os.devnull.encode(), b"w") or 0
    return None, 0

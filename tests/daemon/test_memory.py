"""Memory that nobody uses goes back to the system."""

from __future__ import annotations

import ctypes

import psutil

from stembridge.daemon.memory import give_back


def test_holes_between_things_that_stay_are_given_back() -> None:
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "malloc_trim"):
        assert not give_back()
        return
    libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    pieces = [libc.malloc(ctypes.c_size_t(50_000)) for _ in range(4000)]  # 200 MB
    for piece in pieces:
        ctypes.memset(piece, 1, 50_000)
    for piece in pieces[:-1]:  # the last one holds the heap's end
        libc.free(piece)
    full = psutil.Process().memory_info().rss
    assert give_back()
    assert full - psutil.Process().memory_info().rss > 100e6
    libc.free(pieces[-1])

"""Memory that nobody uses goes back to the system."""

from __future__ import annotations

import ctypes
import subprocess
import sys

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


KEEPS = """
import ctypes, psutil
from stembridge.daemon.memory import give_back, keep_free
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
rss = psutil.Process().memory_info

def rise(size=20_000_000):
    before = rss().rss
    piece = libc.malloc(ctypes.c_size_t(size))
    ctypes.memset(piece, 1, size)
    libc.free(piece)
    return rss().rss - before

if hasattr(libc, "mallopt"):
    assert rise() < 1e6  # given back at once
    assert keep_free()
    assert rise() > 15e6
    assert give_back() and rss().rss and rise() > 15e6
else:
    assert not keep_free()
"""


def test_what_is_freed_waits_for_its_next_use_until_it_is_given_back() -> None:
    subprocess.run([sys.executable, "-c", KEEPS], check=True, timeout=120)

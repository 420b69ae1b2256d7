"""Calls side by side in this process: for what leaves the interpreter, as networks do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
S = TypeVar("S")


def side_by_side(call: Callable[[T], R], items: Iterable[T], threads: int | None = None) -> list[R]:
    """`call` of every item, in their order; at most `threads` at once, by default one a core.

    What one of them raises is raised here, after those that had begun have ended.
    """
    items, threads = list(items), threads or os.cpu_count() or 1
    if threads < 2 or len(items) < 2:
        return [call(item) for item in items]
    with ThreadPoolExecutor(min(threads, len(items))) as pool:
        return list(pool.map(call, items))


def in_turns(first: Callable[[T], R], then: Callable[[T, R], S], items: Iterable[T]) -> list[S]:
    """`then` of every item and its `first`: one item's `then` while the next one's `first`."""
    with ThreadPoolExecutor(1) as pool:
        return [one.result() for one in [pool.submit(then, i, first(i)) for i in items]]


def both(one: Callable[[], T], other: Callable[[], R]) -> tuple[T, R]:
    """Two answers, made side by side."""
    with ThreadPoolExecutor(1) as pool:
        later = pool.submit(one)
        found = other()
        return later.result(), found

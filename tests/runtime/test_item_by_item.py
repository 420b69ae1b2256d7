"""A batch whose items the cores share."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from stembridge.pool.threads import side_by_side
from stembridge.runtime.device import Threads
from stembridge.runtime.networks import ItemByItem


class Meeting:
    """A network that answers only once `count` calls are under way at the same time."""

    device = "cpu"

    def __init__(self, count: int) -> None:
        self._barrier = threading.Barrier(count, timeout=60)

    def __call__(self, x: np.ndarray, level: np.ndarray) -> np.ndarray:
        assert len(x) == len(level) == 1
        self._barrier.wait()
        return x * level


def test_items_are_computed_alone_and_at_the_same_time() -> None:
    x = np.arange(8, dtype=np.float32).reshape(4, 2)
    level = np.arange(4, dtype=np.float32)[:, None]
    answer = ItemByItem(Meeting(2), 2)(x, level)
    np.testing.assert_array_equal(answer, x * level)
    assert ItemByItem(Meeting(1), 2)(x[:1], level[:1]).shape == (1, 2)


def test_the_cores_are_shared_out() -> None:
    assert Threads(cores=4).side_by_side_count(1) == 4
    assert Threads(cores=4).side_by_side_count(4) == 1
    assert Threads(cores=2).side_by_side_count(8) == 1


def test_what_a_call_raises_is_raised() -> None:
    def call(item: int) -> int:
        if item == 1:
            raise KeyError("one")
        return item

    assert side_by_side(call, [3, 2, 4], 2) == [3, 2, 4]
    with pytest.raises(KeyError):
        side_by_side(call, range(3), 2)

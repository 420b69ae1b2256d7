"""Calls side by side: all answers, in their order; what one raises is raised."""

from __future__ import annotations

import threading

import pytest

from stembridge.pool.threads import both, in_turns, side_by_side


def test_two_answers_are_made_at_once() -> None:
    meeting = threading.Barrier(2, timeout=60)
    assert both(lambda: (meeting.wait(), "one")[1], lambda: (meeting.wait(), 2)[1]) == ("one", 2)
    assert side_by_side(lambda i: (meeting.wait(), i)[1], [3, 4], threads=2) == [3, 4]


@pytest.mark.parametrize("wrong", [0, 1])
def test_what_one_raises_is_raised(wrong: int) -> None:
    def fail() -> int:
        raise ValueError("no")

    calls = [lambda: 1, lambda: 1]
    calls[wrong] = fail
    with pytest.raises(ValueError, match="no"):
        both(*calls)


def test_items_take_turns() -> None:
    begun = threading.Event()

    def first(item: int) -> int:
        assert item == 0 or begun.wait(60)  # the one before is being finished meanwhile
        return 10 * item

    def then(item: int, made: int) -> int:
        begun.set()
        return made + item

    assert in_turns(first, then, [0, 1, 2]) == [0, 11, 22]

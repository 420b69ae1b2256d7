"""The stages of a request, and when each of them begins and ends: what progress is counted in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

Stage = Literal["read", "separate", "like", "encode", "sample", "decode", "write"]
"""What is being done; "separate" takes a mixture apart that is given to a take, "like" listens to
the file that it is to be like."""

Shares = Mapping[Stage, tuple[float, float]]
"""Where a stage begins and ends, 0 to 1, as a share of all the work."""

TAKE: Shares = {
    "read": (0.0, 0.02),
    "separate": (0.02, 0.02),  # beside it: see `ONCE_TAKES`
    "like": (0.02, 0.02),
    "encode": (0.02, 0.05),
    "sample": (0.05, 0.75),
    "decode": (0.75, 0.97),
    "write": (0.97, 1.0),
}

MASKED: Shares = {
    "read": (0.0, 0.03),
    "encode": (0.03, 0.1),
    "sample": (0.1, 0.22),
    "decode": (0.22, 0.99),
    "write": (0.99, 1.0),
}
"""A recording taken apart by masks: a few answers of the network, then transforms and files."""

ONCE_TAKES: Mapping[Stage, float] = {"separate": 5.0, "like": 0.8}
"""How many takes such a stage lasts, which comes once, in this order, before all takes."""


def between(tell: Callable[[float], None], start: float, end: float) -> Callable[[float], None]:
    """What turns the share of a part that is done into that of the whole, which it is a span of."""
    return lambda share: tell(start + share * (end - start))


def within(shares: Shares, tell: Callable[[float], None]) -> Callable[[Stage, float], None]:
    """What turns the share of a stage that is done into that of all the work."""

    def report(stage: Stage, share: float) -> None:
        between(tell, *shares[stage])(share)

    return report

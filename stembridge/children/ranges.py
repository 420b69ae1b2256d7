"""Ranges of what a child can be asked for, said in words where they are left."""

from __future__ import annotations

from stembridge.errors import BadArgsError

MAX_CAPTURE_S = 15 * 60


def check(what: str, value: float, low: float, high: float, unit: str) -> None:
    """Hold a value of a capture against its range.

    Raises:
        BadArgsError: it lies outside, or is no number.
    """
    if not low <= value <= high:  # NaN is neither
        raise BadArgsError(
            f"The {what} of a capture must be {low:g} to {high:g} {unit}; it was {value:g}."
        )

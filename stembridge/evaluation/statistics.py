"""Means with confidence intervals by bootstrap over songs (Efron 1979)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A mean over songs and its 95 % confidence interval; `n` songs had a value."""

    mean: float
    low: float
    high: float
    n: int


def estimate(values: Sequence[float | None], seed: int = 0, resamples: int = 1000) -> Estimate:
    """Bootstrap estimate of a mean; None and NaN values are left out.

    Raises:
        ValueError: no value is left.
    """
    data = known_values(values)
    low, high = np.percentile(drawn_means(data, seed, resamples), [2.5, 97.5])
    return Estimate(float(data.mean()), float(low), float(high), len(data))


def known_values(values: Sequence[float | None]) -> Values:
    """Those that are neither None nor NaN.

    Raises:
        ValueError: no value is left.
    """
    data = np.array([v for v in values if v is not None and np.isfinite(v)], float)
    if not len(data):
        raise ValueError("no song has a value for this figure")
    return data


def drawn_means(data: Values, seed: int = 0, resamples: int = 1000) -> Values:
    """Means of `resamples` bootstrap samples of values."""
    rng = np.random.default_rng(seed)
    means: Values = data[rng.integers(len(data), size=(resamples, len(data)))].mean(1)
    return means


def estimates(rows: Sequence[Any]) -> dict[str, dict[str, float]]:
    """JSON-able estimates of every field of equal dataclasses; fields never known are left out."""
    result = {}
    for column in fields(rows[0]):
        values = [getattr(row, column.name) for row in rows]
        if any(value is not None for value in values):
            result[column.name] = asdict(estimate(values))
    return result

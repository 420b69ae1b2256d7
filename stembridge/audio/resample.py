"""Between a session's rate and the model's rate, with soxr (its delay is compensated).

A sample at time t stays at time t: index i at one rate is index i * to_rate / from_rate at the
other, so bar lines survive both ways.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.musical_time import resampled_length


def fit_length(samples: FloatArray, n_samples: int) -> FloatArray:
    """Cut or zero-pad the end of `[..., n]` to exactly `[..., n_samples]`."""
    n = samples.shape[-1]
    if n >= n_samples:
        return samples[..., :n_samples]
    padding = [(0, 0)] * (samples.ndim - 1) + [(0, n_samples - n)]
    return np.pad(samples, padding)


def resampled(
    pieces: Iterable[FloatArray], from_rate: float, to_rate: float
) -> Iterator[FloatArray]:
    """Convert a recording `[n]` that comes in pieces; the sum of them is as `resample`'s."""
    if from_rate == to_rate:
        yield from pieces
        return
    import soxr

    stream = soxr.ResampleStream(from_rate, to_rate, 1, dtype="float32", quality="HQ")
    for piece in pieces:
        yield stream.resample_chunk(np.ascontiguousarray(piece))
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def resample(
    samples: FloatArray, from_rate: float, to_rate: float, n_samples: int | None = None
) -> FloatArray:
    """Convert `[n]` from one rate to another.

    Args:
        samples: float32 [n].
        from_rate: Hz.
        to_rate: Hz.
        n_samples: exact length of the result; by default `n * to_rate / from_rate`, rounded, for
            whole rates.

    Returns:
        float32 [n_samples]; the same bytes for the same input on one machine.
    """
    if n_samples is None:
        n_samples = resampled_length(samples.shape[-1], int(from_rate), int(to_rate))
    if from_rate != to_rate and samples.size:
        import soxr

        samples = soxr.resample(np.ascontiguousarray(samples), from_rate, to_rate, quality="HQ")
    return fit_length(samples, n_samples)

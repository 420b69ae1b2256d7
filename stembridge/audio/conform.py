"""Time-stretching a clip to another tempo, pitch unchanged (Signalsmith Stretch).

python-stretch's time factor is a speed: 1.1 plays faster and gives a shorter result. Its output
is already aligned with its input; only the end is cut or padded to the exact length.

It holds the interpreter while it works (3 s for a minute of audio on a slow core), so long clips go
through it in pieces that overlap and fade into each other: the worker shows signs of life, and can
be told to stop, in between.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.audio.resample import fit_length
from stembridge.errors import BadArgsError, MissingExtraError
from stembridge.musical_time import beats_to_samples, exact

MAX_SPEED = 4.0
PIECE_S, MARGIN_S, FADE_S = 15.0, 0.2, 0.03


def stretched_length(n_samples: int, rate: int, source_bpm: float, bpm: float) -> int:
    """Samples that `n_samples` at `rate` Hz, recorded at `source_bpm`, last at `bpm`."""
    beats = Fraction(n_samples) * exact(source_bpm) / (60 * rate)
    return beats_to_samples(beats, bpm, rate)


def conform(
    samples: FloatArray,
    rate: int,
    source_bpm: float,
    bpm: float,
    check: Callable[[], None] = lambda: None,
) -> FloatArray:
    """Play `[n]`, recorded at `source_bpm`, at `bpm`.

    Args:
        samples: `[n]`.
        rate: of `samples`, in Hz.
        source_bpm: tempo of `samples`.
        bpm: tempo of the result.
        check: called before each piece; may raise to stop.

    Returns:
        float32 [stretched_length(n, rate, source_bpm, bpm)].

    Raises:
        BadArgsError: more than four times faster or slower.
        MissingExtraError: python-stretch is not installed.
    """
    wanted = stretched_length(samples.size, rate, source_bpm, bpm)
    if source_bpm == bpm or not wanted:
        return fit_length(samples, wanted)
    speed = bpm / source_bpm
    if not 1 / MAX_SPEED <= speed <= MAX_SPEED:
        raise BadArgsError(
            f"A clip recorded at {source_bpm:g} bpm cannot be played at {bpm:g} bpm: time can be "
            f"stretched by at most {MAX_SPEED:g} times."
        )
    step, margin, fade = (round(length_s * rate) for length_s in (PIECE_S, MARGIN_S, FADE_S))
    out = np.zeros(wanted, np.float32)
    for start in range(0, max(1, samples.size - margin), step):
        check()
        first, stop = max(0, start - margin), start + step + margin
        if start + step >= samples.size - margin:
            stop = samples.size
        piece = _stretched(samples[first:stop], rate, speed)
        # What lies at a piece's edges knows nothing of its surroundings: only the margin's inner
        # half is used, to come out of the piece before.
        at = round(max(0, start - fade) / speed)
        piece = piece[at - round(first / speed) :][: wanted - at]
        if start:
            _fade(out[at:], piece, round((start + fade) / speed) - at)
        out[at : at + piece.size] = piece
    return out


def _fade(before: FloatArray, piece: FloatArray, n_samples: int) -> None:
    """Make the first `n_samples` of a piece come out of what stands there, in place."""
    n_samples = min(n_samples, piece.size)
    rise = np.linspace(0.0, 1.0, n_samples, dtype=np.float32)
    piece[:n_samples] *= rise
    piece[:n_samples] += before[:n_samples] * (1.0 - rise)


def _stretched(samples: FloatArray, rate: int, speed: float) -> FloatArray:
    """`[n]` at another speed, `[round(n / speed)]`."""
    stretch = _stretcher()
    stretch.preset(1, float(rate))
    stretch.setTimeFactor(speed)
    # A block more of input, so that the last notes are stretched and not cut.
    padded = np.pad(samples, (0, stretch.blockSamples()))
    stretched: FloatArray = stretch.process(np.ascontiguousarray(padded[None]))[0]
    return fit_length(stretched, round(samples.size / speed))


def _stretcher() -> Any:
    try:
        import python_stretch
    except ImportError as error:
        raise MissingExtraError(
            "Time-stretching a clip needs the package python-stretch: pip install python-stretch"
        ) from error
    return python_stretch.Signalsmith.Stretch()

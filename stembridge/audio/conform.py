"""Time-stretching a clip to another tempo, pitch unchanged (Signalsmith Stretch).

python-stretch's time factor is a speed: 1.1 plays faster and gives a shorter result. Its output
is already aligned with its input; only the end is cut or padded to the exact length.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.audio.resample import fit_length
from stembridge.errors import BadArgsError, MissingExtraError
from stembridge.musical_time import beats_to_samples, exact

MAX_SPEED = 4.0


def stretched_length(n_samples: int, rate: int, source_bpm: float, bpm: float) -> int:
    """Samples that `n_samples` at `rate` Hz, recorded at `source_bpm`, last at `bpm`."""
    beats = Fraction(n_samples) * exact(source_bpm) / (60 * rate)
    return beats_to_samples(beats, bpm, rate)


def conform(samples: FloatArray, rate: int, source_bpm: float, bpm: float) -> FloatArray:
    """Play `[n]`, recorded at `source_bpm`, at `bpm`.

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
    stretch = _stretcher()
    stretch.preset(1, float(rate))
    stretch.setTimeFactor(speed)
    # A block more of input, so that the last notes are stretched and not cut.
    padded = np.pad(samples, (0, stretch.blockSamples()))
    stretched: FloatArray = stretch.process(np.ascontiguousarray(padded[None]))[0]
    return fit_length(stretched, wanted)


def _stretcher() -> Any:
    try:
        import python_stretch
    except ImportError as error:
        raise MissingExtraError(
            "Time-stretching a clip needs the package python-stretch: pip install python-stretch"
        ) from error
    return python_stretch.Signalsmith.Stretch()

"""Bars, beats, seconds, samples and latent frames: the only file that rounds.

Conventions: a beat is a quarter note, whatever the time signature (as Ableton Live counts);
times are float beats or float seconds; positions in audio are int samples; a frame is one latent
time step of `hop` samples. Conversions to samples are exact rational arithmetic with one rounding
(half up) at the end, so that 8 bars at 87.3 bpm have the same length here and in the DAW.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor, isfinite

from stembridge.errors import BadArgsError

DENOMINATORS = (1, 2, 4, 8, 16, 32)
MAX_NUMERATOR = 99

Number = float | int | str | Fraction
"""Exact value of a string is what it spells; of a float, its shortest decimal spelling."""


@dataclass(frozen=True)
class TimeSignature:
    """A metre such as 4/4 or 7/8.

    Raises:
        BadArgsError: numerator outside 1..99 or denominator not a note value from 1 to 32.
    """

    numerator: int = 4
    denominator: int = 4

    def __post_init__(self) -> None:
        if not 1 <= self.numerator <= MAX_NUMERATOR or self.denominator not in DENOMINATORS:
            raise BadArgsError(
                "The time signature must be like 4/4, 3/4 or 7/8 (1 to 99 over 1, 2, 4, 8, 16 or "
                f"32); it was {self.numerator}/{self.denominator}."
            )

    @classmethod
    def parse(cls, text: str) -> TimeSignature:
        """Read "7/8".

        Raises:
            BadArgsError: the text is not two whole numbers with a slash, or out of range.
        """
        match = re.fullmatch(r"\s*(\d{1,4})\s*/\s*(\d{1,4})\s*", text, re.ASCII)
        if match is None:
            raise BadArgsError(
                f'The time signature must be like 4/4, 3/4 or 7/8; it was "{text[:40]}".'
            )
        return cls(int(match[1]), int(match[2]))

    @property
    def beats_per_bar(self) -> float:
        """Length of a bar in beats (quarter notes); exact, since denominators are powers of 2."""
        return self.numerator * 4 / self.denominator

    @property
    def is_compound(self) -> bool:
        """Whether its beats are of three eighths or shorter notes: 6/8, 12/8."""
        return self.denominator >= 8 and self.numerator > 3 and self.numerator % 3 == 0

    def inner_bar_lines(self, start_beats: float, length_beats: float) -> list[float]:
        """Bar lines within a span, in beats from its start; its ends are none of them."""
        bar = self.beats_per_bar
        first = bar - start_beats % bar
        count = ceil((length_beats - first) / bar - 1e-9)
        return [first + bar * k for k in range(max(0, count))]

    def __str__(self) -> str:
        return f"{self.numerator}/{self.denominator}"


FOUR_FOUR = TimeSignature(4, 4)


def exact(value: Number) -> Fraction:
    """The number a human wrote: 87.3 is 873/10, not the double nearest to it."""
    return Fraction(repr(value)) if isinstance(value, float) else Fraction(value)


def as_written(value: float) -> float:
    """Undo the single precision of OSC's `f` argument: 87.30000305175781 becomes 87.3.

    A double that is not exactly a single-precision number is returned unchanged.
    """
    if not isfinite(value) or abs(value) > 3.4e38 or _single(value) != value:
        return value
    # Nine significant digits always suffice to tell single-precision numbers apart.
    spellings = (float(f"{value:.{digits}g}") for digits in range(1, 10))
    return next(spelled for spelled in spellings if _single(spelled) == value)


def _single(value: float) -> float:
    single: float = struct.unpack("f", struct.pack("f", value))[0]
    return single


def beats_to_seconds(beats: float, bpm: float) -> float:
    """Duration of `beats` at `bpm`, in s."""
    return beats * 60.0 / bpm


def seconds_to_beats(seconds: float, bpm: float) -> float:
    """Number of beats that `seconds` last at `bpm`."""
    return seconds * bpm / 60.0


@lru_cache(maxsize=4096)  # the notes of a chord begin together
def beats_to_samples(beats: Number, bpm: Number, rate: int) -> int:
    """`round(beats * 60 / bpm * rate)`, exactly, halves up.

    Args:
        beats: position or duration in beats; may be negative.
        bpm: tempo; a decimal string or the float spelled the same.
        rate: samples per s.
    """
    return floor(exact(beats) * 60 / exact(bpm) * rate + Fraction(1, 2))


def samples_to_beats(n_samples: int, bpm: Number, rate: int) -> float:
    """Number of beats that `n_samples` at `rate` Hz last at `bpm`."""
    return float(Fraction(n_samples) * exact(bpm) / (60 * rate))


def seconds_to_samples(seconds: Number, rate: int) -> int:
    """`round(seconds * rate)`, exactly, halves up."""
    return floor(exact(seconds) * rate + Fraction(1, 2))


def resampled_length(n_samples: int, from_rate: int, to_rate: int) -> int:
    """Length of `n_samples` after resampling, nearest sample, halves up."""
    return floor(Fraction(n_samples * to_rate, from_rate) + Fraction(1, 2))


def frames_for_samples(n_samples: int, hop: int) -> int:
    """Latent frames that cover `n_samples` (the last may be part-filled)."""
    return -(-n_samples // hop)


def round_up(value: int, multiple: int) -> int:
    """The smallest multiple of `multiple` that is at least `value`."""
    return -(-value // multiple) * multiple

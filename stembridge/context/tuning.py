"""How far the context is from A = 440 Hz."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.chords.pitches import decimated, spectra, tuning_vector
from stembridge.remarks import Remark
from stembridge.roles import is_pitched

NOTICED_CENTS = 10.0  # what nobody hears, and estimates miss, is left alone
AGREE_CENTS = 12.0  # stems that differ by more share no tuning
SURE = 0.3  # how far a stem's partials must agree
MELODIC = 0.15  # … for a stem without a pitch to have one: 30 drum stems had at most 0.08


@dataclass(frozen=True)
class Tuning:
    """What was heard.

    Attributes:
        cents: from 440 Hz, of the whole context; 0.0 where it is in tune, or nobody can tell.
        remarks: what is to be said of it.
    """

    cents: float = 0.0
    remarks: tuple[Remark, ...] = ()

    @property
    def ratio(self) -> float:
        """The context's A in 440 Hz."""
        return float(2 ** (self.cents / 1200))


def hear_tuning(stems: Mapping[str, FloatArray], rate: int) -> Tuning:
    """The tuning of given stems `[n_samples]`, and those that sound like no such stem."""
    heard: dict[str, complex] = {}
    misnamed: tuple[Remark, ...] = ()
    for stem, audio in stems.items():
        if not audio.any():
            continue
        magnitudes, _, bin_hz = spectra(*decimated(audio, rate))
        vector = tuning_vector(magnitudes, bin_hz)
        if not is_pitched(stem):
            misnamed += (Remark("pitch_unheard", {"stem": stem}),) * (abs(vector) > MELODIC)
        elif abs(vector) >= SURE:
            heard[stem] = vector
    if not heard:
        return Tuning(0.0, misnamed)
    cents = _cents(sum(heard.values()))
    for stem, vector in heard.items():
        apart = abs(_cents(vector * np.exp(-2j * np.pi * cents / 100)))
        if apart > AGREE_CENTS:
            own = {"stem": stem, "cents": round(_cents(vector))}
            return Tuning(0.0, (*misnamed, Remark("tuning_unclear", own)))
    if abs(cents) < NOTICED_CENTS:
        return Tuning(0.0, misnamed)
    return Tuning(cents, (*misnamed, Remark("tuning", {"cents": round(cents)})))


def _cents(vector: complex) -> float:
    return float(np.angle(vector) / (2 * np.pi) * 100)

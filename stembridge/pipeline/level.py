"""How loud a take is: one gain for all its stems, and peaks that do not clip.

The stems of one take get one common gain, never one each: their balance is part of the take. What
then reaches beyond full scale, a snare above all, is held down where it does so, since turning all
down for a few hits makes a sparse take far too soft; only what would be heard as another balance
turns the whole take down.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.audio.limiter import limited, true_peak
from stembridge.audio.loudness import amplitude, decibels, gain_to
from stembridge.audio.seam import evened
from stembridge.musical_time import beats_to_samples
from stembridge.remarks import Remark
from stembridge.request import GenerationRequest

PEAK_LIMIT = amplitude(-1.0)
ALONE_LUFS = -18.0  # of a take that stands beside nothing
MOST_HELD_DB = (9.0, 6.0, 3.0, 0.0)
"""By how much peaks may be held down; the first is taken that leaves every stem its loudness."""

MOST_LOST_DB = (4.0, 2.0)  # of its loudness, by this: a stem alone, one beside others
_TRIES = 3
_HEARD_DB = -50.0  # of treble beside a stem's peak, hardly


@dataclass(frozen=True)
class Levelled:
    """A take at its level.

    Attributes:
        audio: stem -> as it goes into its file.
        gain: that it was given.
        remarks: on all of it.
        own: stem -> remarks on that alone.
    """

    audio: dict[str, FloatArray]
    gain: float
    remarks: tuple[Remark, ...] = ()
    own: Mapping[str, tuple[Remark, ...]] = field(default_factory=dict)


def levelled(
    stems: Mapping[str, FloatArray],
    request: GenerationRequest,
    context_gain: float | None,
    kept: float | None = None,
) -> Levelled:
    """Brings a take to its level.

    Args:
        stems: stem -> audio [n] or [2, n] at the session's rate and the model's level.
        request: for the session's rate, and whether it is a loop.
        context_gain: the gain with which the model heard the context; taken back here. None where
            nothing was heard: the take as a whole is brought to a usual loudness.
        kept: the gain of the take that this one is made of, if any.

    Returns:
        It, with no true peak above -1 dBFS.
    """
    made = _loud(stems, request, context_gain, kept)
    if not request.loop:
        return made
    lines = [
        beats_to_samples(beat, request.bpm, request.session_rate)
        for beat in request.time_signature.inner_bar_lines(
            request.start_beats, request.length_beats
        )
    ]
    found = {stem: evened(audio, request.session_rate, lines) for stem, audio in made.audio.items()}
    audio = {
        stem: limited(one.sound, PEAK_LIMIT, request.session_rate, loop=True)
        for stem, one in found.items()
    }
    own = {
        stem: (Remark("loop_evened", {"stem": stem, "db": round(one.softer_db)}),)
        for stem, one in found.items() if one.softer_db and one.was_db > _HEARD_DB
    }  # fmt: skip
    return replace(made, audio=audio, own=own)


def _loud(
    stems: Mapping[str, FloatArray],
    request: GenerationRequest,
    context_gain: float | None,
    kept: float | None,
) -> Levelled:
    highest = max(true_peak(audio) for audio in stems.values())
    if kept is not None or context_gain is not None:
        wanted = kept if kept is not None else 1 / (context_gain or 1.0)
        audio, gain = _held(stems, highest, wanted, request)
        code = "held_down" if kept is None else "turned_down"
        return Levelled(audio, gain, _softer(code, wanted / gain))
    audio, gain = dict(stems), 1.0
    for _ in range(_TRIES):  # what is lost with the peaks is made up for
        wanted = gain * _to_usual(audio, request.session_rate)
        audio, gain = _held(stems, highest, wanted, request)
    return Levelled(audio, gain, _softer("held_down", wanted / gain))


def _softer(code: str, times: float) -> tuple[Remark, ...]:
    """A remark that a take is softer than it was to be, if it is."""
    down_db = round(decibels(times), 1)
    return (Remark(code, {"db": down_db}),) if down_db > 0 else ()


def _held(
    stems: Mapping[str, FloatArray], highest: float, wanted: float, request: GenerationRequest
) -> tuple[dict[str, FloatArray], float]:
    """The stems, whose true peak is `highest`, with a gain, or as much of it as that allows."""
    room = PEAK_LIMIT / highest if highest > 0 else math.inf
    for held_db in MOST_HELD_DB:
        gain = min(wanted, room * amplitude(held_db))
        loud = {stem: audio * np.float32(gain) for stem, audio in stems.items()}
        audio = {
            stem: limited(one, PEAK_LIMIT, request.session_rate, loop=request.loop)
            for stem, one in loud.items()
        }
        lost = (_lost_db(loud[stem], audio[stem]) for stem in stems)
        if max(lost) <= MOST_LOST_DB[len(stems) > 1]:
            break
    return audio, gain


def _lost_db(loud: FloatArray, held: FloatArray) -> float:
    if held is loud:
        return 0.0
    return 20 * math.log10(float(np.linalg.norm(loud)) / float(np.linalg.norm(held)))


def _to_usual(stems: Mapping[str, FloatArray], rate: int) -> float:
    """The gain that brings the mixture of a take, as a meter reads it, to `ALONE_LUFS`."""
    mixture = functools.reduce(np.add, stems.values())  # mono stems go to both sides
    return gain_to(ALONE_LUFS, mixture, rate) or 1.0

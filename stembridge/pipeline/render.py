"""From the model's rate and pace to the session's.

A take's edges are silent, so that nothing clicks wherever it is put; a loop's are not, since its
end flows into its start.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.audio.conform import conform
from stembridge.audio.resample import resample
from stembridge.audio.windows import fade_edges
from stembridge.context import AS_IS, Pace
from stembridge.musical_time import beats_to_samples, seconds_to_samples
from stembridge.request import GenerationRequest
from stembridge.roles import is_pitched

LOOP_AROUND_S = 0.5  # beyond a loop's seam that resampler and stretcher hear
AUDIBLE_CENTS = 5.0
FADE_IN_S = 0.0015  # shorter than any attack
FADE_OUT_S = 0.025  # what a codec lets sound ahead of the next bar's first note begins here


def conformed(
    stems: Mapping[str, FloatArray],
    model_rate: int,
    request: GenerationRequest,
    own: Mapping[str, FloatArray],
    pace: Pace = AS_IS,
) -> dict[str, FloatArray]:
    """All stems at the session's rate, with their edges, at their own level; played ones last.

    Args:
        stems: stem -> audio [n_samples] at the model's rate and pace.
        model_rate: Hz.
        request: for tempo, length and rate of the session.
        own: stem -> stereo [2, n_samples] that was played at the session's rate, of
            `pace.tuned_request`.
        pace: of the model's session.

    Returns:
        stem -> audio [round(beats * 60 / bpm * session_rate)] or [2, the same], sample 0 on the
        bar line.
    """
    rate = request.session_rate
    n_samples = beats_to_samples(request.length_beats, request.bpm, rate)
    full = {
        stem: _at_pace(audio, stem, model_rate, request, pace) for stem, audio in stems.items()
    } | {
        stem: np.stack([_retuned(side, pace.tuned, n_samples, request) for side in audio])
        for stem, audio in own.items()
    }
    if request.loop:
        return full
    fade_in, fade_out = (seconds_to_samples(s, rate) for s in (FADE_IN_S, FADE_OUT_S))
    # What is played begins on its sample, with its attack.
    return {s: fade_edges(a, 0 if s in own else fade_in, fade_out) for s, a in full.items()}


def _at_pace(
    audio: FloatArray, stem: str, model_rate: int, request: GenerationRequest, pace: Pace
) -> FloatArray:
    """A stem of the model at the session's rate and pace."""
    rate = request.session_rate
    n_samples = beats_to_samples(request.length_beats, request.bpm, rate)
    if not request.loop:
        return resample(audio, model_rate * pace.slower, rate, n_samples)
    factor, cents = pace.slower, 1200 * math.log2(pace.slower / pace.tuned)
    around = min(audio.size, seconds_to_samples(LOOP_AROUND_S, model_rate))
    looped = audio[np.arange(-around, audio.size + around) % audio.size]
    if abs(cents) > AUDIBLE_CENTS and is_pitched(stem):
        # In a loop of few frames the pace alone would put it out of tune.
        looped = conform(looped, model_rate, pace.slower, pace.tuned)
        factor = pace.tuned
    # The filter hears the start behind the end, and the end before the start.
    from_rate = model_rate * factor
    lead = round(around * (pace.tuned / pace.slower if factor != pace.slower else 1.0)
                 / from_rate * rate)  # fmt: skip
    return resample(looped, from_rate, rate, n_samples + 2 * lead)[lead : lead + n_samples]


def _retuned(
    audio: FloatArray, tuned: float, n_samples: int, request: GenerationRequest
) -> FloatArray:
    """A channel that was played at 440 Hz, at the context's tuning."""
    rate = request.session_rate
    if tuned == 1.0 or not request.loop:
        return resample(audio, rate * tuned, rate, n_samples)
    # A loop has no ends: as many of its own overtones as fit, in as many samples.
    overtones = np.fft.rfft(audio)[: n_samples // 2 + 1]
    return np.asarray(np.fft.irfft(overtones, n_samples) * (n_samples / audio.size), np.float32)

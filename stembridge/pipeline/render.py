"""From the model's rate and level to files a session can take in.

The stems of one take get one common gain, never one each: their balance is part of the take.
"""

from __future__ import annotations

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.audio.loudness import amplitude, peak
from stembridge.audio.resample import resample
from stembridge.audio.windows import fade_edges
from stembridge.musical_time import beats_to_samples, seconds_to_samples
from stembridge.request import GenerationRequest

PEAK_LIMIT = amplitude(-1.0)
FADE_OUT_S = 0.002  # a loop that ends within a note must not click; shorter than any attack


def render(
    stems: dict[str, FloatArray],
    model_rate: int,
    context_gain: float,
    request: GenerationRequest,
    played: dict[str, FloatArray] | None = None,
) -> dict[str, FloatArray]:
    """The stems of one take as they go into files.

    Args:
        stems: stem -> audio [n_samples] at the model's rate and level.
        model_rate: Hz.
        context_gain: the gain with which the model heard the context; taken back here.
        request: for tempo, length and rate of the session.
        played: stem -> stereo [2, n_samples] at the session's rate and the model's level.

    Returns:
        stem -> audio [round(beats * 60 / bpm * session_rate)] or [2, the same], sample 0
        on the bar line, no peak above -1 dBFS.
    """
    rate = request.session_rate
    n_samples = beats_to_samples(request.length_beats, request.bpm, rate)
    fade = seconds_to_samples(FADE_OUT_S, rate)
    rendered = {
        stem: fade_edges(resample(audio, model_rate, rate, n_samples), 0, fade)
        for stem, audio in stems.items()
    } | {stem: fade_edges(audio, 0, fade) for stem, audio in (played or {}).items()}
    gain = 1.0 / context_gain
    loudest = max(peak(audio) for audio in rendered.values()) * gain
    if loudest > PEAK_LIMIT:
        gain *= PEAK_LIMIT / loudest
    return {stem: audio * np.float32(gain) for stem, audio in rendered.items()}

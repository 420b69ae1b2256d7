"""From the model's rate and level to files a session can take in.

The stems of one take get one common gain, never one each: their balance is part of the take. A
take's edges are silent, so that nothing clicks wherever it is put; a loop's are not, since its end
flows into its start.
"""

from __future__ import annotations

import math

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.audio.loudness import amplitude, integrated_loudness, peak
from stembridge.audio.resample import resample
from stembridge.audio.windows import fade_edges
from stembridge.musical_time import beats_to_samples, seconds_to_samples
from stembridge.request import GenerationRequest

PEAK_LIMIT = amplitude(-1.0)
ALONE_LUFS = -18.0  # of a take that stands beside nothing
FILTER_S = 0.05  # beyond a loop's seam that the resampler hears
FADE_IN_S = 0.0015  # shorter than any attack
FADE_OUT_S = 0.01  # what a codec lets sound ahead of the next bar's first note begins here


def render(
    stems: dict[str, FloatArray],
    model_rate: int,
    context_gain: float | None,
    request: GenerationRequest,
    played: dict[str, FloatArray] | None = None,
    retuned: float = 1.0,
) -> dict[str, FloatArray]:
    """The stems of one take as they go into files.

    Args:
        stems: stem -> audio [n_samples] at the model's rate and level.
        model_rate: Hz.
        context_gain: the gain with which the model heard the context; taken back here. None where
            nothing was heard: the take as a whole is brought to a usual loudness.
        request: for tempo, length and rate of the session.
        played: stem -> stereo [2, n_samples] at the session's rate and the model's level.
        retuned: by which factor all these must sound higher and faster (see `context.tuning`).

    Returns:
        stem -> audio [round(beats * 60 / bpm * session_rate)] or [2, the same], sample 0
        on the bar line, no peak above -1 dBFS.
    """
    rate = request.session_rate
    n_samples = beats_to_samples(request.length_beats, request.bpm, rate)
    model_rate = round(model_rate * retuned)
    own = {stem: _faster(audio, rate, retuned, n_samples) for stem, audio in (played or {}).items()}
    if request.loop:
        rendered = {s: _resampled_loop(a, model_rate, rate, n_samples) for s, a in stems.items()}
        rendered |= own
    else:
        fade_in, fade_out = (seconds_to_samples(s, rate) for s in (FADE_IN_S, FADE_OUT_S))
        full = {s: resample(a, model_rate, rate, n_samples) for s, a in stems.items()} | own
        rendered = {s: fade_edges(audio, fade_in, fade_out) for s, audio in full.items()}
    gain = _gain_alone(rendered, rate) if context_gain is None else 1.0 / context_gain
    loudest = max(peak(audio) for audio in rendered.values()) * gain
    if loudest > PEAK_LIMIT:
        gain *= PEAK_LIMIT / loudest
    return {stem: audio * np.float32(gain) for stem, audio in rendered.items()}


def _resampled_loop(audio: FloatArray, from_rate: int, to_rate: int, n_samples: int) -> FloatArray:
    """As `resample`; the filter hears the start behind the end, and the end before the start."""
    if from_rate == to_rate:
        return resample(audio, from_rate, to_rate, n_samples)
    # So many samples of one rate last as long as so many of the other.
    unit = math.gcd(from_rate, to_rate)
    units = math.ceil(FILTER_S * unit)
    before, lead = units * from_rate // unit, units * to_rate // unit
    around = np.arange(-before, audio.size + before) % audio.size
    wrapped = resample(audio[around], from_rate, to_rate, n_samples + 2 * lead)
    return wrapped[lead : lead + n_samples]


def _faster(audio: FloatArray, rate: int, factor: float, n_samples: int) -> FloatArray:
    if factor == 1.0:
        return audio
    return np.stack([resample(channel, rate * factor, rate, n_samples) for channel in audio])


def _gain_alone(stems: dict[str, FloatArray], rate: int) -> float:
    """Brings the mixture of a take to `ALONE_LUFS`."""
    mono = [audio if audio.ndim == 1 else audio.mean(axis=0) for audio in stems.values()]
    loudness = integrated_loudness(np.sum(mono, axis=0), rate)
    return 1.0 if loudness is None else amplitude(ALONE_LUFS - loudness)

"""Does what was made go with what was given? Pair agreement, and beats, against shuffled pairs.

`pair3` holds three numbers for each 4 s of a pair (context, stem), every 2 s, at 22,050 Hz:

- harmony: cosine of their chromas (60 to 2000 Hz, half a second together) less that of the stem's
  moved by every other interval: how much better they go together at this pitch than at another;
- onsets: correlation of their attacks less its mean over all other delays up to a second;
- level: correlation of their loudness, a value every 50 ms.

It has no weights and learned nothing. What its numbers are worth is told by anchors, as APA does
(Grachten and Nistal, "Accompaniment Prompt Adherence", arXiv 2503.06346): true pairs R, true
contexts with the stems of another song R', and made pairs C give
APA = 1/2 + (d(C, R') - d(C, R)) / (2 d(R, R')), cut to 0 to 1, d being Fréchet distances. The
agreement of pairs stands for COCOLA's (arXiv 2404.16969), whose contrastive network is not here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stembridge.audio.onsets import onset_f1
from stembridge.context.tempo import hear_onsets
from stembridge.evaluation.embedding import frechet
from stembridge.evaluation.harmony import chromagram
from stembridge.evaluation.spectra import log_mel_db

Audio = NDArray[np.float32]
Matrix = NDArray[np.float64]

NAME, FEATURES, RATE = "pair3", ("harmony", "onsets", "level"), 22_050
WINDOW_S, HOP_S = 4.0, 2.0
BEAT_TOLERANCE_S = 0.07
_BAND_HZ, _FRAME, _CHROMA_ROWS, _CHROMA_HOP_S = (60.0, 2000.0), 256, 10, 0.05
_QUIET = -5.6  # mean of log10 of the power; the floor of the bands alone gives -5.7
_SLACK_S = 0.5  # a piece of 11.9 s has as many windows as one of 12
_TINY = 1e-9


@dataclass(frozen=True)
class Listened:
    """What of a sound is compared; frames are of 11.6 ms.

    Attributes:
        chroma: square roots of chromas, `[J, 12]`, a row every 50 ms.
        rises: mean rise of the mel bands, dB, `[F]`.
        loudness: log10 of the power in the bands, `[F]`.
        beats_s: times of a steady beat; None where too little is struck.
    """

    chroma: Matrix
    rises: Matrix
    loudness: Matrix
    beats_s: Matrix | None


def listen(audio: Audio) -> Listened:
    """Everything that pairs need of a sound `[n]` at `RATE`."""
    levels = log_mel_db(audio, RATE, 4 * _FRAME, _FRAME)
    return listened(levels, chromagram(audio, RATE, _BAND_HZ), beats_of(audio))


def listened(levels: Matrix, chroma: Matrix, beats_s: Matrix | None) -> Listened:
    """Of levels in mel bands `[F + 2, 32]`, dB, and chromas `[J, 12]`."""
    rises = np.maximum(levels[2:] - levels[:-2], 0.0).mean(1)
    loudness = np.log10((10 ** (levels / 10)).sum(1))[2:]
    return Listened(chroma**0.5, rises, loudness, beats_s)


def pair_vectors(context: Listened, stem: Listened) -> Matrix:
    """`pair3` of two sounds: `[N, 3]`; windows in which one of them is silent are left out."""
    rows = []
    length_s = min(len(context.rises), len(stem.rises)) * _FRAME / RATE
    for start_s in np.arange(0.0, max(HOP_S, length_s - WINDOW_S + _SLACK_S), HOP_S):
        ours, theirs = _window(context, start_s), _window(stem, start_s)
        if min(float(one.loudness.mean()) for one in (ours, theirs)) >= _QUIET:
            rows.append(
                (
                    _harmony(ours.chroma, theirs.chroma),
                    _together(ours.rises, theirs.rises),
                    _correlation(_every(ours.loudness, 4), _every(theirs.loudness, 4)),
                )
            )
    return np.array(rows, np.float64).reshape(len(rows), len(FEATURES))


def _window(sound: Listened, start_s: float) -> Listened:
    def of(rows: Matrix, per_s: float) -> Matrix:
        return rows[round(start_s * per_s) : round((start_s + WINDOW_S) * per_s)]

    frames_per_s = RATE / _FRAME
    rises, loudness = of(sound.rises, frames_per_s), of(sound.loudness, frames_per_s)
    return Listened(of(sound.chroma, 1 / _CHROMA_HOP_S), rises, loudness, None)


def _harmony(context: Matrix, stem: Matrix) -> float:
    """How much better two chromas go together at no interval than at all others."""
    rows = [_every(one, _CHROMA_ROWS) for one in (context, stem)]
    ours, theirs = (one / (np.linalg.norm(one, axis=1, keepdims=True) + _TINY) for one in rows)
    found = [float((ours * np.roll(theirs, k, axis=1)).sum(1).mean()) for k in range(12)]
    return found[0] - float(np.mean(found[1:]))


def _together(one: Matrix, other: Matrix) -> float:
    """Correlation of two curves less its mean over delays of 60 ms to a second, either way."""
    reach, least = round(RATE / _FRAME), round(0.06 * RATE / _FRAME)
    size = len(one)
    delayed = [
        _correlation(a[lag:], b[: size - lag])
        for a, b in ((one, other), (other, one))
        for lag in range(least, min(reach, size // 2))
    ]
    return _correlation(one, other) - float(np.mean(delayed or [0.0]))


def _every(rows: Matrix, count: int) -> Matrix:
    """Means of `count` rows each."""
    whole = rows[: len(rows) // count * count]
    return np.asarray(whole.reshape(-1, count, *rows.shape[1:]).mean(1), np.float64)


def _correlation(one: Matrix, other: Matrix) -> float:
    a, b = one - one.mean(), other - other.mean()
    return float((a * b).sum() / (np.sqrt((a * a).sum() * (b * b).sum()) + _TINY))


def adherence(made: Matrix, true: Matrix, shuffled: Matrix) -> float | None:
    """APA of vectors `[N, E]` of made, true and shuffled pairs; None where the anchors are one."""
    apart = frechet(true, shuffled)
    if not apart > _TINY:
        return None
    value = 0.5 + (frechet(made, shuffled) - frechet(made, true)) / (2 * apart)
    return float(np.clip(value, 0.0, 1.0)) if np.isfinite(value) else None


def beats_of(audio: Audio) -> Matrix | None:
    """Times in s of a steady beat through `[n]` at `RATE`; None where too little is struck."""
    heard = hear_onsets(audio, RATE)
    if heard is None:
        return None
    period_s = 60.0 / heard.tempo()
    turns = np.exp(2j * np.pi * heard.times_s / period_s)
    phase = float(np.angle((turns * heard.weights).sum())) / (2 * np.pi)
    return np.asarray(np.arange(phase % 1.0, len(audio) / RATE / period_s, 1.0) * period_s)


def beat_agreement(context: Listened, stem: Listened) -> float | None:
    """F measure, 70 ms, of the beats heard in a stem against those in its context.

    None where nothing can be heard in the context; a stem in which no beat is heard gets 0.
    """
    if context.beats_s is None:
        return None
    if stem.beats_s is None:
        return 0.0
    return onset_f1(stem.beats_s, context.beats_s, BEAT_TOLERANCE_S)

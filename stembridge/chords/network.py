"""Chords from the frame-wise chances of the chord network: averaged over beats, smoothed, named.

Conventions: chances are log chances `[T, 97]` of frames of `frame_s` seconds (`spectrum`); chord
`12·q + r` is kind q of `qualities.HEARD_QUALITIES` on root r, the last one is "no chord".
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from stembridge.chords.cells import best_path, cell_edges, change_costs
from stembridge.chords.pitches import Array
from stembridge.chords.qualities import HEARD_QUALITIES, N_HEARD
from stembridge.chords.spectrum import CONTRAST, LOWEST_PITCH, PER_SEMITONE
from stembridge.chords.symbols import QUALITIES, ChordSpan, name_chord
from stembridge.musical_time import TimeSignature

_CHANGE = 3.0  # nats by which a sure chord beats another within a beat
_RARE = {"sus4": 1.5}
"""Nats a kind of chord must be ahead by. A root held over the next chord reads as suspended: songs
played by people have many such bars and few suspended chords."""
_FLOOR = 0.1  # share of the low register that a root without any is taken to have
_LOG_RANGE = np.log1p(CONTRAST)
_SILENT = 0.02  # of the loud spectrum's peak: cells below it take the chord beside them
_GAP = 0.5  # 24 dB below loud: what then still sounds low is hum, or a tail
_HUM = 2.0  # times its strength in the gaps is taken off, since hum wavers
_PEAKED = 1.5  # power of a strength: one note outweighs the many bins of a thump


def chords_of(
    log_chances: Array,
    spectra: Array,
    frame_s: float,
    bpm: float,
    time_signature: TimeSignature,
    length_beats: float,
    start_beats: float = 0.0,
) -> tuple[ChordSpan, ...]:
    """The likeliest chords, each with the confidence the network gives its root and third.

    Args:
        log_chances: `[T, 97]`.
        spectra: `[T, 252]` of the frames (`log_spectrum`), which say what is loud and what low.
        frame_s: seconds of a frame.
        bpm: tempo, quarter notes per minute.
        time_signature: says where bars begin.
        length_beats: of the request.
        start_beats: session position of the first frame, a bar line being at 0.

    Returns:
        Spans from beat 0 on; none if nothing sounds.
    """
    edges = cell_edges(time_signature, length_beats, start_beats)
    frames = edges * 60.0 / bpm / frame_s
    loudness = spectra.max(1)
    cells, sounding = _by_cell(log_chances, loudness, frames)
    if not sounding.any():
        return ()
    low, _ = _by_cell(low_register(spectra), loudness, frames)
    chords = cells[:, : N_HEARD - 1] + _leanings(low)
    chords *= (np.diff(edges) * sounding)[:, None]
    costs = _CHANGE * change_costs(edges[1:-1] + start_beats, time_signature)
    return _spans(best_path(chords, costs), cells, sounding, edges)


def low_register(spectra: Array) -> Array:
    """Strength `[T, 12]` of pitch classes around D2, of spectra `[T, 252]`.

    Only peaks count, less what goes on in the gaps: an acoustic guitar's body and a hand's thump
    are broad, and a pickup hums at one pitch, whatever is played.
    """
    pitches = LOWEST_PITCH + np.arange(spectra.shape[1]) / PER_SEMITONE
    fold = np.eye(12)[np.round(pitches).astype(int) % 12]
    strengths = np.expm1(spectra * _LOG_RANGE)
    loudness = spectra.max(1)
    gaps = strengths[(loudness > _SILENT) & (loudness < _GAP)]
    if len(gaps):
        strengths = np.maximum(0.0, strengths - _HUM * np.median(gaps, axis=0))
    around = np.pad(strengths, ((0, 0), (1, 1)))
    strengths *= (strengths >= around[:, :-2]) & (strengths >= around[:, 2:])
    register: Array = strengths**_PEAKED @ (
        fold * np.exp(-0.5 * ((pitches - 38) / 7) ** 2)[:, None]
    )
    return register


def _leanings(low: Array) -> Array:
    """Nats `[cells, 96]` for chords whose root is low `[cells, 12]`, less what rare kinds pay."""
    share = low / np.maximum(low.sum(1, keepdims=True), 1e-9)
    roots = np.log((share + _FLOOR) / (1 / 12 + _FLOOR)) * (low.sum(1, keepdims=True) > 0)
    handicaps = np.repeat([_RARE.get(name, 0.0) for name in HEARD_QUALITIES], 12)
    leanings: Array = np.tile(roots, len(HEARD_QUALITIES)) - handicaps
    return leanings


def _by_cell(values: Array, loudness: Array, edges: Array) -> tuple[Array, Array]:
    """Mean of values `[T, K]` by loudness `[T]` between edges in frames, and which cells sound."""
    last = len(values)
    cells, sounding = np.zeros((len(edges) - 1, values.shape[1])), np.zeros(len(edges) - 1, bool)
    for cell, (first, stop) in enumerate(pairwise(edges)):
        at = slice(min(round(first), last - 1), min(max(round(stop), round(first) + 1), last))
        weights = loudness[at]
        sounding[cell] = weights.mean() > _SILENT if at.stop > at.start else False
        if sounding[cell]:
            cells[cell] = weights @ values[at] / weights.sum()
    return cells, sounding


def _spans(path: Array, cells: Array, sounding: Array, edges: Array) -> tuple[ChordSpan, ...]:
    starts = [i for i in range(len(path)) if not i or path[i] != path[i - 1]]
    spans = []
    for first, stop in zip(starts, [*starts[1:], len(path)], strict=True):
        quality, root = divmod(int(path[first]), 12)
        classes = [(root + step) % 12 for step in QUALITIES[HEARD_QUALITIES[quality]]]
        heard = cells[first:stop][sounding[first:stop]]
        confidence = round(float(_certainty(heard, quality, root)), 2) if len(heard) else 0.0
        named = name_chord(classes, root)
        spans.append(replace(named, start_beats=float(edges[first]), confidence=confidence))
    return tuple(spans)


def _certainty(cells: Array, quality: int, root: int) -> Array:
    """Chance of the root with this kind of third, averaged over cells `[n, 97]`."""
    kinds = [12 * q + root for q, name in enumerate(HEARD_QUALITIES)
             if _third(name) in (_third(HEARD_QUALITIES[quality]), None)]  # fmt: skip
    chances = np.exp(cells - cells.max(1, keepdims=True))
    chances /= chances.sum(1, keepdims=True)
    certainty: Array = chances[:, kinds].sum(1).mean()
    return certainty


def _third(quality: str) -> int | None:
    """3 for a minor third, 4 for a major one, None where there is neither."""
    return next((step for step in (3, 4) if step in QUALITIES[quality]), None)

"""Chords heard in the context, for a request that names none.

    stems -> strength of each pitch per cell -> chroma and bass chroma -> Viterbi over cells

Chroma matched with binary chord templates goes back to Fujishima (ICMC 1999); a separate chroma
of the low register for the root, and smoothing over beats that knows about bar lines, to Mauch &
Dixon, "Simultaneous estimation of chords and musical context from audio" (IEEE TASLP 2010). The
constants were set on composed training songs; no weights are learnt, so that nothing in here is
tied to one model.

Conventions: a chord's score is in units of one beat that agrees perfectly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from stembridge.chords.cells import best_path, cell_edges, change_costs
from stembridge.chords.pitches import LOWEST, N_PITCHES, Array, Audio, activations
from stembridge.chords.symbols import QUALITIES, ChordSpan, name_chord
from stembridge.musical_time import TimeSignature
from stembridge.roles import is_pitched

_BASS = "bass"

# Qualities that are told apart, and what a beat of each must score above a plain triad: the more
# a template can explain by chance, or the rarer it is, the more.
_HANDICAPS = {
    "": 0.0, "m": 0.0, "7": 0.03, "maj7": 0.02, "m7": 0.02, "add9": 0.06, "dim": 0.06,
    "m7b5": 0.06, "sus4": 0.08, "sus2": 0.1, "aug": 0.12, "dim7": 0.12, "5": 0.18,
}  # fmt: skip
_ROOT_WEIGHT = 0.35  # of the bass chroma's share on the root, against the template's cosine
_BASS_IN_CHROMA = 0.3  # a bass plays passing notes and few chords
_LOW_OF_OTHERS = 0.05  # the lowest note of a guitar or piano is often not the root
_FAINT = 0.15  # cells below this share of the loudest cell's chroma count less
_WEAK_COSINE = 0.72
_WEAK_SHARE = 0.5


@dataclass(frozen=True)
class _Evidence:
    """What was heard in T cells: chroma, bass chroma `[T, 12]`, weight `[T]` 0..1."""

    chroma: Array
    bass: Array
    weight: Array


def estimate_chords(
    stems: Mapping[str, Audio],
    rate: int,
    bpm: float,
    time_signature: TimeSignature,
    length_beats: float,
    start_beats: float = 0.0,
) -> tuple[ChordSpan, ...]:
    """The chords that given stems play.

    A rest belongs to a chord beside it.

    Args:
        stems: stem name -> float32 `[n_samples]` from the request's start; drums are ignored.
        rate: Hz.
        bpm: tempo, quarter notes per minute.
        time_signature: says where bars begin.
        length_beats: of the request.
        start_beats: session position of the first sample, a bar line being at 0.

    Returns:
        Spans as in a request, the first at beat 0; empty where the evidence is weak: silence,
        noise, lone notes, or music in less than half of the time.
    """
    pitched = {stem: audio for stem, audio in stems.items() if is_pitched(stem)}
    if not set(pitched) - {_BASS}:
        return ()  # a bass line alone has roots, but leaves major and minor open
    edges = cell_edges(time_signature, length_beats, start_beats)
    heard = _listen(pitched, rate, edges * 60.0 / bpm)
    templates, roots, handicaps = _templates()
    cosine = _unit(heard.chroma) @ templates.T
    lengths = np.diff(edges)
    bass_share = heard.bass / np.maximum(heard.bass.sum(1, keepdims=True), 0.05)
    score = cosine + _ROOT_WEIGHT * bass_share[:, roots] - handicaps
    score *= (heard.weight * lengths)[:, None]
    path = best_path(score, change_costs(edges[1:-1] + start_beats, time_signature))
    weights = heard.weight * lengths
    sure = (weights * cosine[np.arange(len(path)), path]).sum() / max(weights.sum(), 1e-9)
    if weights.sum() < _WEAK_SHARE * length_beats or sure < _WEAK_COSINE:
        return ()
    return _spans(path, edges)


def _listen(stems: Mapping[str, Audio], rate: int, edges_s: Array) -> _Evidence:
    chroma = np.zeros((len(edges_s) - 1, 12))
    bass = np.zeros_like(chroma)
    for stem, audio in stems.items():
        strengths, clarity = activations(audio, rate, edges_s)
        loudest = strengths.sum(1).max()
        if loudest <= 0:
            continue
        strengths *= clarity[:, None] / loudest
        middle, low = _fold(strengths, 64.0, 12.0), _fold(strengths, 38.0, 7.0)
        chroma += middle * (_BASS_IN_CHROMA if stem == _BASS else 1.0)
        bass += low * (1.0 if stem == _BASS else _LOW_OF_OTHERS)
    level = np.linalg.norm(chroma, axis=1)
    weight = np.minimum(1.0, level / max(_FAINT * level.max(), 1e-9))
    return _Evidence(chroma, bass, weight)


def _fold(strengths: Array, centre: float, deviation: float) -> Array:
    """Pitches `[T, P]` to pitch classes `[T, 12]`, those around the MIDI pitch `centre` first."""
    pitches = LOWEST + np.arange(N_PITCHES)
    register = np.exp(-0.5 * ((pitches - centre) / deviation) ** 2)
    fold = np.zeros((N_PITCHES, 12))
    fold[np.arange(N_PITCHES), pitches % 12] = register
    chroma: Array = strengths @ fold
    return chroma


def _templates() -> tuple[Array, Array, Array]:
    """Unit templates `[K, 12]`, roots `[K]` and handicaps `[K]` of all chords."""
    chords = [(root, quality) for root in range(12) for quality in _HANDICAPS]
    templates = np.zeros((len(chords), 12))
    for row, (root, quality) in zip(templates, chords, strict=True):
        row[[(root + step) % 12 for step in QUALITIES[quality]]] = 1.0
    roots = np.array([root for root, _ in chords])
    return _unit(templates), roots, np.array([_HANDICAPS[quality] for _, quality in chords])


def _unit(rows: Array) -> Array:
    norm: Array = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return rows / norm


def _spans(path: Array, edges: Array) -> tuple[ChordSpan, ...]:
    qualities = list(_HANDICAPS)
    spans = []
    for cell, chord in enumerate(path):
        if cell and chord == path[cell - 1]:
            continue
        root, quality = divmod(int(chord), len(qualities))
        classes = [(root + step) % 12 for step in QUALITIES[qualities[quality]]]
        spans.append(replace(name_chord(classes, root), start_beats=float(edges[cell])))
    return tuple(spans)

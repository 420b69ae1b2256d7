"""A voice-like lead, so that there is something to accompany that is none of the four stems.

A melody over the song's chords, sung by a synthesised voice: harmonics of a gliding pitch with
vibrato, weighted by a vowel's formants (Peterson & Barney, 1952), and breath. It wants to be
heard as a voice by a codec, not by people.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stembridge.dataset.augment import Audio
from stembridge.dataset.parts import Bar, new_player
from stembridge.dataset.playing import melody_of
from stembridge.dataset.song import Note
from stembridge.dataset.studio import shaped

# Centres of the first three formants in Hz.
_VOWELS = (
    (730, 1090, 2440), (530, 1840, 2480), (270, 2290, 3010), (570, 840, 2410), (300, 870, 2240),
)  # fmt: skip
_FORMANT_GAINS = (1.0, 0.5, 0.25)
_FORMANT_WIDTH_HZ = 130.0
_HIGHEST_HZ = 5000.0
_LEVEL = 0.09  # RMS where it sings


def sing(bars: list[Bar], rng: np.random.Generator) -> list[Note]:
    """A melody over bars with chords, some bars of rest in it."""
    player = new_player(rng, "lead", 0.0)
    centre = int(rng.integers(58, 72))
    notes = []
    for index, bar in enumerate(bars):
        if index % 4 == 3 and rng.random() < 0.5:
            continue
        notes += melody_of(bar, player, centre)
    return notes


def voice(
    notes: list[Note], bpm: float, n_samples: int, rate: int, rng: np.random.Generator
) -> Audio:
    """The melody sung, `[n_samples]`."""
    out = np.zeros(n_samples, np.float32)
    scale, per_beat = float(rng.uniform(0.85, 1.2)), 60.0 / bpm * rate  # size of the throat
    vibrato_hz, depth = float(rng.uniform(4.5, 6.5)), float(rng.uniform(0.1, 0.5))
    last = notes[0].pitch if notes else 60
    for note in notes:
        start, length = round(note.start_beats * per_beat), round(note.length_beats * per_beat)
        length = min(length, n_samples - start)
        if length < rate // 50:
            continue
        vowel = np.array(_VOWELS[int(rng.integers(len(_VOWELS)))]) * scale
        t = np.arange(length) / rate
        glide = (last - note.pitch) * np.exp(-t / 0.03)
        wave = depth * np.minimum(1, t / 0.4) * np.sin(2 * np.pi * vibrato_hz * t)
        hz = 440 * 2 ** ((note.pitch + glide + wave - 69) / 12)
        out[start : start + length] += _sung(hz, vowel, rate, rng) * (note.velocity / 127)
        last = note.pitch
    loud = np.sqrt(np.mean(out[out != 0] ** 2)) if np.any(out) else 1.0
    wet_db = float(rng.uniform(-24, -12))
    return shaped(out * np.float32(_LEVEL / loud), rate, [], 0.5, wet_db, rng)


def _sung(hz: NDArray, formants: NDArray, rate: int, rng: np.random.Generator) -> Audio:
    """One note, its harmonics by sin(k x) = 2 cos x sin((k-1) x) - sin((k-2) x)."""
    phase = np.cumsum(2 * np.pi * hz / rate)
    before, now = np.zeros(len(hz), np.float32), np.sin(phase).astype(np.float32)
    twice_cosine = (2 * np.cos(phase)).astype(np.float32)
    out = np.zeros(len(hz), np.float32)
    base = float(hz[-1])
    for k in range(1, int(_HIGHEST_HZ / base) + 1):
        away = (k * base - formants) / _FORMANT_WIDTH_HZ
        gain = np.sum(_FORMANT_GAINS / (1 + away**2)) + 0.03
        out += now * np.float32(gain / k**0.5)
        before, now = now, twice_cosine * now - before
    out += rng.standard_normal(len(hz), dtype=np.float32) * np.float32(0.02)
    edge = min(len(hz) // 3, round(0.03 * rate))
    out[:edge] *= np.linspace(0, 1, edge, dtype=np.float32)
    out[-edge:] *= np.linspace(1, 0, edge, dtype=np.float32)
    return out

"""Plays notes on a kit's instruments: resampled to pitch, levelled, let go, choked. Numpy alone.

A note takes the zone nearest in pitch among those whose velocity is nearest; takes of the same
note alternate at random. A zone moved to another pitch is kept for the part's next notes, which
is what makes a song cost a fraction of a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from stembridge.dataset.kit import Audio, Kit, KitInstrument, KitNote
from stembridge.dataset.song import Note

_TOUCH_DB = 0.8  # a hand's unevenness
_MUTED_S = 0.07  # time constant of a damped string
_MUTED_KEEP = 0.75  # one-pole low-pass of a damped string
_CHOKED_S = 0.02
# Hi-hats that close silence the open one.
_CHOKES = {46: (42, 44)}
# What is played instead of a drum that a kit has not, nearest first.
_INSTEAD = {
    35: (36,), 37: (38,), 39: (37, 38), 40: (38,), 44: (42,), 46: (42,), 43: (41, 45, 47),
    41: (43, 45, 47), 45: (47, 41), 47: (45, 50), 48: (50, 47), 50: (48, 47, 45), 49: (57, 46, 42),
    57: (49, 46, 42), 51: (53, 59, 42), 53: (51, 42), 55: (49, 46), 52: (49, 46), 59: (51, 42),
}  # fmt: skip


class PartPlayer:
    """One instrument of a kit playing one part."""

    def __init__(self, kit: Kit, name: str, rng: np.random.Generator, cents: float = 0.0) -> None:
        """Chooses the instrument; `cents` is how far from concert pitch it is tuned."""
        self.instrument: KitInstrument = kit.instruments[name]
        self._sound = kit.sound(name)
        self._rng, self._semitones = rng, cents / 100
        self._is_drums = self.instrument.release_s == 0
        self._layers = _layers(self.instrument)
        self._moved: dict[tuple[KitNote, float], Audio] = {}

    def play(self, notes: Iterable[Note], bpm: float, n_samples: int, rate: int) -> Audio:
        """The part, `[n_samples]` at `rate` Hz; what rings beyond is cut."""
        out = np.zeros(n_samples, np.float32)
        played = sorted(notes, key=lambda note: note.start_beats)
        per_beat = 60.0 / bpm * rate
        ends = _choked(played) if self._is_drums else {}
        for index, note in enumerate(played):
            start = round(note.start_beats * per_beat)
            hold = round(note.length_beats * per_beat)
            if index in ends:
                hold = round((ends[index] - note.start_beats) * per_beat)
            if start < n_samples:
                sound = self._note(note, hold, rate, cut=index in ends)[: n_samples - start]
                out[start : start + len(sound)] += sound
        return out

    def _note(self, note: Note, hold: int, rate: int, cut: bool) -> Audio:
        zone = self._zone(note)
        if zone is None:
            return np.zeros(0, np.float32)
        sound = self._at_pitch(zone, note, rate)
        if not self._is_drums or cut:
            release_s = _CHOKED_S if cut else self.instrument.release_s
            sound = _let_go(sound, hold, round(release_s * rate))
        gain = zone.gain * 10 ** (self._level_db(note, zone) / 20)
        if note.how == "mute" and zone.how != "mute":
            sound = _damped(sound, rate)
        return sound * np.float32(gain)

    def _level_db(self, note: Note, zone: KitNote) -> float:
        velocities, levels = zip(*self.instrument.levels, strict=True)
        asked, recorded = np.interp([note.velocity, zone.velocity], velocities, levels)
        return float(asked - recorded + self._rng.normal(0, _TOUCH_DB))

    def _zone(self, note: Note) -> KitNote | None:
        """The zone to play; None where the instrument has nothing like it."""
        layers = self._layers.get(note.how) or self._layers[""]
        if self._is_drums:
            wanted = (note.pitch, *_INSTEAD.get(note.pitch, ()))
            near = [pitch for pitch in wanted if pitch in layers]
        else:
            near = [min(layers, key=lambda pitch: abs(pitch - note.pitch))]
        if not near:
            return None
        by_velocity = layers[near[0]]
        takes = by_velocity[min(by_velocity, key=lambda v: abs(v - note.velocity))]
        return takes[int(self._rng.integers(len(takes)))]

    def _at_pitch(self, zone: KitNote, note: Note, rate: int) -> Audio:
        drums = self._is_drums
        shift = self._semitones if drums else note.pitch - zone.pitch + self._semitones
        key = (zone, round(shift, 3))
        if key not in self._moved:
            sound = self._sound[zone.first : zone.first + zone.length]
            ratio = 2 ** (shift / 12) * self.instrument.rate / rate
            self._moved[key] = resampled(sound, ratio)
        return self._moved[key]


Layers = dict[str, dict[int, dict[int, list[KitNote]]]]


def _layers(instrument: KitInstrument) -> Layers:
    """Zones by touch, nominal pitch and velocity."""
    layers: Layers = {"": {}}
    for zone in instrument.zones:
        by_velocity = layers.setdefault(zone.how, {}).setdefault(round(zone.pitch), {})
        by_velocity.setdefault(zone.velocity, []).append(zone)
    return layers


def _choked(notes: Sequence[Note]) -> dict[int, float]:
    """Index of a hit that another one silences -> the beat at which it does."""
    ends = {}
    for pitch, by in _CHOKES.items():
        closing = [note.start_beats for note in notes if note.pitch in (*by, pitch)]
        for index, note in enumerate(notes):
            if note.pitch == pitch:
                later = [beat for beat in closing if beat > note.start_beats + 1e-3]
                if later:
                    ends[index] = later[0]
    return ends


def _let_go(sound: Audio, hold: int, release: int) -> Audio:
    """The sound, faded out over `release` samples after `hold`."""
    if hold >= len(sound):
        return sound
    kept = sound[: hold + release].copy()
    tail = kept[hold:]
    tail *= np.linspace(1, 0, len(tail), dtype=np.float32) ** 2
    return kept


def _damped(sound: Audio, rate: int) -> Audio:
    kept = sound[: round(6 * _MUTED_S * rate)]
    fade = np.exp(-np.arange(len(kept)) / (_MUTED_S * rate))
    dull = lfilter([1 - _MUTED_KEEP], [1, -_MUTED_KEEP], kept)
    return np.asarray(dull * fade, np.float32)


def resampled(sound: Audio, ratio: float) -> Audio:
    """The sound read `ratio` times as fast.

    Zones lie a third apart, so ratios are near 1 and what folds back is little.
    """
    if abs(ratio - 1) < 1e-6:
        return sound
    return read_at(sound, np.arange(int((len(sound) - 3) / ratio), dtype=np.float64) * ratio)


def read_at(sound: Audio, at: NDArray[np.floating]) -> Audio:
    """The sound at fractional positions 0 .. n - 3, by cubic Hermite interpolation."""
    whole = at.astype(np.int32)
    t = (at - whole).astype(np.float32)
    padded = np.concatenate([sound[:1], sound, sound[-1:]])
    a, b, c, d = (padded[whole + i] for i in range(4))
    slope_b, slope_c = (c - a) * 0.5, (d - b) * 0.5
    jump = b - c
    curve: Audio = (
        ((2 * jump + slope_b + slope_c) * t - 3 * jump - 2 * slope_b - slope_c) * t + slope_b
    ) * t + b
    return curve

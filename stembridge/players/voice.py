"""One note of one zone: the recording at the note's pitch, shaped by the envelope.

Between samples four-point Hermite interpolation (de Soras' "x-form") is used, as in most samplers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from stembridge.audio.buffer import FloatArray
from stembridge.audio.loudness import amplitude
from stembridge.players.zone import FALL_DB, Envelope, Zone

SHORTEST_RELEASE_S = 0.005
LONGEST_RING_S = 30.0
"""What a note may sound beyond its key: a file can say a million years."""

CUT_S = 0.02
_LONG_CURVE = 1 << 20  # samples; longer ones are not kept
K = TypeVar("K")
_MOST_CENTS, _FARTHEST_STEP = 12_000.0, 4096.0
_MOST_KNOWN = 1 << 27  # samples: 512 MB
_SILENT_DB, _MOST_DB = -80.0, 96.0


@dataclass
class Pitched:
    """Recordings at their pitches, kept while a part is played.

    Attributes:
        sounds: (number of the zone's object, MIDI pitch) -> samples.
        longest: likewise, how many samples will be asked for.
        size: of all that is kept.
    """

    sounds: dict[tuple[int, int], FloatArray] = field(default_factory=dict)
    longest: dict[tuple[int, int], int] = field(default_factory=dict)
    size: int = 0


def voice(
    zone: Zone,
    pitch: int,
    velocity: int,
    held_s: float,
    rate: int,
    cut_s: float | None = None,
    known: Pitched | None = None,
) -> FloatArray:
    """Stereo samples `[2, n]` of a note, its release included.

    Args:
        zone: what sounds.
        pitch: MIDI pitch.
        velocity: 1..127.
        held_s: how long the key is down, s.
        rate: Hz of the result.
        cut_s: when another note of the zone's class cuts this one, s; None if none does.
        known: what was played at this rate before; filled.
    """
    samples, n = zone.sound[0], length_of(zone, pitch, held_s, rate, cut_s)
    if not n:
        return np.zeros((2, 0), np.float32)
    step, held = _step(zone, pitch, rate), float("inf") if zone.one_shot else held_s
    sound = _pitched(samples, zone, pitch, step, n, int(min(held, 1e6) * rate), known)
    shape = _shape(zone.envelope, n, held, rate)
    if cut_s is not None:
        shape *= np.clip((cut_s + CUT_S - np.arange(n) / rate) / CUT_S, 0, 1)
    level = amplitude(_within(zone.gain_db, _MOST_DB))
    level *= (velocity / 127) ** (2 * _within(zone.velocity_track, 1.0))
    left, right = np.cos((zone.pan + 1) * np.pi / 4), np.sin((zone.pan + 1) * np.pi / 4)
    shape *= np.float32(level)
    shaped = sound * shape
    if len(shaped) == 1:
        return shaped * np.array([[left], [right]], np.float32)
    return shaped[:2] * np.array([[left], [right]], np.float32) * np.float32(np.sqrt(2))


def length_of(zone: Zone, pitch: int, held_s: float, rate: int, cut_s: float | None = None) -> int:
    """Samples of a voice; arguments as `voice`."""
    n_samples = zone.sound[0].shape[-1]
    if not n_samples:  # it starts beyond its end
        return 0
    held = float("inf") if zone.one_shot else held_s
    ends_s = _end_s(zone, n_samples, _step(zone, pitch, rate), held, rate)
    ends_s = min(ends_s, held_s + LONGEST_RING_S)
    if cut_s is not None:
        ends_s = min(ends_s, cut_s + CUT_S)
    return max(0, int(ends_s * rate))


def _step(zone: Zone, pitch: int, rate: int) -> float:
    """Samples of the recording for one sample at a pitch."""
    cents = (pitch - zone.root) * zone.key_cents + zone.tune_cents
    step = zone.sound[1] / rate * 2 ** (_within(cents, _MOST_CENTS) / 1200)
    return min(max(step, 1 / _FARTHEST_STEP), _FARTHEST_STEP)


def _within(value: float, most: float) -> float:
    return min(max(value, -most), most)


def _end_s(zone: Zone, n_samples: int, step: float, held_s: float, rate: int) -> float:
    """When nothing is left to hear, s."""
    envelope = zone.envelope
    played_s = (n_samples - 1) / step / rate
    if zone.loop is not None and not (zone.one_shot or zone.loop_ends):
        played_s = float("inf")
    fallen_s = held_s + max(SHORTEST_RELEASE_S, envelope.release_s) * -_SILENT_DB / FALL_DB
    if envelope.sustain_db >= -_SILENT_DB:
        decayed = envelope.decay_s * min(1.0, -_SILENT_DB / FALL_DB)
        fallen_s = min(fallen_s, envelope.delay_s + envelope.attack_s + envelope.hold_s + decayed)
    if zone.loop_ends and zone.loop is not None:
        played_s += held_s
    return min(played_s, fallen_s)


def _pitched(
    samples: FloatArray,
    zone: Zone,
    pitch: int,
    step: float,
    n: int,
    n_held: int,
    known: Pitched | None,
) -> FloatArray:
    """`n` samples at the pitch: what is known of them, if it is enough."""
    if known is None or (zone.loop is not None and zone.loop_ends):
        return _interpolated(samples, zone, step, n, n_held)
    key = (id(zone), pitch)
    sound = known.sounds.get(key)
    if sound is None or sound.shape[1] < n:
        keeps = known.size < _MOST_KNOWN
        longest = max(n, known.longest.get(key, 0)) if keeps else n
        sound = _interpolated(samples, zone, step, longest, n_held)
        if keeps:
            known.sounds[key] = sound
            known.size += sound.size
    return sound[:, :n]


def _interpolated(samples: FloatArray, zone: Zone, step: float, n: int, n_held: int) -> FloatArray:
    """`n` samples of the recording at `step` samples each, its loop unrolled."""
    at: NDArray[np.float64] = np.arange(n) * np.float64(step)
    if zone.loop is not None:
        start, end = (max(0, edge - zone.first) for edge in zone.loop)
        end = min(end, samples.shape[-1])
        span = max(1, end - start)
        looped = at >= end
        if zone.loop_ends and n > n_held:
            turns = np.floor((at[n_held] - start) / span) * span if at[n_held] >= end else 0.0
            at[n_held:] -= turns
            looped[n_held:] = False
        at[looped] = start + (at[looped] - start) % span
        return _hermite(samples, at, (start, end))
    return _hermite(samples, at, None)


def _hermite(
    samples: FloatArray, at: NDArray[np.float64], loop: tuple[int, int] | None
) -> FloatArray:
    """Samples between samples; what follows a loop's last sample is its first."""
    last = samples.shape[-1] - 1
    base = np.minimum(at.astype(np.int64), last)
    share = (at - base).astype(np.float32)
    before, here, after, later = _taps(samples, base, loop)
    slope = (after - before) * np.float32(0.5)
    bend = here - after
    far = slope + bend
    curve = far + bend + (later - here) * np.float32(0.5)
    result: FloatArray = ((curve * share - (far + curve)) * share + slope) * share + here
    return result


def _taps(
    samples: FloatArray, base: NDArray[np.int64], loop: tuple[int, int] | None
) -> list[FloatArray]:
    """The samples before, at, and twice after `base`."""
    taps = []
    for k in (-1, 0, 1, 2):
        index = base + k
        if loop is not None and k > 0:
            over = (base < loop[1]) & (index >= loop[1])
            index = np.where(over, index - (loop[1] - loop[0]), index)
        taps.append(np.take(samples, index, axis=1, mode="clip"))
    return taps


def _shape(envelope: Envelope, n: int, held_s: float, rate: int) -> FloatArray:
    """Amplitude `[n]` of a note whose key is down for `held_s`."""
    let_go = _sample_after(held_s, rate, n)
    shape = np.empty(n, np.float32)
    shape[:let_go] = _curve(_down, envelope, rate, let_go)
    if let_go == n:
        return shape
    fades_s, level_db = envelope.delay_s + envelope.attack_s + envelope.hold_s, 0.0
    if envelope.sustain_db > 0 and let_go >= _sample_after(fades_s, rate, n):
        fallen_db = (let_go / rate - fades_s) * FALL_DB / max(envelope.decay_s, 1e-3)
        level_db = -min(fallen_db, envelope.sustain_db)
    slope = FALL_DB / max(envelope.release_s, SHORTEST_RELEASE_S)
    level = amplitude(level_db - (let_go / rate - held_s) * slope)
    falls = _curve(_falls, slope, rate, n - let_go)
    np.multiply(falls, np.float32(level), out=shape[let_go:])
    ramp = _ramp(envelope, rate, n)[let_go:]  # a key let go while its note still rises
    shape[let_go : let_go + len(ramp)] *= ramp
    return shape


def _curve(make: Callable[[K, int, int], FloatArray], kind: K, rate: int, n: int) -> FloatArray:
    """`n` samples of a curve that is made longer than that: the next notes want others of it."""
    if n > _LONG_CURVE:
        return make(kind, rate, n)
    return _kept(make, kind, rate, 1 << n.bit_length())[:n]


@lru_cache(maxsize=32)
def _kept(make: Callable[[K, int, int], FloatArray], kind: K, rate: int, n: int) -> FloatArray:
    return make(kind, rate, n)


def _down(envelope: Envelope, rate: int, n: int) -> FloatArray:
    """Amplitude `[n]` while the key is down."""
    fades_s = envelope.delay_s + envelope.attack_s + envelope.hold_s
    falling = _sample_after(fades_s, rate, n) if envelope.sustain_db > 0 else n
    shape = np.ones(n, np.float32)
    if falling < n:
        slope = FALL_DB / max(envelope.decay_s, 1e-3)
        time = np.arange(falling, n, dtype=np.float32) / np.float32(rate)
        fall = np.minimum((time - np.float32(fades_s)) * np.float32(slope), envelope.sustain_db)
        shape[falling:] = _amplitude(-fall)
    ramp = _ramp(envelope, rate, n)
    shape[: len(ramp)] *= ramp
    return shape


def _falls(slope: float, rate: int, n: int) -> FloatArray:
    """Amplitude `[n]` that falls from 1 on by so many dB a second."""
    return _amplitude(np.arange(n, dtype=np.float32) * np.float32(-slope / rate))


def _ramp(envelope: Envelope, rate: int, n: int) -> FloatArray:
    """How a note rises, as far as it does within `n` samples."""
    if envelope.delay_s + envelope.attack_s <= 0:
        return np.ones(0, np.float32)
    attack_s = max(envelope.attack_s, 1e-4)
    stop = _sample_after(envelope.delay_s + attack_s, rate, n)
    time = np.arange(stop, dtype=np.float32) / np.float32(rate)
    rise = (time - np.float32(envelope.delay_s)) / np.float32(attack_s)
    return np.asarray(np.clip(rise, 0, 1), np.float32)


def _sample_after(seconds: float, rate: int, n: int) -> int:
    """The first of `n` samples that lies after a time; n where none does."""
    return n if seconds * rate >= n - 1 else max(0, int(np.floor(seconds * rate)) + 1)


def _amplitude(decibels: FloatArray) -> FloatArray:
    amplitude: FloatArray = np.exp(decibels * np.float32(np.log(10) / 20))  # faster than powers
    return amplitude

"""What a mixing engineer would do to a dry instrument: a little tone, room and width, per role.

All of it is linear and done in one spectrum. Room and width go into the difference of the two
channels only with what cancels in their sum, so that a mono sum has nothing missing and nothing
doubled: left + right is the dry sum with the room's middle.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stembridge.audio.buffer import FloatArray
from stembridge.audio.loudness import amplitude

Spectrum = NDArray[np.complex64]


@dataclass(frozen=True)
class Touch:
    """Settings of one role.

    Attributes:
        low_cut_hz: nothing sounds an octave below.
        air_db: shelf above 6 kHz.
        body_db: bell around 250 Hz.
        room_s: time in which the room falls by 60 dB. room_db: its level beside the dry sound.
        width_db: level of the side signal made from the middle.
        own_width: share of the recordings' own side signal that stays.
        drive: how far peaks are rounded, 0 not at all.
    """

    low_cut_hz: float = 30.0
    air_db: float = 0.0
    body_db: float = 0.0
    room_s: float = 0.4
    room_db: float = -24.0
    width_db: float = -60.0
    drive: float = 0.0
    own_width: float = 1.0


TOUCHES = {
    "bass": Touch(28.0, 0.0, 0.0, 0.25, -34.0, -34.0, 0.5),
    "drums": Touch(25.0, 1.0, -1.0, 0.45, -22.0, -28.0, 0.3),
    "guitar": Touch(70.0, 1.0, -1.5, 0.5, -23.0, -12.0, 0.3),
    "piano": Touch(35.0, 1.0, -1.0, 0.7, -22.0, -18.0, 0.0, 0.5),
}
_SMALLEST_WIDTH_HZ = 150.0
_SPREAD_S = 0.012


def touched(sound: FloatArray, stem: str, rate: int, *, loop: bool = False) -> FloatArray:
    """A played stem `[2, n]` as it would stand in a mixture; its level stays about the same.

    Args:
        sound: dry.
        stem: its role.
        rate: Hz.
        loop: the room's tail goes on at the beginning.
    """
    touch = TOUCHES.get(stem, Touch())
    n = sound.shape[1]
    if not n or not np.any(sound):
        return sound
    sound = _driven(sound, touch.drive)
    size = n if loop else _fast_length(n + int(touch.room_s * rate))
    middle, side = (
        (sound[0] + sound[1]) / 2,
        (sound[0] - sound[1]) * np.float32(touch.own_width / 2),
    )
    tone, room, room_side, spread = _responses(touch, rate, size)
    heard = np.fft.rfft(middle, size)
    made_middle = np.fft.irfft(heard * (tone * (1 + room)), size)[:n]
    own_side = np.fft.rfft(side, size) if np.any(side) else 0
    made_side = np.fft.irfft((own_side + heard * (room_side + spread)) * tone, size)[:n]
    return np.stack([made_middle + made_side, made_middle - made_side]).astype(np.float32)


def _driven(sound: FloatArray, drive: float) -> FloatArray:
    """Rounds peaks a little, both channels alike; quiet sound passes unchanged."""
    top = float(np.abs(sound).max())
    if drive <= 0 or top == 0:
        return sound
    return np.asarray(np.tanh(sound * (drive / top)) * (top / drive), np.float32)


def _fast_length(n: int) -> int:
    """A length of small factors at least `n`, which the transform takes quickly."""
    step = 1 << max(0, n.bit_length() - 5)
    return -(-n // step) * step


@lru_cache(maxsize=16)
def _responses(touch: Touch, rate: int, size: int) -> tuple[Spectrum, Spectrum, Spectrum, Spectrum]:
    """Tone, room of the middle, of the side, and spread, each `[size // 2 + 1]`."""
    hz = np.maximum(np.fft.rfftfreq(size, 1 / rate), 1.0)
    low = 1 / np.sqrt(1 + (touch.low_cut_hz / hz) ** 4)
    air = amplitude(touch.air_db) ** (1 / (1 + (6000 / hz) ** 2))
    bell = amplitude(touch.body_db) ** (1 / (1 + np.log2(hz / 250) ** 2))
    above = 1 / (1 + (_SMALLEST_WIDTH_HZ / hz) ** 4)
    soft = 1 / (1 + (hz / 7000) ** 2)  # walls swallow treble
    room, room_side = (
        np.fft.rfft(_turned(_tail(seed, touch.room_s, rate), size))
        * (above * soft * amplitude(touch.room_db))
        for seed in (1, 2)
    )
    spread = np.fft.rfft(_turned(_sparse(3, rate), size)) * (above * amplitude(touch.width_db))
    tone = low * air * bell
    return tuple(np.asarray(x, np.complex64) for x in (tone, room, room_side, spread))  # type: ignore[return-value]


def _turned(response: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """A response `[n]` as it is heard in a loop of `size`: what is longer begins again."""
    turns = -(-response.size // size)
    whole: NDArray[np.float64] = np.pad(response, (0, turns * size - response.size))
    return np.asarray(whole.reshape(turns, size).sum(axis=0))


def _tail(seed: int, seconds: float, rate: int) -> NDArray[np.float64]:
    """Falling noise of unit energy after the first 8 ms: reflections. The same at every rate.

    Drawn at a fixed rate and spread over samples, so that 44.1 and 96 kHz share a room.
    """
    drawn = int(seconds * 20_000)
    noise = np.random.default_rng(seed).standard_normal(drawn) * 10 ** (
        -3 * np.arange(drawn) / drawn
    )
    at = np.round(np.arange(drawn) * (rate / 20_000)).astype(int) + int(0.008 * rate)
    tail = np.zeros(int(at[-1]) + 1)
    np.add.at(tail, at, noise)
    tail /= np.sqrt(np.sum(noise**2))
    return tail


def _sparse(seed: int, rate: int) -> NDArray[np.float64]:
    """A few signed echoes within 12 ms, of unit energy: makes a side out of a middle."""
    rng = np.random.default_rng(seed)
    at_s = np.sort(rng.uniform(0.001, _SPREAD_S, 12))
    spread = np.zeros(int(_SPREAD_S * rate) + 2)
    np.add.at(spread, np.round(at_s * rate).astype(int), rng.choice([-1.0, 1.0], 12))
    spread /= np.sqrt(12)
    return spread

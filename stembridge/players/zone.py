"""What an instrument is made of, whatever file it came from.

A zone is one recorded sample and for which keys and velocities it is played, and how. Several
zones may answer one note: the two channels of a stereo recording, layers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from stembridge.audio.buffer import FloatArray

OPEN_HZ = 20_000.0
"""A low-pass at or above this does nothing."""

_LOWEST_CUTOFF_HZ = 10.0


@dataclass(frozen=True)
class Envelope:
    """Loudness over time: seconds, and the sustained level in dB below the peak.

    Decay and release fall by `FALL_DB` in their time, in a straight line of dB.
    """

    delay_s: float = 0.0
    attack_s: float = 0.0
    hold_s: float = 0.0
    decay_s: float = 0.0
    sustain_db: float = 0.0
    release_s: float = 0.02


FALL_DB = 96.0


@dataclass(frozen=True)
class Recording:
    """Sound in memory or in a file, read when it is first played.

    Attributes:
        name: identity within its file, for messages.
        read: gives samples `[n_channels, n]` and their rate in Hz.
    """

    name: str
    read: Callable[[], tuple[FloatArray, int]] = field(compare=False)

    @cached_property
    def sound(self) -> tuple[FloatArray, int]:
        """Samples `[n_channels, n]` and rate, Hz."""
        return self.read()


@dataclass(frozen=True)
class Zone:
    """One recording and how it is played.

    Attributes:
        recording: the sound.
        keys: lowest and highest MIDI pitch that it answers.
        velocities: likewise.
        root: MIDI pitch at which it sounds as recorded.
        tune_cents: added to the pitch.
        key_cents: cents per key, 100 for what follows the keyboard, 0 for drums.
        first: sample at which it starts. last: one past its last sample, or None.
        loop: first sample and one past the last of the stretch that repeats, or None.
        loop_ends: the repetition ends with the key.
        gain_db: its level. pan: -1 left to 1 right.
        velocity_track: 1 where velocity has its full effect on level, 0 none.
        cutoff_hz: low-pass.
        envelope: loudness over time. one_shot: plays to its end whatever the key does.
        group, off_by: a note in `group` cuts what is playing with that `off_by`; 0 is none.
        turn: for recordings that take turns: (which, of how many).
    """

    recording: Recording
    keys: tuple[int, int] = (0, 127)
    velocities: tuple[int, int] = (1, 127)
    root: int = 60
    tune_cents: float = 0.0
    key_cents: float = 100.0
    first: int = 0
    last: int | None = None
    loop: tuple[int, int] | None = None
    loop_ends: bool = False
    gain_db: float = 0.0
    pan: float = 0.0
    velocity_track: float = 1.0
    cutoff_hz: float = OPEN_HZ
    envelope: Envelope = field(default_factory=Envelope)
    one_shot: bool = False
    group: int = 0
    off_by: int = 0
    turn: tuple[int, int] = (0, 1)

    @cached_property
    def sound(self) -> tuple[FloatArray, int]:
        """Samples `[n_channels, n]` from `first` on, filtered, and their rate in Hz."""
        samples, rate = self.recording.sound
        samples = samples[:, self.first : self.last]
        return _low_passed(samples, rate, self.cutoff_hz), rate


def _low_passed(samples: FloatArray, rate: int, cutoff_hz: float) -> FloatArray:
    """Two poles without resonance, applied to the whole recording at once."""
    if cutoff_hz >= min(OPEN_HZ, 0.45 * rate):
        return samples
    n = samples.shape[-1]
    size = 1 << (n + 2048).bit_length()
    ratio = np.fft.rfftfreq(size, 1 / rate) / max(cutoff_hz, _LOWEST_CUTOFF_HZ)
    response = 1 / (1 - ratio**2 + 1j * np.sqrt(2) * ratio)
    filtered = np.fft.irfft(np.fft.rfft(samples, size) * response, size)[..., :n]
    return np.asarray(filtered, np.float32)


@dataclass(frozen=True)
class Instrument:
    """Zones under one name."""

    name: str
    zones: tuple[Zone, ...]

    def answering(self, pitch: int, velocity: int, count: int) -> list[Zone]:
        """The zones that play a note; `count` notes were played before it."""
        return [
            zone
            for zone in self.zones
            if zone.keys[0] <= pitch <= zone.keys[1]
            and zone.velocities[0] <= velocity <= zone.velocities[1]
            and count % zone.turn[1] == zone.turn[0]
        ]

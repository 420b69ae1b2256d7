"""A recording of any length in parts that overlap; in each sample the stems add up to it.

    file   ...|================= part ================|...      surroundings are heard, not kept
    next                              |fade|============ part ====

Where two parts meet they fade over. Both say what the same samples hold, so their weights add up to
1, and so do the stems to the recording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from stembridge.audio.buffer import AudioBuffer, FloatArray
from stembridge.audio.windows import rising_ramp

PART_VALUES = 2**20  # of all channels: 12 s of a stereo file at 44.1 kHz
AROUND_S, FADE_S = 0.25, 0.05


class Readable(Protocol):
    """A recording that can be read from anywhere, such as a `ContextFile`."""

    @property
    def sample_rate(self) -> int:
        """Hz."""
        ...

    @property
    def n_channels(self) -> int:
        """Their number."""
        ...

    @property
    def n_samples(self) -> int:
        """Of each channel."""
        ...

    def read(self, first: int, n_samples: int) -> AudioBuffer:
        """Samples `first` to `first + n_samples`; shorter where it ends."""
        ...


@dataclass(frozen=True)
class InMemory:
    """A recording `[n]` in one channel."""

    samples: FloatArray
    sample_rate: int
    n_channels: int = 1

    @property
    def n_samples(self) -> int:
        """Its length."""
        return self.samples.size

    def read(self, first: int, n_samples: int) -> AudioBuffer:
        """See `Readable`."""
        return AudioBuffer(self.samples[None, first : first + n_samples], self.sample_rate)


@dataclass(frozen=True)
class Stretch:
    """Some samples of a recording and what they are made of.

    Attributes:
        recording: `[channels, n]`.
        stems: `[S, channels, n]`.
        share: of the recording that is done with this part.
    """

    recording: FloatArray
    stems: FloatArray
    share: float


Separate = Callable[[FloatArray, int], FloatArray]
"""`[channels, n]` from a sample of the file on, surroundings included: `[S, channels, n]`."""


@dataclass(frozen=True)
class Silence:
    """What a silent recording is taken apart in."""

    n_stems: int
    sureness: None = None

    def __call__(self, recording: FloatArray, first: int) -> FloatArray:
        """Nothing, `[S, channels, n]`."""
        return np.zeros((self.n_stems, *recording.shape), np.float32)


def in_parts(file: Readable, separate: Separate) -> Iterator[Stretch]:
    """The whole of a file, in order.

    Args:
        file: open.
        separate: takes some of it apart.
    """
    n, rate = file.n_samples, file.sample_rate
    around, fade = round(AROUND_S * rate), round(FADE_S * rate)
    length = max(2 * rate, PART_VALUES // file.n_channels)
    rise, reader = rising_ramp(fade), _Forward(file)
    tail: FloatArray | None = None
    for first in range(0, n, length):
        stop = n if n - first < 2 * around + length // 8 else min(first + length, n)
        begin = max(0, first - fade)
        low, high = max(0, first - around), min(n, stop + around)
        recording = reader.read(low, high)
        kept = slice(begin - low, stop - low)
        stems = separate(recording, low)[..., kept].copy()
        if tail is not None:
            stems[..., :fade] = tail * rise[::-1] + stems[..., :fade] * rise
        ends = stop == n
        held = 0 if ends else fade
        whole = slice(0, stems.shape[-1] - held)
        yield Stretch(recording[..., kept][..., whole], stems[..., whole], stop / n)
        tail = stems[..., stems.shape[-1] - held :]
        if ends:
            return


class _Forward:
    """Reads a file once: seeking back in an MP3 begins at its start."""

    def __init__(self, file: Readable) -> None:
        self._file, self._at = file, 0
        self._held = np.zeros((file.n_channels, 0), np.float32)

    def read(self, first: int, stop: int) -> FloatArray:
        """Samples `[channels, stop - first]`; `first` never falls."""
        missing = stop - self._at - self._held.shape[1]
        if missing > 0:
            new = self._file.read(self._at + self._held.shape[1], missing).samples
            self._held = np.concatenate([self._held, new], axis=1)
        self._held, self._at = self._held[:, first - self._at :], first
        got = self._held[:, : stop - first]
        return np.pad(got, ((0, 0), (0, stop - first - got.shape[1])))

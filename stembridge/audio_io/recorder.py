"""The input's recent past, and takes cut out of it.

Sound that belongs to a bar line arrives a little after it, and the decision to record may come
later still, so the last seconds of input are always kept: a take may begin before it was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from stembridge.audio.buffer import FloatArray

PAST_S = 3.0


@dataclass
class InputRecording:
    """A recording in progress.

    Attributes:
        capture_id: whose it is.
        first: input frame of its first sample.
        samples: float32 [n, channels], filled from the front.
        filled: how many are there.
    """

    capture_id: str
    first: int
    samples: FloatArray
    filled: int = field(default=0)

    @property
    def complete(self) -> bool:
        """Whether all samples are there."""
        return self.filled >= len(self.samples)

    def feed(self, block: FloatArray, frame: int) -> None:
        """Take what belongs to it of a block whose first input frame is `frame`."""
        wanted = self.first + self.filled
        begin = wanted - frame
        if begin >= len(block):
            return
        if begin < 0:  # lost input stays silent
            self.filled = min(len(self.samples), self.filled - begin)
            begin = 0
        n = min(len(block) - begin, len(self.samples) - self.filled)
        self.samples[self.filled : self.filled + n] = block[begin : begin + n]
        self.filled += n


class Recorder:
    """Feeds takes with the input, past and coming."""

    def __init__(self, rate: int, n_channels: int) -> None:
        self._past = np.zeros((int(PAST_S * rate), n_channels), np.float32)
        self._end = 0
        self.take: InputRecording | None = None

    @property
    def n_channels(self) -> int:
        """Input channels."""
        return int(self._past.shape[1])

    def begin(self, capture_id: str, first: int, n_samples: int) -> None:
        """Record `n_samples` from input frame `first`, as far back as the past reaches."""
        samples = np.zeros((n_samples, self.n_channels), np.float32)
        take = InputRecording(capture_id, first, samples)
        kept = min(self._end, len(self._past))
        if kept:
            at = np.arange(self._end - kept, self._end) % len(self._past)
            take.feed(self._past[at], self._end - kept)
        self.take = take

    def feed(self, block: FloatArray, frame: int) -> None:
        """Take in the block whose first input frame is `frame`."""
        recent = block[-len(self._past) :]
        at = (frame + len(block) - len(recent)) % len(self._past)
        fits = min(len(recent), len(self._past) - at)
        self._past[at : at + fits] = recent[:fits]
        self._past[: len(recent) - fits] = recent[fits:]
        self._end = frame + len(block)
        if self.take is not None and not self.take.complete:
            self.take.feed(block, frame)

    def finished(self) -> InputRecording | None:
        """Hand out the take once it is complete."""
        take = self.take
        if take is None or not take.complete:
            return None
        self.take = None
        return take

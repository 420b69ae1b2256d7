"""One take, played block by block, in passes that each start on their own bar line.

A loop whose passes simply follow each other drifts away from a session whose tempo is not exactly
the file's. Here every pass starts at the frame the schedule says, and nothing is stretched: a pass
that is due before the last one has ended lets it fade under the new one for 5 ms; one that is due
later leaves a gap. At equal tempo neither happens and the output is the file, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import floor
from typing import Protocol

import numpy as np

from stembridge.audio.buffer import FloatArray

FADE_S = 0.005


class Schedule(Protocol):
    """When passes start, in engine frames."""

    def start(self, number: int) -> int:
        """Frame at which a pass starts."""

    def number(self, frame: int) -> int:
        """Pass that is under way at a frame."""


@dataclass(frozen=True)
class FreeSchedule:
    """Passes that follow each other from one frame on.

    Attributes:
        first: frame of pass 0.
        length: frames from pass to pass; a fraction is carried over, not lost.
    """

    first: int
    length: float

    def start(self, number: int) -> int:
        """Frame at which a pass starts."""
        return self.first + floor(number * self.length + 0.5)

    def number(self, frame: int) -> int:
        """Pass that is under way at a frame; never before pass 0."""
        return max(0, floor((frame - self.first) / self.length))


@dataclass(frozen=True)
class SessionSchedule:
    """Passes on the session's bar lines.

    Attributes:
        first_beat: where pass 0 starts on the session's timeline.
        length_beats: from pass to pass.
        frame_of: session beat -> frame, by the session's latest word.
        beat_of: frame -> session beat.
    """

    first_beat: float
    length_beats: float
    frame_of: Callable[[float], float]
    beat_of: Callable[[float], float]

    def start(self, number: int) -> int:
        """Frame at which a pass starts."""
        return floor(self.frame_of(self.first_beat + number * self.length_beats) + 0.5)

    def number(self, frame: int) -> int:
        """Pass that is under way at a frame."""
        return floor((self.beat_of(frame) - self.first_beat) / self.length_beats)


class LoopPlayer:
    """Plays `[n, channels]` in passes.

    Attributes:
        take_id: of what is played.
        done: nothing more will sound.
        schedule: when its passes start.
    """

    def __init__(
        self, take_id: str, samples: FloatArray, rate: int, schedule: Schedule, *, loop: bool
    ) -> None:
        self.take_id = take_id
        self.done = False
        self._samples = samples
        self._n_fade = max(1, int(FADE_S * rate))
        self.schedule = schedule
        self._loop = loop
        self._pass = 0
        self._started = 0
        self._tail: FloatArray = samples[:0]
        self._tail_at = 0
        self._stopping = False
        self._entered = False

    def position(self, frame: int) -> int:
        """Frames into the current pass."""
        return max(0, min(frame - self._started, len(self._samples)))

    def stop(self) -> None:
        """Fade out within `FADE_S`, beginning with the next block."""
        self._stopping = True

    def reschedule(self, schedule: Schedule, frame: int) -> None:
        """Go on by another schedule from `frame` on, as after a jump of the session."""
        if self._entered:
            self._leave(frame)
        self.schedule = schedule
        self._entered = False

    def render(self, out: FloatArray, frame: int) -> None:
        """Add the block that starts at engine frame `frame` to `out` `[frames, channels]`."""
        if self.done:
            return
        end = frame + len(out)
        block = np.zeros_like(out)
        late = not self._entered and self._enter(frame)
        if self._loop:
            self._through_passes(block, frame, end)
        else:
            self._copy(block, frame, frame, end)
            self.done = end >= self._started + len(self._samples)
        if late:
            self._ramp(block, 0.0, 1.0)
        self._mix_tail(block, frame, end)
        if self._stopping:
            self._ramp(block, 1.0, 0.0)
            block[self._n_fade :] = 0.0
            self.done = True
        out += block

    def _enter(self, frame: int) -> bool:
        """Find the pass under way; True if it started before `frame`."""
        self._pass = self.schedule.number(frame) if self._loop else 0
        self._started = self.schedule.start(self._pass)
        self._entered = True
        return self._started < frame

    def _through_passes(self, block: FloatArray, frame: int, end: int) -> None:
        at = frame
        while True:
            due = max(self.schedule.start(self._pass + 1), self._started + 1, at)
            self._copy(block, frame, at, min(end, due))
            if due >= end:
                return
            at = due
            self._leave(at)
            self._pass += 1
            self._started = at

    def _leave(self, at: int) -> None:
        """Keep what the ending pass would still have played, faded out from frame `at` on."""
        begin = max(0, at - self._started)
        tail = self._samples[begin : begin + self._n_fade].copy()
        tail *= np.linspace(1.0, 0.0, self._n_fade, dtype=np.float32)[: len(tail), None]
        self._tail, self._tail_at = tail, at

    def _mix_tail(self, block: FloatArray, frame: int, end: int) -> None:
        first, stop = max(frame, self._tail_at), min(end, self._tail_at + len(self._tail))
        if first < stop:
            block[first - frame : stop - frame] += self._tail[
                first - self._tail_at : stop - self._tail_at
            ]

    def _ramp(self, block: FloatArray, begin: float, end: float) -> None:
        n = min(self._n_fade, len(block))
        block[:n] *= np.linspace(begin, end, n, dtype=np.float32)[:, None]

    def _copy(self, block: FloatArray, frame: int, at: int, stop: int) -> None:
        """Add the current pass's samples for engine frames `at` to `stop`."""
        first = max(at, self._started)
        begin, end = first - self._started, stop - self._started
        piece = self._samples[begin : max(begin, min(end, len(self._samples)))]
        block[first - frame : first - frame + len(piece)] += piece

"""What one audio callback does, without a device: blocks of numpy in, blocks of numpy out.

Conventions: frames count from the stream's first callback and are the same for output and input
(block k of both starts at frame k * block); samples are float32 [frames, channels]. What the output
emits at frame n comes back, over a cable, at input frame n + `round_trip`.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.audio_io.frame_clock import FrameClock
from stembridge.audio_io.player import FreeSchedule, LoopPlayer, SessionSchedule
from stembridge.audio_io.recorder import InputRecording, Recorder
from stembridge.children.messages import Anchor

JUMP_BEATS = 0.1
"""A session that moves by more between two words has been relocated."""


@dataclass(frozen=True)
class Latencies:
    """Of the device, in frames.

    Attributes:
        output: from callback to air.
        round_trip: from output callback to input callback over a cable.
    """

    output: float
    round_trip: float

    @property
    def input(self) -> float:
        """From air to callback."""
        return max(0.0, self.round_trip - self.output)


class Engine:
    """Player, recorder and the session's place, fed by one callback.

    Everything but `process` may be called from another thread: it is queued and takes effect with
    the next block.
    """

    def __init__(self, rate: int, n_outputs: int, n_inputs: int, latencies: Latencies) -> None:
        self.rate = rate
        self.n_outputs = n_outputs
        self.latencies = latencies
        self.frame = 0
        self.clock = FrameClock(rate)
        self.recorder = Recorder(rate, max(1, n_inputs))
        self.players: list[LoopPlayer] = []
        self.anchor: Anchor | None = None
        self._orders: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def process(self, out: FloatArray, incoming: FloatArray | None, now_s: float) -> None:
        """Fill `out` and take in `incoming`; called by the device at `now_s`."""
        self.clock.callback(self.frame, now_s)
        while not self._orders.empty():
            self._orders.get_nowait()()
        out[:] = 0.0
        for player in self.players:
            player.render(out, self.frame)
        self.players = [player for player in self.players if not player.done]
        # The last gate before the loudspeakers: no NaN, no infinity, nothing above full scale.
        np.nan_to_num(out, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        np.clip(out, -1.0, 1.0, out=out)
        if incoming is not None:
            self.recorder.feed(incoming, self.frame)
        self.frame += len(out)

    @property
    def idle(self) -> bool:
        """Whether no order waits for the next block."""
        return self._orders.empty()

    def order(self, action: Callable[[], None]) -> None:
        """Run `action` at the beginning of the next block."""
        self._orders.put(action)

    # -- the session ---------------------------------------------------------------------------

    def frame_of_beat(self, beat: float) -> float:
        """Output frame that is heard when the session reaches a beat."""
        anchor = self.anchor
        if anchor is None:
            return 0.0
        return self.clock.frame_at(anchor.time_at(beat)) - self.latencies.output

    def beat_of_frame(self, frame: float) -> float:
        """Session beat at which an output frame is heard."""
        anchor = self.anchor
        if anchor is None:
            return 0.0
        return anchor.beat_at(self.clock.time_at(frame + self.latencies.output))

    @property
    def session_runs(self) -> bool:
        """Whether there is a moving transport to follow."""
        return self.anchor is not None and self.anchor.running and self.clock.running

    def follow(self, anchor: Anchor) -> None:
        """Take the session's latest word."""
        self.order(lambda: self._follow(anchor))

    def _follow(self, anchor: Anchor) -> None:
        before = self.beat_of_frame(self.frame)
        ran = self.session_runs
        self.anchor = anchor
        if ran and not anchor.running:
            for player in self.players:
                if isinstance(player.schedule, SessionSchedule):
                    player.stop()
        elif ran and abs(self.beat_of_frame(self.frame) - before) > JUMP_BEATS:
            for player in self.players:
                if isinstance(player.schedule, SessionSchedule):
                    player.reschedule(player.schedule, self.frame)

    # -- playing -------------------------------------------------------------------------------

    def play(
        self,
        take_id: str,
        samples: FloatArray,
        *,
        loop: bool,
        length: float,
        session: tuple[float, float] | None,
    ) -> None:
        """Play instead of whatever plays.

        Args:
            take_id: of the take.
            samples: float32 [n, n_outputs].
            loop: repeat.
            length: frames from pass to pass.
            session: (first beat, length in beats) to keep to the session's transport, if one runs.
        """

        def begin() -> None:
            schedule: FreeSchedule | SessionSchedule = FreeSchedule(self.frame, length)
            if session is not None and self.session_runs:
                first, beats = session
                schedule = SessionSchedule(first, beats, self.frame_of_beat, self.beat_of_frame)
            for player in self.players:
                player.stop()
            self.players.append(LoopPlayer(take_id, samples, self.rate, schedule, loop=loop))

        self.order(begin)

    def add(self, take_id: str, samples: FloatArray, first: int) -> None:
        """Add `samples` once at engine frame `first`, beside what plays (clicks, sweeps)."""
        schedule = FreeSchedule(first, float(len(samples)))
        player = LoopPlayer(take_id, samples, self.rate, schedule, loop=False)
        self.order(lambda: self.players.append(player))

    def stop(self, take_id: str = "") -> None:
        """Fade one take out, or all."""

        def end() -> None:
            for player in self.players:
                if take_id in ("", player.take_id):
                    player.stop()

        self.order(end)

    # -- recording -----------------------------------------------------------------------------

    def record(self, capture_id: str, first: int, n_samples: int) -> None:
        """Record `n_samples` from input frame `first`."""
        self.order(lambda: self.recorder.begin(capture_id, first, n_samples))

    def recorded(self) -> InputRecording | None:
        """The take, once complete."""
        return self.recorder.finished()

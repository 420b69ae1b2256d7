"""Captures on the engine: when they start, what they leave on the disk.

With a running transport the player on the other side follows the same bar lines, so the take is
cut where a bar line's sound comes in: one input latency after it. Where that is, is decided once
the bar line has passed (the recorder remembers), when the clock's tempo no longer has to be
extrapolated. Without a transport, clicks count in and the human plays to what is heard: one round
trip after it was put out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.audio.files import write_stem
from stembridge.audio.loudness import peak
from stembridge.audio_io.engine import Engine
from stembridge.children.messages import Capture, Captured, Failed
from stembridge.errors import BadArgsError, CreateFailedError, NotNowError, StembridgeError
from stembridge.musical_time import beats_to_samples, beats_to_seconds

CLICK_ID = "count-in"
LEAD_S = 0.1
"""Least time between the decision and the first click or bar line, and from there to the cut."""

SAME_TEMPO = 0.005
"""A song tempo this close to the measured one is the truth behind it."""


@dataclass(frozen=True)
class _Running:
    command: Capture
    bpm: float
    start_beats: float
    waits: bool = False


class Captures:
    """One capture at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._running: _Running | None = None

    def begin(self, command: Capture) -> None:
        """Plan the capture.

        Raises:
            NotNowError: another one is under way.
            BadArgsError: the input has no such channel.
            CreateFailedError: a file of that name is there.
        """
        if self._running is not None:
            raise NotNowError("A capture is under way already. Wait for its end, or cancel it.")
        n_channels = self._engine.recorder.n_channels
        if command.channel > n_channels:
            raise BadArgsError(
                f"The input has {n_channels} channels; there is no channel {command.channel}."
            )
        if os.path.lexists(command.path):
            raise CreateFailedError(f"'{command.path}' is there already. Choose another name.")
        anchor = self._engine.anchor
        if command.follow and anchor is not None and self._engine.session_runs:
            same = abs(command.bpm / anchor.bpm - 1.0) < SAME_TEMPO
            bpm = command.bpm if same else anchor.bpm
            self._running = _Running(command, bpm, self._next_bar(command), waits=True)
        else:
            self._running = self._counted_in(command)

    def cancel(self, capture_id: str) -> None:
        """Forget the capture under way, if it is this one."""
        if self._running is not None and self._running.command.capture_id == capture_id:
            self._running = None
            self._engine.recorder.take = None
            self._engine.stop(CLICK_ID)

    def turn(self) -> Iterator[Captured | Failed]:
        """Write what is complete."""
        if self._running is not None and self._running.waits:
            self._cut(self._running)
        running = self._running
        take = self._engine.recorder.take
        if running is None or take is None or take.capture_id != running.command.capture_id:
            return
        if not take.complete:
            return
        self._engine.recorder.finished()
        self._running = None
        try:
            yield self._write(running, take.samples)
        except StembridgeError as error:
            yield Failed(take.capture_id, error.symbol, error.sentence)

    def _next_bar(self, command: Capture) -> float:
        engine = self._engine
        soon = engine.beat_of_frame(engine.frame + LEAD_S * engine.rate)
        return ceil(soon / command.beats_per_bar) * command.beats_per_bar

    def _cut(self, running: _Running) -> None:
        """Begin the recording in the past, once its bar line is a little behind."""
        engine = self._engine
        if not engine.session_runs:
            self._running = None
            raise NotNowError("The transport stopped before the capture began.")
        heard_at = engine.frame_of_beat(running.start_beats) + engine.latencies.output
        if engine.frame > heard_at + LEAD_S * engine.rate:
            self._running = replace(running, waits=False)
            first = round(heard_at + engine.latencies.input)
            self._record(running.command, first, running.bpm)

    def _counted_in(self, command: Capture) -> _Running:
        engine = self._engine
        first = engine.frame + round(LEAD_S * engine.rate)
        n_beats = round(command.count_in_bars * command.beats_per_bar)
        if n_beats:
            clicks = count_in(engine.rate, command.bpm, n_beats, command.beats_per_bar)
            engine.add(CLICK_ID, np.repeat(clicks[:, None], engine.n_outputs, axis=1), first)
        start = first + beats_to_samples(n_beats, command.bpm, engine.rate)
        self._record(command, start + round(engine.latencies.round_trip), command.bpm)
        return _Running(command, command.bpm, 0.0)

    def _record(self, command: Capture, first: int, bpm: float) -> None:
        n_samples = round(beats_to_seconds(command.length_beats, bpm) * self._engine.rate)
        self._engine.record(command.capture_id, first, n_samples)

    def _write(self, running: _Running, samples: FloatArray) -> Captured:
        command = running.command
        channel = command.channel
        if channel:
            mono = np.ascontiguousarray(samples[:, channel - 1])
        else:
            mono = samples.mean(axis=1, dtype=np.float32)
        mono = np.nan_to_num(mono, nan=0.0, posinf=0.0, neginf=0.0)
        path = free_name(Path(command.path))
        written = write_stem(path, mono, self._engine.rate, "pcm24")
        return Captured(
            command.capture_id,
            str(path),
            written.sha256,
            len(mono),
            self._engine.rate,
            running.bpm,
            running.start_beats,
            peak(mono),
        )


def free_name(path: Path) -> Path:
    """The path, or the first of "take 2.wav", "take 3.wav" … that came to be taken meanwhile."""
    numbered = (path.with_stem(f"{path.stem} {number}") for number in range(2, 1000))
    return next(one for one in (path, *numbered) if not os.path.lexists(one))


def count_in(rate: int, bpm: float, n_beats: int, beats_per_bar: float) -> FloatArray:
    """Clicks `[n]` for `n_beats`, the first of each bar higher."""
    clicks = np.zeros(beats_to_samples(n_beats, bpm, rate), np.float32)
    n = int(0.03 * rate)
    t = np.arange(n) / rate
    for beat in range(n_beats):
        hz = 1600.0 if beat % beats_per_bar == 0 else 1100.0
        click = (0.4 * np.sin(2 * np.pi * hz * t) * np.exp(-t / 0.006)).astype(np.float32)
        at = beats_to_samples(beat, bpm, rate)
        clicks[at : at + n] += click[: len(clicks) - at]
    return clicks

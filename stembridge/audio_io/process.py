"""The audio child: one engine, one device, and the patience to wait for a lost one.

A dead JACK server neither calls back nor reports an error, and closing its stream would block for
ever. So the callbacks are counted: when none comes for `STALL_S`, the child says DEVICE_LOST and
ends; its successor waits for the device to come back.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.audio.buffer import FloatArray
from stembridge.audio_io import latency
from stembridge.audio_io.captures import Captures
from stembridge.audio_io.devices import Device, Stream, channels, choose, list_devices
from stembridge.audio_io.engine import Engine, Latencies
from stembridge.audio_io.latency_memory import recall, remember
from stembridge.audio_io.loading import load_mix
from stembridge.children.loop import ChildLoop
from stembridge.children.messages import (
    Anchor,
    AudioReady,
    CancelCapture,
    Capture,
    Failed,
    LatencyMeasured,
    MeasureLatency,
    OpenAudio,
    Play,
    PlayState,
    StopPlay,
)
from stembridge.errors import BadArgsError, DeviceLostError, NotNowError, StembridgeError
from stembridge.musical_time import beats_to_seconds

STALL_S = 0.4
RETRY_S = 0.25
STATE_EVERY_S = 0.25
PROBE_ID = "latency probe"


@dataclass(frozen=True)
class _Open:
    """What belongs to one open device."""

    engine: Engine
    stream: Stream
    captures: Captures
    pair: tuple[str, str, int, int]


class AudioChild:
    """Carries out the bridge's commands on the device."""

    def __init__(self, loop: ChildLoop, roots: AllowedRoots) -> None:
        self._loop = loop
        self._roots = roots
        self._wanted: OpenAudio | None = None
        self._open: _Open | None = None
        self._anchor: Anchor | None = None
        self._next_try_s = 0.0
        self._said_waiting = False
        self._seen_frame = -1
        self._seen_s = 0.0
        self._playing = ""
        self._next_state_s = 0.0
        self._probe_at: int | None = None

    def handle(self, message: Any) -> None:
        """One command; a failure is answered, not raised."""
        about = getattr(message, "take_id", "") or getattr(message, "capture_id", "")
        try:
            self._dispatch(message)
        except StembridgeError as error:
            self._loop.send(Failed(about, error.symbol, error.sentence))

    def _dispatch(self, message: Any) -> None:
        match message:
            case OpenAudio():
                self._wanted = message
                self._next_try_s = 0.0
            case Anchor():
                self._anchor = message
                if self._open is not None:
                    self._open.engine.follow(message)
            case Play():
                self._play(self._ready().engine, message)
            case Capture():
                self._begin_capture(self._ready(), message)
            case MeasureLatency():
                self._probe(self._ready().engine)
            case _:
                self._end(message)

    def _end(self, message: Any) -> None:
        if self._open is None:
            return
        if isinstance(message, StopPlay):
            self._open.engine.stop(message.take_id)
        elif isinstance(message, CancelCapture):
            self._open.captures.cancel(message.capture_id)

    def turn(self) -> None:
        """Watch the device, report what has happened."""
        if self._open is None:
            self._try_open()
            return
        engine, now = self._open.engine, time.monotonic()
        if engine.frame != self._seen_frame:
            self._seen_frame, self._seen_s = engine.frame, now
        elif now - self._seen_s > STALL_S:
            self._lose()
        self._report_playing(engine, now)
        self._report_probe(self._open)
        for message in self._open.captures.turn():
            self._loop.send(message)

    def close(self) -> None:
        """Close the device, if it lets us."""
        if self._open is not None:
            self._open.stream.close()

    # -- the device ----------------------------------------------------------------------------

    def _ready(self) -> _Open:
        if self._open is None:
            raise DeviceLostError("No sound device is open yet.", retry_after_ms=1000)
        return self._open

    def _try_open(self) -> None:
        wanted, now = self._wanted, time.monotonic()
        if wanted is None or now < self._next_try_s:
            return
        self._next_try_s = now + RETRY_S
        try:
            devices = list_devices(rescan=True)
            output = choose(devices, wanted.output, output=True)
            if output is None:
                raise BadArgsError("An output device is needed to keep time, even for capture.")
            source = choose(devices, wanted.input, output=False)
            self._take_up(wanted, output, source)
        except DeviceLostError as error:
            if not self._said_waiting:
                self._said_waiting = True
                self._loop.send(Failed("", error.symbol, error.sentence))
        except StembridgeError:
            self._wanted = None  # waiting will not help
            raise

    def _take_up(self, wanted: OpenAudio, output: Device, source: Device | None) -> None:
        rate = wanted.rate or output.rate
        n_inputs = channels(source.n_inputs) if source else 0
        engine = Engine(rate, channels(output.n_outputs), n_inputs, Latencies(0.0, 0.0))
        stream = Stream(
            output,
            source,
            rate,
            wanted.block,
            lambda out, incoming: engine.process(out, incoming, time.monotonic()),
        )
        out_frames = stream.output_latency_s * rate
        driver_frames = out_frames + stream.input_latency_s * rate
        pair = (output.name, source.name if source else "", rate, wanted.block)
        measured = wanted.latency_frames if wanted.latency_frames >= 0 else recall(*pair)
        round_trip = driver_frames if measured is None else float(measured)
        engine.latencies = Latencies(min(out_frames, round_trip), round_trip)
        if self._anchor is not None:
            engine.follow(self._anchor)
        self._open = _Open(engine, stream, Captures(engine), pair)
        self._seen_s = time.monotonic() + 1.0
        self._said_waiting = False
        self._loop.send(
            AudioReady(
                output.name,
                source.name if source else "",
                rate,
                stream.output_latency_s,
                stream.input_latency_s,
            )
        )

    def _lose(self) -> None:
        sentence = "The sound device stopped; it is taken up again as soon as it is back."
        if self._playing:
            self._loop.send(PlayState(self._playing, "stopped", 0.0))
        self._loop.send(Failed("", DeviceLostError.symbol, sentence))
        os._exit(4)  # closing the stream could block for ever

    # -- playing -------------------------------------------------------------------------------

    def _play(self, engine: Engine, command: Play) -> None:
        samples = load_mix(
            command.files,
            engine.rate,
            engine.n_outputs,
            self._roots,
            gain_db=command.gain_db,
            match=command.match,
        )
        length, session = float(len(samples)), None
        if command.bpm > 0 and command.length_beats > 0:
            length = beats_to_seconds(command.length_beats, command.bpm) * engine.rate
            if command.follow:
                session = (command.start_beats, command.length_beats)
        engine.play(command.take_id, samples, loop=command.loop, length=length, session=session)
        if self._playing and self._playing != command.take_id:
            self._loop.send(PlayState(self._playing, "stopped", 0.0))
        self._playing = command.take_id
        self._next_state_s = 0.0

    def _report_playing(self, engine: Engine, now: float) -> None:
        if not self._playing or now < self._next_state_s:
            return
        self._next_state_s = now + STATE_EVERY_S
        players = [p for p in list(engine.players) if p.take_id == self._playing]
        if players:
            position = players[-1].position(engine.frame) / engine.rate
            self._loop.send(PlayState(self._playing, "playing", position))
        elif engine.idle:
            self._loop.send(PlayState(self._playing, "ended", 0.0))
            self._playing = ""

    # -- capture and latency -------------------------------------------------------------------

    def _begin_capture(self, open_: _Open, command: Capture) -> None:
        if not open_.stream.n_inputs:
            raise NotNowError("No input device is open; name one with --input.")
        open_.captures.begin(command)

    def _probe(self, engine: Engine) -> None:
        if engine.recorder.take is not None:
            raise NotNowError("A capture is under way; measure the latency after it.")
        probe = latency.sweep(engine.rate)
        both: FloatArray = np.repeat(probe[:, None], engine.n_outputs, axis=1)
        first = engine.frame + engine.rate // 10
        engine.add(PROBE_ID, both, first)
        engine.record(PROBE_ID, first, int(latency.LONGEST_S * engine.rate))
        self._probe_at = first

    def _report_probe(self, open_: _Open) -> None:
        engine = open_.engine
        take = engine.recorder.take
        if self._probe_at is None or take is None or not take.complete:
            return
        self._probe_at = None
        engine.recorder.finished()
        heard = take.samples.mean(axis=1, dtype=np.float32)
        delay, clarity = latency.find(heard, latency.sweep(engine.rate))
        if clarity >= latency.CLEAR:
            engine.latencies = Latencies(min(engine.latencies.output, delay), delay)
            remember(*open_.pair, round(delay))
        self._loop.send(LatencyMeasured(round(delay), engine.rate, clarity))

"""The MIDI child: ports, transport, pads, chords and lamps in one loop.

rtmidi calls back on a thread of its own; the moment of arrival is taken there and everything else
happens in the loop.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any

from stembridge.children.loop import ChildLoop
from stembridge.children.messages import (
    Anchor,
    ChordsPlayed,
    ClearChords,
    Failed,
    MidiHeard,
    MidiPorts,
    PadPressed,
    ShowState,
    WatchMidi,
)
from stembridge.errors import DeviceLostError, NotNowError, StembridgeError
from stembridge.midi.chord_recorder import ChordRecorder
from stembridge.midi.mapping import MidiMapping
from stembridge.midi.ports import Ports
from stembridge.midi.transport import Transport

LOOK_EVERY_S = 0.5
ANCHOR_EVERY_S = 0.25
NOTE_ON, NOTE_OFF = 0x90, 0x80
CLOCK = 0xF8
TWO_CLOCKS = (
    "Two MIDI clocks arrive at once, so the tempo cannot be told. Let only one program or device "
    "send clock to this port."
)


@dataclass(frozen=True)
class _Arrived:
    at_s: float
    data: tuple[int, ...]


class MidiChild:
    """Carries MIDI to the bridge and lights back."""

    def __init__(self, loop: ChildLoop, mapping: MidiMapping) -> None:
        self._loop = loop
        self._mapping = mapping
        self._transport = Transport()
        self._chords = ChordRecorder(mapping.time_signature.beats_per_bar, mapping.chord_channel)
        self._ports: Ports | None = None
        self._watching = False
        self._next_look_s = 0.0
        self._next_anchor_s = 0.0
        self._said_lost = False
        self._said_two = False
        self._anchor: Anchor | None = None
        self._lights: dict[tuple[int, int], tuple[int, ...]] = {}

    def handle(self, item: Any) -> None:
        """A MIDI message from the port, or a command from the bridge."""
        match item:
            case _Arrived():
                self._heard(item)
            case WatchMidi():
                self._watching = item.on
            case ClearChords():
                self._chords.clear()
            case ShowState():
                self._show(item)

    def turn(self) -> None:
        """Look after ports; report tempo and chords."""
        now = time.monotonic()
        if now >= self._next_look_s:
            self._next_look_s = now + LOOK_EVERY_S
            self._look()
        if now >= self._next_anchor_s:
            self._report_anchor(now)
        progression = self._chords.turn(now, self._anchor)
        if progression is not None:
            self._loop.send(ChordsPlayed(progression))

    def close(self) -> None:
        """Leave the MIDI system."""
        if self._ports is not None:
            self._ports.close()

    # -- ports ---------------------------------------------------------------------------------

    def _look(self) -> None:
        if self._ports is not None:
            try:
                changed = self._ports.look_after()
            except DeviceLostError as error:
                self._loop.send(Failed("", error.symbol, error.sentence))
                os._exit(4)  # a client of a dead server is of no use; the next child starts afresh
        else:
            changed = self._open()
        if changed and self._ports is not None:
            self._loop.send(MidiPorts(self._ports.input, self._ports.output))
            for data in self._lights.values():
                self._ports.send(data)

    def _open(self) -> bool:
        wanted = self._mapping
        try:
            self._ports = Ports(wanted.api, wanted.input, wanted.output, self._arrived)
        except StembridgeError as error:
            if not self._said_lost:
                self._said_lost = True
                self._loop.send(Failed("", error.symbol, error.sentence))
            return False
        self._said_lost = False
        return True

    def _arrived(self, data: list[int]) -> None:
        self._loop.wake(_Arrived(time.monotonic(), tuple(data)))

    # -- what comes in -------------------------------------------------------------------------

    def _heard(self, item: _Arrived) -> None:
        data = item.data
        if self._transport.message(data, item.at_s):
            if data[0] != CLOCK:
                self._next_anchor_s = 0.0
            if self._mapping.thru and self._ports is not None:
                self._ports.send(data)
        if self._watching and data != (CLOCK,):
            self._loop.send(MidiHeard(item.at_s, data))
        pad = self._mapping.pad(data)
        if pad is not None:
            self._loop.send(PadPressed(pad.action, pad.stem, item.at_s))
        elif not self._is_pad(data):
            self._chords.keyboard.message(data, item.at_s)

    def _is_pad(self, data: tuple[int, ...]) -> bool:
        """Whether this is the release of a pad, which plays no chord either."""
        on = (NOTE_ON | data[0] & 15, *data[1:2], 1)
        return data[0] & 0xF0 in (NOTE_ON, NOTE_OFF) and self._mapping.pad(on) is not None

    def _report_anchor(self, now: float) -> None:
        anchor = self._transport.anchor(now)
        self._next_anchor_s = now + ANCHOR_EVERY_S
        if anchor is None and self._anchor is not None:
            anchor_lost = self._anchor
            self._loop.send(
                Anchor(now, anchor_lost.beat, anchor_lost.bpm, False, "", settled=False)
            )
        elif anchor is not None:
            self._loop.send(anchor)
        self._anchor = anchor
        two = self._transport.two_clocks
        if two and not self._said_two:
            self._loop.send(Failed("clock", NotNowError.symbol, TWO_CLOCKS))
        self._said_two = two

    # -- what goes out -------------------------------------------------------------------------

    def _show(self, state: ShowState) -> None:
        for data in self._mapping.lights(state.state, state.stem, state.fraction):
            self._lights[data[0], data[1]] = data
            if self._ports is not None:
                self._ports.send(data)

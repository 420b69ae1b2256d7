"""What a pad press means: the next request, the next take. No sockets, no devices, no clocks."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import ceil
from typing import Any

from stembridge.bridge.takes import FinishedTake
from stembridge.children.messages import Anchor
from stembridge.errors import NotNowError
from stembridge.midi.mapping import MidiMapping

DEFAULT_BPM = 120.0
DEFAULT_BARS = 8.0
MAX_TAKES = 64
LINK_AND_CLOCK = (
    "MIDI clock and Ableton Link both tell a tempo. Link is followed; stop one of the two if that "
    "is not what you want."
)


CRYSTAL = 5e-5
"""Two computers' clocks may differ by this share, so a tempo is no better known than that."""

SIGMAS = 3.0


def song_tempo(measured_bpm: float, rms_bpm: float = 0.0) -> float:
    """The tempo the producer set: the roundest number that the measurement allows.

    Args:
        measured_bpm: as the clock was heard.
        rms_bpm: how uncertain that is; a steady clock deserves decimals.
    """
    tolerance = max(SIGMAS * rms_bpm, CRYSTAL * measured_bpm)
    candidates = (round(measured_bpm, digits) for digits in range(4))
    return next((bpm for bpm in candidates if abs(measured_bpm - bpm) <= tolerance), measured_bpm)


def link_tempo(bpm: float) -> float:
    """The tempo as it was typed: Link sends a beat's length in whole microseconds."""
    micros = round(60e6 / bpm)
    candidates = (round(bpm, digits) for digits in range(6))
    return next((typed for typed in candidates if round(60e6 / typed) == micros), bpm)


class PadSession:
    """What the bridge remembers between pads.

    Attributes:
        takes: finished takes, oldest first.
        context: stem -> file that later requests get as context.
        chords: progression played, "" for none.
        anchor: where the transport is, if there is one.
        last: keys of the latest request.
    """

    def __init__(self, mapping: MidiMapping, seed: Callable[[], int] | None = None) -> None:
        self._mapping = mapping
        self._seed = seed or (lambda: time.time_ns() % 2**31)
        self.takes: list[FinishedTake] = []
        self.context: dict[str, str] = {}
        self.chords = ""
        self.anchor: Anchor | None = None
        self.last: dict[str, Any] | None = None
        self._current = -1

    # -- requests ------------------------------------------------------------------------------

    @property
    def bpm(self) -> float:
        """Tempo of the next request: the clock's, else the file's, else 120."""
        if self.anchor is not None and self.anchor.source and self.anchor.settled:
            linked = self.anchor.source == "link"
            bpm, rms_bpm = self.anchor.bpm, self.anchor.rms_bpm
            return link_tempo(bpm) if linked else song_tempo(bpm, rms_bpm)
        return float(dict(self._mapping.request).get("bpm", DEFAULT_BPM))

    @property
    def bars(self) -> float:
        """Length of the next request."""
        return float(dict(self._mapping.request).get("bars", DEFAULT_BARS))

    def generate(self, stem: str) -> dict[str, Any]:
        """Keys of a request for one stem, to the others as context."""
        keys: dict[str, Any] = {
            "bars": self.bars,
            "time_signature": str(self._mapping.time_signature),
            "seed": self._seed(),
        }
        keys |= dict(self._mapping.request)
        keys |= {"generate": stem, "bpm": str(self.bpm)}
        if self.anchor is not None and self.anchor.running:
            bar = self._mapping.time_signature.beats_per_bar
            keys["start_beats"] = ceil(self.anchor.beat / bar) * bar
        if self.chords:
            keys["chords"] = self._fitting_chords()
        keys |= {f"context.{name}": path for name, path in self.context.items() if name != stem}
        self.last = keys
        return keys

    def reroll(self) -> dict[str, Any]:
        """The last request with the next seed.

        Raises:
            NotNowError: there has been none.
        """
        if self.last is None:
            raise NotNowError("Nothing has been generated yet that could be rolled again.")
        self.last = self.last | {"seed": (int(self.last["seed"]) + 1) % 2**31}
        return self.last

    def _fitting_chords(self) -> str:
        """The latest chords that fit into the request's length."""
        words = self.chords.split()
        if "@" not in self.chords:
            return " ".join(words[-max(1, ceil(self.bars)) :])
        length = self.bars * self._mapping.time_signature.beats_per_bar
        return " ".join(word for word in words if float(word.rpartition("@")[2]) < length)

    # -- takes ---------------------------------------------------------------------------------

    def add_takes(self, takes: list[FinishedTake]) -> None:
        """New takes; the first of them is the current one."""
        self._current = len(self.takes)
        self.takes += takes
        surplus = max(0, len(self.takes) - MAX_TAKES)
        del self.takes[:surplus]
        self._current = max(0, self._current - surplus)

    def current(self) -> FinishedTake:
        """The take that plays or played last.

        Raises:
            NotNowError: there is none yet.
        """
        if not self.takes:
            raise NotNowError("There is no take to play yet.")
        return self.takes[self._current]

    def step(self, by: int) -> FinishedTake:
        """The take `by` places on, round and round."""
        self.current()
        self._current = (self._current + by) % len(self.takes)
        return self.takes[self._current]

    async def keep_current(self) -> None:
        """Make the current take's stems context for what comes next.

        Raises:
            NotNowError: there is none yet.
        """
        self.context |= dict(self.current().files)

"""A job as a client sees it: messages in any order and number in, ordered events out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stembridge.errors import StembridgeError, error_from
from stembridge.wire.protocol import Call


@dataclass(frozen=True)
class Progress:
    """How far a job is: `fraction` 0 to 1 of the whole."""

    stage: str
    fraction: float


@dataclass(frozen=True)
class Stem:
    """A finished file: `frames` samples at `rate` Hz; `verdict` is JSON."""

    stem: str
    variation: int
    path: str
    sha256: str
    frames: int
    rate: int
    verdict: str

    @property
    def midi(self) -> str | None:
        """Its notes as a MIDI file, where they were asked for."""
        name = json.loads(self.verdict).get("midi")
        return None if name is None else str(Path(self.path).with_name(name))

    @property
    def take_midi(self) -> str | None:
        """The notes of the whole take as a MIDI file with a track for each stem, likewise."""
        name = json.loads(self.verdict).get("take_midi")
        return None if name is None else str(Path(self.path).with_name(name))

    @property
    def said(self) -> list[str]:
        """What it was made of, and what a musician should know of it, in words."""
        verdict = json.loads(self.verdict)
        return [*verdict.get("made", []), *verdict.get("warnings", [])]


@dataclass(frozen=True)
class Done:
    """The whole take: its folder and the receipt that reproduces it."""

    folder: str
    receipt: str


JobEvent = Progress | Stem | Done


@dataclass
class Job:
    """A job as its client sees it: iterate its events, or `wait` for its stems."""

    request_id: str
    asked: tuple[Any, ...] = ()
    stems: dict[tuple[str, int], Stem] = field(default_factory=dict)
    error: StembridgeError | None = None
    is_accepted: bool = False
    is_over: bool = False
    _seq: int = 0
    _events: asyncio.Queue[JobEvent | StembridgeError] = field(default_factory=asyncio.Queue)

    async def events(self) -> AsyncIterator[JobEvent]:
        """Everything that happens, up to and with `Done`.

        Raises:
            StembridgeError: the job failed or was cancelled.
        """
        while True:
            event = await self.next_event()
            yield event
            if isinstance(event, Done):
                return

    async def next_event(self) -> JobEvent:
        """What happens next. Raises like `events`."""
        event = await self._events.get()
        if isinstance(event, StembridgeError):
            raise event
        return event

    async def wait(self) -> list[Stem]:
        """Wait for the end; the files, in the order they were finished. Raises like `events`."""
        if not self.is_over:
            async for _event in self.events():
                pass
        if self.error is not None:
            raise self.error
        return list(self.stems.values())

    def hear(self, call: Call) -> bool:
        """Take a message about this job. Returns whether the final answer is complete."""
        kind, args = call.row.address.rpartition("/")[2], call.args
        if kind == "stem":
            self._stem(args)
        elif kind == "progress" and args["seq"] > self._seq and not self.is_over:
            self._seq = args["seq"]
            self._events.put_nowait(Progress(args["stage"], args["fraction"]))
        elif kind == "done" and len(self.stems) >= args["stems"]:
            self.end(Done(args["folder"], args["receipt"]))
        elif kind == "error":
            self.end(error_from(args["symbol"], args["sentence"], args["retry_after_ms"]))
        return self.is_over and kind in {"done", "error"}

    def _stem(self, args: dict[str, Any]) -> None:
        stem = Stem(**{name: args[name] for name in Stem.__dataclass_fields__})
        if self.stems.get((stem.stem, stem.variation)) != stem:
            self.stems[stem.stem, stem.variation] = stem
            self._events.put_nowait(stem)

    def end(self, event: Done | StembridgeError) -> None:
        """The job is over, one way or the other."""
        if not self.is_over:
            self.is_over = True
            self.error = event if isinstance(event, StembridgeError) else None
            self._events.put_nowait(event)

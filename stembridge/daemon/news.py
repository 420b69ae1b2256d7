"""What happens in the daemon, for whoever serves clients: each door subscribes and says it its way.

The OSC door (`outbox`) makes messages of it. Another door, a page or a socket, would be one more
subscriber; journal, runner and executor would not notice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from stembridge.daemon.jobs import JobRow
from stembridge.daemon.records import FileRecord, ModelFacts

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progressed:
    """A job is so far: `fraction` 0 to 1 of all; `seq` grows with all news of a job."""

    job: JobRow
    seq: int
    stage: str
    fraction: float


@dataclass(frozen=True)
class FileMade:
    """A file of a job is complete and in the journal; its record as there."""

    job: JobRow
    seq: int
    record: FileRecord


@dataclass(frozen=True)
class Ended:
    """A job has its final answer, and the journal has it."""

    job: JobRow


@dataclass(frozen=True)
class ModelReady:
    """A worker has loaded its model; `facts` as `worker` tells them."""

    facts: ModelFacts


@dataclass(frozen=True)
class Noted:
    """Something a human may want to read; priority 0 (least) to 3."""

    priority: int
    sentence: str


Item = Progressed | FileMade | Ended | ModelReady | Noted
Listener = Callable[[Item], None]


class Newsroom:
    """Hands every item to every subscriber, in the order in which they subscribed."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> None:
        """Tell this one too from now on."""
        self._listeners.append(listener)

    def tell(self, item: Item) -> None:
        """Tell everybody; who fails spoils it neither for the others nor for the teller."""
        for listener in self._listeners:
            try:
                listener(item)
            except Exception:  # noqa: BLE001 - a door's trouble is its own
                _log.exception("telling of %s", type(item).__name__)

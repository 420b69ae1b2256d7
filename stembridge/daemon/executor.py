"""Who runs jobs, as the daemon sees it: something with a capacity that tells what happens.

`Executor` is all that journal, queue and protocol know. Behind it stand one supervised worker
(`supervisor`), or a pool of them, on this machine or on a cluster's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Kind = Literal["ready", "progress", "stem", "done", "failed", "lost", "unusable", "broken"]
State = Literal["loading", "ready", "working", "failed"]


@dataclass(frozen=True)
class WorkerEvent:
    """News from the executor. `request_id` is empty where no job is meant.

    *broken*: the executor itself has failed and runs nothing any more.
    """

    kind: Kind
    request_id: str
    body: dict[str, Any] = field(default_factory=dict)


OnWorkerEvent = Callable[[WorkerEvent], None]


class Executor(Protocol):
    """Runs up to `capacity` jobs at once and tells what happens to them."""

    @property
    def state(self) -> State:
        """What it is doing: *ready* while it takes a job, else the best of its workers' states."""
        ...

    @property
    def capacity(self) -> int:
        """How many jobs it runs at once when every worker is well."""
        ...

    @property
    def free(self) -> int:
        """How many jobs it takes now."""
        ...

    @property
    def pids(self) -> list[int]:
        """Process ids of the living workers, as their machines count them."""
        ...

    def start(self) -> None:
        """Begin to load; a *ready* event of each worker follows."""
        ...

    def submit(self, request_id: str, request: dict[str, Any], out: str) -> None:
        """Run a job while `free` is not 0; ends in exactly one of *done*, *failed*, *lost*."""
        ...

    def cancel(self, request_id: str) -> None:
        """Ask the job to stop at its next network call."""
        ...

    async def close(self) -> None:
        """Stop everything."""
        ...


class Pool:
    """Several executors as one: a job goes to the first that is free and stays there."""

    def __init__(self, members: Sequence[Executor]) -> None:
        self.members = tuple(members)

    @property
    def state(self) -> State:
        """The most useful state among the members'."""
        states = {member.state for member in self.members}
        order: tuple[State, ...] = ("ready", "working", "loading", "failed")
        return next(state for state in order if state in states)

    @property
    def capacity(self) -> int:
        """Of all members together."""
        return sum(member.capacity for member in self.members)

    @property
    def free(self) -> int:
        """Of all members together."""
        return sum(member.free for member in self.members)

    @property
    def pids(self) -> list[int]:
        """Of all members."""
        return [pid for member in self.members for pid in member.pids]

    def start(self) -> None:
        """Start every member."""
        for member in self.members:
            member.start()

    def submit(self, request_id: str, request: dict[str, Any], out: str) -> None:
        """Hand a job to a member that is free."""
        next(member for member in self.members if member.free).submit(request_id, request, out)

    def cancel(self, request_id: str) -> None:
        """Tell the members; who does not run it does nothing."""
        for member in self.members:
            member.cancel(request_id)

    async def close(self) -> None:
        """Close all members at once."""
        await asyncio.gather(*(member.close() for member in self.members))

"""Requests from pads, from the press to the take, and the lamps that show how far they are."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from stembridge.bridge.session import PadSession
from stembridge.bridge.takes import takes_of
from stembridge.children.messages import ClearChords, ShowState
from stembridge.client import AsyncClient, Done, Job, Progress
from stembridge.errors import CancelledError, StembridgeError


class PadJobs:
    """Jobs that pads have started."""

    def __init__(
        self,
        client: AsyncClient,
        session: PadSession,
        to_midi: Callable[[object], None],
        run: Callable[[str, Coroutine[Any, Any, None]], None],
    ) -> None:
        """Prepare.

        Args:
            client: of the daemon.
            session: takes the finished takes.
            to_midi: hands a message to the MIDI child.
            run: runs a coroutine on behalf of a job, reporting what it raises.
        """
        self._client = client
        self._session = session
        self._to_midi = to_midi
        self._run = run
        self._open: dict[str, Job] = {}

    async def ask(self, keys: dict[str, Any]) -> None:
        """Send a request and follow it.

        Raises:
            StembridgeError: the daemon refuses it.
        """
        stem = str(keys["generate"])
        self._to_midi(ShowState("queued", stem, 0.0))
        try:
            job = await self._client.generate(**keys)
        except StembridgeError:
            self._to_midi(ShowState("failed", stem, 0.0))
            raise
        self._open[job.request_id] = job
        self._to_midi(ClearChords())
        self._run(job.request_id, self._follow(job, stem))

    async def cancel_all(self) -> None:
        """Take back everything that has not ended."""
        for request_id in list(self._open):
            await self._client.cancel(request_id)

    async def _follow(self, job: Job, stem: str) -> None:
        state = "failed"
        try:
            async for event in job.events():
                if isinstance(event, Progress):
                    self._to_midi(ShowState("working", stem, event.fraction))
                elif isinstance(event, Done):
                    takes = takes_of(job.request_id, list(job.stems.values()), event)
                    self._session.add_takes(takes)
                    state = "done"
        except CancelledError:
            state = "idle"
        finally:
            del self._open[job.request_id]
            self._to_midi(ShowState(state, stem, float(state == "done")))

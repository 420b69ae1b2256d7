"""The plain client: `AsyncClient` on a loop of its own, in a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from stembridge.client.asynchronous import AsyncClient
from stembridge.client.job import Done, Job, JobEvent, Stem
from stembridge.wire import osc
from stembridge.wire.schema import DEFAULT_PORT

_T = TypeVar("_T")


class PlainJob:
    """A job: iterate `events`, or `wait` for its files."""

    def __init__(self, client: Client, job: Job) -> None:
        self._client = client
        self._job = job

    @property
    def request_id(self) -> str:
        """The job's id."""
        return self._job.request_id

    def events(self) -> Iterator[JobEvent]:
        """Everything that happens, up to and with `Done`; raises if the job fails."""
        while True:
            event = self._client.run(self._job.next_event())
            yield event
            if isinstance(event, Done):
                return

    def wait(self, timeout_s: float | None = None) -> list[Stem]:
        """Wait for the end; the files.

        Raises:
            TimeoutError: it did not come in time; the job goes on.
            StembridgeError: the job failed or was cancelled.
        """
        return self._client.run(self._job.wait(), timeout_s)

    def cancel(self) -> str:
        """Take the job back; returns its state."""
        return self._client.run(self._client.asynchronous.cancel(self.request_id))


class Client:
    """One client of one daemon; see `AsyncClient`, whose arguments it takes."""

    def __init__(self, host: str = "127.0.0.1", port: int = DEFAULT_PORT, **options: Any) -> None:
        """Connect.

        Raises:
            NotNowError: nobody answers.
        """
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.asynchronous = AsyncClient(host, port, **options)
        try:
            self.run(self.asynchronous.connect())
        except BaseException:
            self._end_loop()
            raise

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave; jobs go on in the daemon."""
        self.run(self.asynchronous.close())
        self._end_loop()

    def generate(
        self,
        *,
        context: Mapping[str, str] | None = None,
        clips: Sequence[Mapping[str, osc.Value]] = (),
        request_id: str = "",
        **keys: osc.Value,
    ) -> PlainJob:
        """Ask for stems; see `AsyncClient.generate`."""
        asked = self.asynchronous.generate(
            context=context, clips=clips, request_id=request_id, **keys
        )
        return PlainJob(self, self.run(asked))

    def rework(self, parent: str, *, request_id: str = "", **keys: osc.Value) -> PlainJob:
        """Ask for a new take of a finished one; see `AsyncClient.rework`."""
        asked = self.asynchronous.rework(parent, request_id=request_id, **keys)
        return PlainJob(self, self.run(asked))

    def separate(self, mix: str, *, request_id: str = "", **keys: osc.Value) -> PlainJob:
        """Take a mix apart; see `AsyncClient.separate`."""
        asked = self.asynchronous.separate(mix, request_id=request_id, **keys)
        return PlainJob(self, self.run(asked))

    def status(self, request_id: str) -> str:
        """The state of a job."""
        return self.run(self.asynchronous.status(request_id))

    def model(self) -> dict[str, Any]:
        """What the loaded model can make; waits while it loads."""
        return self.run(self.asynchronous.model())

    def sync(self) -> None:
        """Wait until every job accepted before has ended."""
        self.run(self.asynchronous.sync())

    def ping(self) -> dict[str, Any]:
        """The daemon's pong."""
        return self.run(self.asynchronous.ping())

    def run(self, coroutine: Coroutine[Any, Any, _T], timeout_s: float | None = None) -> _T:
        """Run a coroutine of the asynchronous client to its end."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(timeout_s)
        except TimeoutError:
            future.cancel()
            raise

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

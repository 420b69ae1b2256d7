"""The asynchronous client: one UDP socket, patience, and an order for what comes back."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stembridge.client.answers import error_in, is_address, news_of, state_of
from stembridge.client.asking import Asking
from stembridge.client.job import Job
from stembridge.errors import (
    IdConflictError,
    NotNowError,
    StembridgeError,
    TimedOutError,
    UnknownIdError,
)
from stembridge.wire import osc, protocol
from stembridge.wire.protocol import Call
from stembridge.wire.schema import API_MAJOR, API_MINOR, DEFAULT_PORT

_FIRST_REPEAT_S, _LAST_REPEAT_S = 0.1, 1.0
_PASSING = frozenset({"BAD_ARGS", "NOT_NOW"})
"""Told with a time to retry: clips were lost on the way; our own earlier life still counts."""
_ASKING = frozenset(f"/stembridge/{verb}" for verb in ("generate", "rework", "separate"))
_PING_S = 1.0
MAX_ENDED = 256
"""Ended jobs that are remembered, so that a repeated answer is acknowledged once more."""
_STATUS_EVERY = 5


class AsyncClient(Asking):
    """One client of one daemon, on the running asyncio loop."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        *,
        client_id: str = "",
        capabilities: str = "",
        timeout_s: float = 5.0,
        token: str = "",
        on_message: Callable[[Call], None] = lambda _call: None,
    ) -> None:
        """Prepare; `connect` (or `async with`) opens the socket.

        Args:
            host: the daemon's address.
            port: its port.
            client_id: kept over restarts of a program, it finds its jobs again.
            capabilities: such as ":message:".
            timeout_s: patience for one answer.
            token: of a daemon on another machine (default: STEMBRIDGE_TOKEN in the environment).
            on_message: sees every message from the daemon.
        """
        self.client_id = client_id or f"python-{uuid.uuid4().hex[:12]}"
        self.boot_id = self.out_folder = ""
        self.jobs: dict[str, Job] = {}
        self._peer = (host, port)
        self._capabilities = capabilities
        self._timeout_s = timeout_s
        self._token = token or os.environ.get("STEMBRIDGE_TOKEN", "")
        self._on_message = on_message
        self._waiters: list[tuple[Callable[[Call], bool], asyncio.Future[Call]]] = []
        self._lease: asyncio.Task[None] | None = None
        self._n = 0
        self._transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> AsyncClient:
        await self.connect()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def connect(self) -> None:
        """Open the socket, say hello, keep the lease from now on.

        Raises:
            NotNowError: nobody answers.
            IncompatibleApiError: the daemon speaks another major version.
        """
        self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Socket(self._hear), remote_addr=self._peer
        )
        try:
            await self._hello()
        except TimedOutError:
            await self.close()
            raise NotNowError(
                f"No stembridge daemon answers at {self._peer[0]}:{self._peer[1]}; start one with "
                "`stembridge serve`."
            ) from None
        self._lease = asyncio.create_task(self._keep_lease())

    async def close(self) -> None:
        """Leave; jobs go on in the daemon."""
        if self._lease is not None:
            self._lease.cancel()
            await asyncio.gather(self._lease, return_exceptions=True)
        if self._transport is not None:
            if self.boot_id:
                self.send("goodbye", self.client_id)
            self._transport.close()

    async def _begin(
        self,
        verb: str,
        request_id: str,
        pairs: Mapping[str, osc.Value],
        clips: Sequence[Mapping[str, osc.Value]] = (),
    ) -> Job:
        known, asked = self.jobs.get(request_id), (verb, dict(pairs), list(clips))
        # The daemon knows it, too, but its repeats about the job may come before it says so.
        if known is not None and known.asked != asked:
            raise IdConflictError.of(request_id)
        # Asked again while it is open, it stays the same job: whoever waits for it is told.
        again = known is not None and not known.is_over
        job = known if known is not None and again else Job(request_id or str(uuid.uuid4()), asked)
        ended = [old_id for old_id, old in self.jobs.items() if old.is_over]
        for old_id in ended[: 1 - MAX_ENDED]:
            del self.jobs[old_id]
        self.jobs[job.request_id] = job
        head = (job.request_id, self.client_id)

        def send() -> None:
            for index, clip in enumerate(clips):
                self.send("clip", *head, index, *itertools.chain(*clip.items()))
            self.send(verb, *head, *itertools.chain(*pairs.items()))

        try:
            await self._repeat(send, news_of(job.request_id))
        except StembridgeError:
            # Accepted between two repeats, while nobody waited: what came next is the job's end.
            if again or not job.is_accepted:
                if not again:
                    del self.jobs[job.request_id]
                raise
        job.is_accepted = True
        return job

    async def status(self, request_id: str) -> str:
        """The state of a job; "unknown" if the daemon does not know the id."""
        return str((await self.ask("status", (request_id,), state_of(request_id))).args["state"])

    async def cancel(self, request_id: str) -> str:
        """Take a job back; returns its state (it may be over already)."""
        return str((await self.ask("cancel", (request_id,), state_of(request_id))).args["state"])

    async def sync(self) -> None:
        """Wait until every job accepted before has ended."""
        token = uuid.uuid4().hex

        def wanted(call: Call) -> bool:
            return call.row.address == "/stembridge/synced" and call.args["token"] == token

        while True:
            with contextlib.suppress(TimedOutError):
                await self.ask("sync", (token,), wanted)
                return

    async def model(self) -> dict[str, Any]:
        """What the loaded model can make; waits while it loads."""
        while True:
            try:
                values = (self.client_id,)
                return (await self.ask("model", values, is_address("model.info"))).args
            except NotNowError as error:
                await asyncio.sleep(error.retry_after_ms / 1000)

    async def ping(self) -> dict[str, Any]:
        """The daemon's pong."""
        self._n += 1
        n = self._n

        def wanted(call: Call) -> bool:
            return call.row.address == "/stembridge/pong" and call.args["n"] == n

        return (await self.ask("ping", (self.client_id, n), wanted)).args

    async def ask(
        self, verb: str, values: tuple[osc.Value, ...], wanted: Callable[[Call], bool]
    ) -> Call:
        """Send a message until its answer comes.

        Raises:
            TimedOutError: it does not come.
            StembridgeError: the answer is an error about this message.
        """
        address = f"/stembridge/{verb}"

        def concerns(call: Call) -> bool:
            return wanted(call) or call.args.get("address") == address

        return await self._repeat(lambda: self.send(verb, *values), concerns)

    def send(self, verb: str, *values: osc.Value) -> None:
        """Send one message once.

        Raises:
            BadArgsError: a text is longer than the wire takes, or the whole message is.
        """
        datagram = protocol.pack_call(f"/stembridge/{verb}", *values, token=self._token)
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(datagram)

    async def _repeat(self, send: Callable[[], None], wanted: Callable[[Call], bool]) -> Call:
        """Send, again and again with growing pauses, until a wanted message comes."""
        loop = asyncio.get_running_loop()
        until_s, pause_s = loop.time() + self._timeout_s, _FIRST_REPEAT_S
        while True:
            waiter = wanted, loop.create_future()
            self._waiters.append(waiter)
            send()
            try:
                # Not `wait_for`: Python 3.11's forgets a cancel that comes with the answer.
                async with asyncio.timeout(pause_s):
                    call: Call = await waiter[1]
            except TimeoutError:
                if loop.time() > until_s:
                    raise TimedOutError("The daemon did not answer.") from None
                pause_s = min(2 * pause_s, _LAST_REPEAT_S)
                continue
            finally:
                self._waiters.remove(waiter)
            error = error_in(call)
            if error is None:
                return call
            wait_s = error.retry_after_ms / 1000
            if error.symbol not in _PASSING or not wait_s or loop.time() + wait_s > until_s:
                raise error
            await asyncio.sleep(wait_s)

    async def _hello(self) -> None:
        values = (self.client_id, 0, API_MAJOR, API_MINOR, self._capabilities)
        welcome = await self.ask("hello", values, is_address("welcome"))
        self.boot_id = welcome.args["boot_id"]
        self.out_folder = welcome.args["out_folder"]

    async def _keep_lease(self) -> None:
        """Ping; after a restart of the daemon, and now and then, ask for the open jobs."""
        for count in itertools.count():
            await asyncio.sleep(_PING_S)
            with contextlib.suppress(StembridgeError):
                restarted = (await self.ping())["boot_id"] != self.boot_id
                if restarted:
                    await self._hello()
                if restarted or count % _STATUS_EVERY == 0:
                    await self._begin_open_jobs()

    async def _begin_open_jobs(self) -> None:
        for job in [job for job in self.jobs.values() if job.is_accepted and not job.is_over]:
            if await self.status(job.request_id) == "unknown":
                job.end(UnknownIdError("The daemon does not know this job any more."))

    def _hear(self, datagram: bytes) -> None:
        try:
            calls = [protocol.bind(message) for message in osc.parse(datagram)]
        except StembridgeError:
            return
        for call in calls:
            self._on_message(call)
            self._hear_about_job(call)
            for wanted, future in list(self._waiters):
                if wanted(call) and not future.done():
                    future.set_result(call)

    def _hear_about_job(self, call: Call) -> None:
        request_id = call.args.get("request_id", "")
        job = self.jobs.get(request_id)
        if job is not None and call.row.address == "/stembridge/accepted":
            job.is_accepted = True
        is_error = call.row.address == "/stembridge/error"
        is_final = is_error and call.args["address"] in _ASKING
        if is_error and (not is_final or call.args["retry_after_ms"]):
            return
        if job is not None and job.hear(call):
            self.send("received", request_id)


class _Socket(asyncio.DatagramProtocol):
    def __init__(self, hear: Callable[[bytes], None]) -> None:
        self._hear = hear

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._hear(data)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there (yet): the repeats go on."""

"""Answers: who gets them, and the patience to repeat the final ones.

UDP loses datagrams (a bare receive loop lost none at 10,000 a second and 82 % at full blast), so a
final answer is sent again after 0.25, 0.5, 1, 2, 4 … s until the client says `received` or has been
silent for a lease. Nothing is lost then either: the journal still owes it, and the client's next
hello brings it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from stembridge.daemon.jobs import Job, Journal, JournalError
from stembridge.wire import osc, protocol

Address = tuple[str, int]
Send = Callable[[bytes, Address], None]

MAX_SESSIONS = 1024
MAX_OWED_AT_ONCE = 16
_FIRST_RESEND_S, _LAST_RESEND_S = 0.25, 32.0


@dataclass
class Session:
    """A client that said hello. Times are monotonic: a wrong wall clock changes no lease."""

    address: Address
    capabilities: frozenset[str]
    seen_s: float = field(default_factory=time.monotonic)


class Sessions:
    """The clients, by id and by the socket they send from."""

    def __init__(self, lease_s: float) -> None:
        self.lease_s = lease_s
        self._by_client: dict[str, Session] = {}
        self._by_source: dict[Address, str] = {}

    def hello(self, client: str, source: Address, address: Address, capabilities: str) -> None:
        """Log a client in, or again."""
        if client not in self._by_client and len(self._by_client) >= MAX_SESSIONS:
            self.forget(min(self._by_client, key=lambda known: self._by_client[known].seen_s))
        words = frozenset(word for word in capabilities.split(":") if word)
        self._by_client[client] = Session(address, words)
        self._by_source = {s: c for s, c in self._by_source.items() if c != client}
        self._by_source[source] = client

    def move(self, client: str, address: Address) -> None:
        """The client named another port for the news of its jobs: the latest word counts."""
        session = self._by_client.get(client)
        if session is not None:
            session.address = address

    def forget(self, client: str) -> None:
        """Log a client out."""
        self._by_client.pop(client, None)
        self._by_source = {s: c for s, c in self._by_source.items() if c != client}

    def touch(self, client: str, source: Address) -> None:
        """The client (or whoever owns the source) was heard."""
        session = self._by_client.get(client or self._by_source.get(source, ""))
        if session is not None:
            session.seen_s = time.monotonic()

    def reply_to(self, client: str, source: Address, reply_port: int) -> Address:
        """Where an answer goes: the port named in the message, or in hello, or the sender's."""
        if 0 < reply_port < 65_536:
            return source[0], reply_port
        session = self._by_client.get(client or self._by_source.get(source, ""))
        return session.address if session is not None else source

    def address_of(self, client: str) -> Address | None:
        """The client's address while its lease lasts."""
        session = self._by_client.get(client)
        if session is None or time.monotonic() - session.seen_s > self.lease_s:
            return None
        return session.address

    def with_capability(self, capability: str) -> list[Address]:
        """Addresses of the living clients that announced it."""
        return [
            address
            for client, session in self._by_client.items()
            if capability in session.capabilities
            and (address := self.address_of(client)) is not None
        ]


class Outbox:
    """Sends messages of the table; repeats final answers."""

    def __init__(self, journal: Journal, sessions: Sessions) -> None:
        self._journal = journal
        self._sessions = sessions
        self._send: Send = lambda _data, _address: None
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def connect(self, send: Send) -> None:
        """Use this socket from now on."""
        self._send = send

    def post(self, to: Address, address: str, *values: osc.Value) -> None:
        """Send one message once."""
        self._send(protocol.pack(address, *values), to)

    def tell_all(self, capability: str, address: str, *values: osc.Value) -> None:
        """Send one message to every living client with a capability."""
        for to in self._sessions.with_capability(capability):
            self.post(to, address, *values)

    def address_of(self, job: Job) -> Address:
        """Where news of a job goes: its client, or, without a lease, whence it came."""
        return self._sessions.address_of(job.client) or (job.host, job.port)

    def post_stem(self, job: Job, seq: int, record: dict[str, Any], to: Address) -> None:
        """Announce a finished file."""
        values = (record[key] for key in ("stem", "variation", "path", "sha256", "frames", "rate"))
        self.post(to, "/stembridge/stem", job.id, seq, *values, record["verdict"])

    def post_final(self, job: Job, to: Address, *, with_stems: bool = True) -> None:
        """Send the final answer once: the files, then done or the error."""
        for seq, record in self._journal.stems(job.id) if with_stems else ():
            self.post_stem(job, seq, record, to)
        result = job.result
        if job.state == "done":
            values = (result["folder"], result["stems"], result["receipt"])
            self.post(to, "/stembridge/done", job.id, job.seq, *values)
        else:
            error = (result["code"], result["symbol"], result["sentence"], 0)
            self.post(to, "/stembridge/error", job.id, "/stembridge/generate", *error)

    def owe(self, job: Job, *, fresh: bool = False) -> None:
        """Send the final answer until it is received or the client is gone.

        Args:
            job: it has ended.
            fresh: its files were announced a moment ago; only the repeats name them again.
        """
        self.settle(job.id)
        until_s = time.monotonic() + self._sessions.lease_s
        self._resend(job.id, _FIRST_RESEND_S, until_s, with_stems=not fresh)

    def owe_all(self, client: str, *, at_once: bool) -> None:
        """Send what a client is owed, oldest first, so many at a time: `received` brings more.

        Args:
            client: who.
            at_once: also what waits for its next repeat.
        """
        for job in self._journal.owed(client, MAX_OWED_AT_ONCE):
            if at_once or job.id not in self._timers:
                self.owe(job)

    def settle(self, request_id: str) -> None:
        """Stop sending it."""
        timer = self._timers.pop(request_id, None)
        if timer is not None:
            timer.cancel()

    def close(self) -> None:
        """Stop sending everything."""
        for request_id in list(self._timers):
            self.settle(request_id)

    def _resend(
        self, request_id: str, pause_s: float, until_s: float, with_stems: bool = True
    ) -> None:
        self._timers.pop(request_id, None)
        with contextlib.suppress(JournalError):  # it is tried again
            job = self._journal.get(request_id)
            living = job and self._sessions.address_of(job.client) is not None
            if job is None or job.received or (time.monotonic() > until_s and not living):
                return
            self.post_final(job, self.address_of(job), with_stems=with_stems)
        self._timers[request_id] = asyncio.get_running_loop().call_later(
            pause_s, self._resend, request_id, min(2 * pause_s, _LAST_RESEND_S), until_s
        )

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

from stembridge.daemon.jobs import JobRow, Journal, JournalError
from stembridge.daemon.news import Ended, FileMade, Item, ModelReady, Noted, Progressed
from stembridge.daemon.records import FileRecord
from stembridge.daemon.sessions import Address, ClientSessions, address_in
from stembridge.wire import bodies, osc, protocol

Send = Callable[[bytes, Address], None]

MAX_OWED_AT_ONCE = 16
_FIRST_RESEND_S, _LAST_RESEND_S = 0.25, 32.0


class Outbox:
    """Sends messages of the table; repeats final answers."""

    def __init__(self, journal: Journal, sessions: ClientSessions) -> None:
        self._journal = journal
        self._sessions = sessions
        self._sends: dict[bool, Send] = {}
        self._own: frozenset[Address] = frozenset()
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def hear(self, item: Item) -> None:
        """Tell clients what happens."""
        match item:
            case Progressed(job, seq, stage, fraction):
                for to in self.addresses_of(job):
                    self.post(to, "/stembridge/progress", job.id, seq, stage, fraction)
            case FileMade(job, seq, record):
                for to in self.addresses_of(job):
                    self.post_stem(job, seq, record, to)
            case Ended(job):
                self.owe(job, fresh=True)
            case ModelReady(facts):
                self.tell_all("message", "/stembridge/model.info", *bodies.model_info(vars(facts)))
            case Noted(priority, sentence):
                self.tell_all("message", "/stembridge/log", priority, sentence)

    def connect(self, send: Send, own: frozenset[Address], *, six: bool) -> None:
        """Use this socket from now on, for addresses of its family.

        Args:
            send: sends a datagram.
            own: where the socket itself listens; nothing is sent there.
            six: whether its family is IPv6.
        """
        self._sends[six] = send
        self._own |= own

    def is_own(self, address: Address) -> bool:
        """Whether the daemon itself listens there."""
        return address in self._own

    def post(self, to: Address, address: str, *values: osc.Value) -> None:
        """Send one message once; what no OSC string can hold is cut."""
        send = self._sends.get(":" in to[0])
        if send is not None and not self.is_own(to):
            fitting = (bodies.fitting_text(v) if isinstance(v, str) else v for v in values)
            send(protocol.pack(address, *fitting), to)

    def tell_all(self, capability: str, address: str, *values: osc.Value) -> None:
        """Send one message to every living client with a capability."""
        for to in self._sessions.with_capability(capability):
            self.post(to, address, *values)

    def addresses_of(self, job: JobRow) -> set[Address]:
        """Where news of a job goes: whence it came, and to its client, if that is elsewhere now.

        Two programs may use one client id: whoever asked hears.
        """
        asked_from = address_in(job.reply)
        return {self._sessions.address_of(job.client) or asked_from, asked_from}

    def post_stem(self, job: JobRow, seq: int, record: FileRecord, to: Address) -> None:
        """Announce a finished file."""
        self.post(to, "/stembridge/stem", *bodies.stem(job.id, seq, vars(record)))

    def post_final(self, job: JobRow, to: Address, *, with_stems: bool = True) -> None:
        """Send the final answer once: the files, then done or the error."""
        for seq, record in self._journal.stems(job.id) if with_stems else ():
            self.post_stem(job, seq, record, to)
        result = job.result
        if job.state == "done":
            values = (result["folder"], result["stems"], result["receipt"])
            self.post(to, "/stembridge/done", job.id, job.seq, *values)
        else:
            error = (result["code"], result["symbol"], result["sentence"], 0)
            self.post(to, "/stembridge/error", job.id, f"/stembridge/{job.verb}", *error)

    def owe(self, job: JobRow, *, fresh: bool = False) -> None:
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
            for to in self.addresses_of(job):
                self.post_final(job, to, with_stems=with_stems)
        self._timers[request_id] = asyncio.get_running_loop().call_later(
            pause_s, self._resend, request_id, min(2 * pause_s, _LAST_RESEND_S), until_s
        )

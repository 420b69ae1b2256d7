"""Sessions: which clients are there, and where their answers go."""

from __future__ import annotations

import ipaddress
import time
from dataclasses import dataclass, field

from stembridge.errors import NotNowError

Address = tuple[str, int]

MAX_SESSIONS = 1024
_NOWHERE = ("127.0.0.1", 9)  # the discard port: who asks for the job's state is answered anyway
LIVING_S = 3.0
"""A client that was heard so lately is not replaced by another one of its name."""


@dataclass
class ClientSession:
    """A client that said hello. Times are monotonic: a wrong wall clock changes no lease."""

    source: Address
    address: Address
    capabilities: frozenset[str]
    seen_s: float = field(default_factory=time.monotonic)


class ClientSessions:
    """The clients, by id and by the socket they send from."""

    def __init__(self, lease_s: float) -> None:
        self.lease_s = lease_s
        self._by_client: dict[str, ClientSession] = {}
        self._by_source: dict[Address, str] = {}

    def hello(self, client: str, source: Address, address: Address, capabilities: str) -> None:
        """Log a client in, or again.

        Raises:
            NotNowError: another one of this name is there, and answers go elsewhere.
        """
        self._keep_the_living(client, address)
        if client not in self._by_client and len(self._by_client) >= MAX_SESSIONS:
            self.forget(min(self._by_client, key=lambda known: self._by_client[known].seen_s))
        words = frozenset(word for word in capabilities.split(":") if word)
        self._by_client[client] = ClientSession(source, address, words)
        self._by_source = {s: c for s, c in self._by_source.items() if c != client}
        self._by_source[source] = client

    def _keep_the_living(self, client: str, address: Address) -> None:
        session = self._by_client.get(client)
        if session is None or session.address == address:
            return
        left_s = min(LIVING_S, self.lease_s) - (time.monotonic() - session.seen_s)
        if left_s > 0:
            raise NotNowError(
                f"A client named {client} is connected from another place and keeps its session; "
                "take another client_id, or wait until it is gone.",
                retry_after_ms=int(1000 * left_s) + 1,
            )

    def move(self, client: str, source: Address, address: Address) -> None:
        """The client named another port for the news of its jobs: the latest word counts."""
        session = self._by_client.get(client)
        if session is not None and session.source == source:
            session.address = address

    def forget(self, client: str) -> None:
        """Log a client out."""
        self._by_client.pop(client, None)
        self._by_source = {s: c for s, c in self._by_source.items() if c != client}

    def touch(self, client: str, source: Address) -> None:
        """The client (or whoever owns the source) was heard."""
        session = self._by_client.get(client or self._by_source.get(source, ""))
        if session is not None and session.source[0] == source[0]:
            session.seen_s = time.monotonic()

    def reply_to(self, client: str, source: Address, reply_port: int) -> Address:
        """Where an answer goes: the port named in the message, or in hello, or the sender's."""
        if 0 < reply_port < 65_536:
            return source[0], reply_port
        session = self._by_client.get(client or self._by_source.get(source, ""))
        if session is None or (session.address == session.source != source):
            return source  # another socket than the one that said hello: a second program
        return session.address

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


def as_text(address: Address) -> str:
    """An address as the journal keeps it."""
    return f"{address[0]}:{address[1]}"


def address_in(text: str) -> Address:
    """The address `as_text` wrote; nowhere if the text was damaged."""
    host, _, port = text.rpartition(":")
    try:
        ipaddress.ip_address(host)
        number = int(port)
    except ValueError:
        return _NOWHERE
    return (host, number) if 0 < number < 65_536 else _NOWHERE

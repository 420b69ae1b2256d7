"""The socket: bytes in, messages to the desk; bytes out."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from typing import cast

import psutil

from stembridge.daemon.desk import Desk
from stembridge.daemon.outbox import Outbox
from stembridge.daemon.rate import PerSecond
from stembridge.daemon.sessions import Address
from stembridge.daemon.trust import Trust
from stembridge.errors import BadTimeError, CreateFailedError, StembridgeError, TokenNeededError
from stembridge.wire import osc

_log = logging.getLogger(__name__)

RECEIVE_BUFFER_BYTES = 4 * 2**20
_COMPLAINTS_PER_S = 10


class Endpoint(asyncio.DatagramProtocol):
    """The socket: bytes in, messages to the desk; bytes out."""

    def __init__(self, desk: Desk, outbox: Outbox, trust: Trust) -> None:
        self._desk = desk
        self._trust = trust
        self._outbox = outbox
        self.malformed = 0
        self._complaints = PerSecond(_COMPLAINTS_PER_S)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the outbox use the socket."""
        # Not an isinstance check: on Python 3.11 the class is not derived from DatagramTransport.
        host, port = transport.get_extra_info("sockname")[:2]
        send = cast(asyncio.DatagramTransport, transport).sendto
        self._outbox.connect(send, own_addresses(host, port), six=":" in host)

    def datagram_received(
        self, data: bytes, addr: tuple[str, int] | tuple[str, int, int, int]
    ) -> None:
        """Parse strictly, then hand on."""
        source = (addr[0], addr[1])  # IPv6 has four parts
        if self._outbox.is_own(source):
            return  # our own words, sent back by somebody: they would go round for ever
        try:
            messages = osc.parse(data)
            trusted = [self._trust.check(message, source[0]) for message in messages]
        except (osc.MalformedError, BadTimeError, TokenNeededError) as error:
            self._complain(error, source)
            return
        for message in trusted:
            self._desk.take(message, source)

    def error_received(self, exc: Exception) -> None:
        """A client's port is closed (ICMP): nothing to do, its lease will run out."""
        _log.debug("socket: %s", exc)

    def _complain(self, error: StembridgeError, addr: Address) -> None:
        """Answer and log what strangers send, but only so many a second: it may be a flood.

        One short answer at most to one datagram, too: nobody can make us shout at somebody else.
        """
        self.malformed += 1
        if self._complaints.admit():
            _log.info("refused datagram %d from %s: %s", self.malformed, addr, error)
            self._desk.refuse(error, addr)


def own_addresses(host: str, port: int) -> frozenset[Address]:
    """Every address under which the socket bound to `host` reaches itself."""
    if host not in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return frozenset({(host, port)})
    found = (address.address for card in psutil.net_if_addrs().values() for address in card)
    return frozenset((address, port) for address in (*found, "127.0.0.1", host))


def bind(host: str, port: int) -> socket.socket:
    """A UDP socket that nobody else shares."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        if sys.platform == "win32":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        sock.setblocking(False)
        sock.bind((host, port))
    except (OSError, UnicodeError) as error:
        sock.close()
        reason = getattr(error, "strerror", None) or error
        raise CreateFailedError(
            f"UDP port {port} of {host} cannot be used ({reason}); stop the program that has it, "
            "or choose another one with --port."
        ) from error
    return sock


def bind_all(host: str, port: int) -> list[socket.socket]:
    """Sockets for a host: "localhost" is ::1 for some programs and 127.0.0.1 for others.

    Raises:
        CreateFailedError: the port is taken.
    """
    sockets = [bind(host, port)]
    if host in ("127.0.0.1", "localhost"):
        try:
            sockets.append(bind("::1", sockets[0].getsockname()[1]))
        except (CreateFailedError, OSError) as error:  # a machine without IPv6
            _log.info("not listening on ::1: %s", error)
    return sockets

"""The socket: bytes in, messages to the desk; bytes out."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
import time
from typing import cast

from stembridge.daemon.desk import Desk
from stembridge.daemon.outbox import Outbox
from stembridge.daemon.sessions import Address
from stembridge.errors import BadTimeError, CreateFailedError, StembridgeError
from stembridge.wire import osc

_log = logging.getLogger(__name__)

RECEIVE_BUFFER_BYTES = 4 * 2**20
_COMPLAINTS_PER_S = 10


class Endpoint(asyncio.DatagramProtocol):
    """The socket: bytes in, messages to the desk; bytes out."""

    def __init__(self, desk: Desk, outbox: Outbox) -> None:
        self._desk = desk
        self._outbox = outbox
        self.malformed = 0
        self._complaints = _COMPLAINTS_PER_S
        self._second = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the outbox use the socket."""
        # Not an isinstance check: on Python 3.11 the class is not derived from DatagramTransport.
        self._outbox.connect(cast(asyncio.DatagramTransport, transport).sendto)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Parse strictly, then hand on."""
        try:
            messages = osc.parse(data)
        except (osc.MalformedError, BadTimeError) as error:
            self._complain(error, addr)
            return
        for message in messages:
            self._desk.take(message, addr)

    def error_received(self, exc: Exception) -> None:
        """A client's port is closed (ICMP): nothing to do, its lease will run out."""
        _log.debug("socket: %s", exc)

    def _complain(self, error: StembridgeError, addr: Address) -> None:
        """Answer and log malformed datagrams, but only so many a second: they may be a flood."""
        self.malformed += 1
        now = time.monotonic()
        if now - self._second > 1.0:
            self._second, self._complaints = now, _COMPLAINTS_PER_S
        if self._complaints > 0:
            self._complaints -= 1
            _log.info("malformed datagram %d from %s: %s", self.malformed, addr, error)
            self._desk.refuse(error, addr)


def bind(host: str, port: int) -> socket.socket:
    """A UDP socket that nobody else shares."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        if sys.platform == "win32":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        sock.setblocking(False)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise CreateFailedError(
            f"UDP port {port} of {host} cannot be used ({error.strerror}); stop the program that "
            "has it, or choose another one with --port."
        ) from error
    return sock

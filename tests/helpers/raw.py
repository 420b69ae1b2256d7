"""A client without manners: it sends what it is told and keeps what comes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from stembridge.daemon.server import Daemon
from stembridge.wire import osc, protocol
from tests.helpers.daemons import running, until


class RawClient:
    """A socket that sends what it is told and keeps what comes."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind(("127.0.0.1", 0))
        self.peer = ("127.0.0.1", port)
        self.port = self.socket.getsockname()[1]

    def send(self, address: str, *values: osc.Value) -> None:
        self.socket.sendto(protocol.pack(f"/stembridge/{address}", *values), self.peer)

    def send_raw(self, data: bytes) -> None:
        self.socket.sendto(data, self.peer)

    async def receive(self, *wanted: str, timeout_s: float = 60.0) -> protocol.Call:
        """The next message whose last word is wanted (any, if none is named)."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + timeout_s
        while True:
            reading = loop.sock_recv(self.socket, 65_536)
            data = await asyncio.wait_for(reading, until_s - loop.time())
            call = protocol.bind(osc.parse(data)[0])
            if not wanted or call.row.address.removeprefix("/stembridge/") in wanted:
                return call

    async def hears_nothing(self, pause_s: float = 0.3) -> bool:
        try:
            await self.receive(timeout_s=pause_s)
        except TimeoutError:
            return True
        return False


@asynccontextmanager
async def raw(folder: Path, **options: Any) -> AsyncIterator[tuple[Daemon, RawClient]]:
    async with running(folder, **options) as daemon:
        client = RawClient(daemon.port)
        await until(lambda: daemon.executor.state == "ready")
        try:
            yield daemon, client
        finally:
            client.socket.close()

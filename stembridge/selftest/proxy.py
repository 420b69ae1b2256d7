"""A UDP proxy that loses, doubles and delays datagrams, reproducibly."""

from __future__ import annotations

import asyncio
import random
from typing import Any, cast

Address = tuple[str, int]


class LossyProxy(asyncio.DatagramProtocol):
    """Stands between clients and a daemon on this machine; one upstream socket per client."""

    def __init__(self, daemon_port: int, *, seed: int, lose: float = 0.2, other: float = 0.1):
        self._daemon: Address = ("127.0.0.1", daemon_port)
        self._rng = random.Random(seed)
        self._lose, self._other = lose, other
        self._upstreams: dict[Address, Upstream] = {}
        self.lost = self.total = self.port = 0

    async def __aenter__(self) -> LossyProxy:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 0)
        )
        self.transport = transport
        self.port = transport.get_extra_info("sockname")[1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.transport.close()
        for upstream in self._upstreams.values():
            upstream.transport.close()

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """From a client."""
        if addr not in self._upstreams:
            self._upstreams[addr] = Upstream(self, addr)
            asyncio.ensure_future(self._open(self._upstreams[addr], data))  # noqa: RUF006
            return
        upstream = self._upstreams[addr]
        if upstream.transport is not None:
            self.pass_on(upstream.transport, data, None)

    async def _open(self, upstream: Upstream, first: bytes) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: upstream, remote_addr=self._daemon)
        self.pass_on(upstream.transport, first, None)

    def pass_on(self, transport: Any, data: bytes, to: Address | None) -> None:
        """Deliver, or not, or twice, or late."""
        self.total += 1
        dice = self._rng.random()
        if dice < self._lose:
            self.lost += 1
            return
        if dice < self._lose + self._other:
            transport.sendto(data, to)
        if dice > 1 - self._other:
            loop = asyncio.get_running_loop()
            loop.call_later(self._rng.uniform(0.01, 0.2), self._late, transport, data, to)
            return
        transport.sendto(data, to)

    def _late(self, transport: Any, data: bytes, to: Address | None) -> None:
        if not transport.is_closing():
            transport.sendto(data, to)


class Upstream(asyncio.DatagramProtocol):
    """The proxy's socket for one client."""

    def __init__(self, proxy: LossyProxy, client: Address) -> None:
        self._proxy, self._client = proxy, client
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """From the daemon."""
        self._proxy.pass_on(self._proxy.transport, data, self._client)

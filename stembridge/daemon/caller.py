"""Who sends a message, read before it is known to be right: errors need an address, too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stembridge.daemon.sessions import Address
from stembridge.wire import osc
from stembridge.wire.addresses import BY_ADDRESS


@dataclass(frozen=True)
class Caller:
    """Who sent a message, and where the answer goes."""

    client: str
    source: Address
    reply: Address


def envelope(message: osc.Message) -> tuple[str, str, int]:
    """(request id, client id, reply port) of a message that may yet prove wrong."""
    row = BY_ADDRESS.get(message.address)
    if row is None:
        return "", "", 0
    names = [arg.name for arg in row.args]
    values: dict[str, Any] = dict(zip(names, message.values, strict=False))
    tail = message.values[len(names) :]
    if "reply_port" in tail[::2]:
        values["reply_port"] = dict(zip(tail[::2], tail[1::2], strict=False)).get("reply_port")
    port = values.get("reply_port")
    return (
        str(values.get("request_id", "")),
        str(values.get("client_id", "")),
        int(port) if isinstance(port, int | float) and abs(port) < 2**31 else 0,
    )

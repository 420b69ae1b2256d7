"""Who sends a message, read before it is known to be right: errors need an address, too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stembridge.daemon.sessions import Address
from stembridge.errors import BadArgsError
from stembridge.wire import osc, protocol
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
    return (
        str(values.get("request_id", "")),
        str(values.get("client_id", "")),
        _port(values.get("reply_port")),
    )


def _port(value: Any) -> int:
    """A port as any client may write it, such as "9421" or 9421.0; 0 if it is none."""
    try:
        return protocol.integer("reply_port", value)
    except BadArgsError:
        return 0

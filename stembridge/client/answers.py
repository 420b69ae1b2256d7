"""What a client waits for: each function says which messages of the daemon are meant."""

from __future__ import annotations

from collections.abc import Callable

from stembridge.errors import StembridgeError, error_from
from stembridge.wire.protocol import Call


def is_address(name: str) -> Callable[[Call], bool]:
    """A message of this address."""
    return lambda call: call.row.address == f"/stembridge/{name}"


def news_of(request_id: str) -> Callable[[Call], bool]:
    """Accepted, refused, or any later news if `accepted` was lost on the way."""
    is_held = is_address("clip.held")
    return lambda call: call.args.get("request_id") == request_id and not is_held(call)


def state_of(request_id: str) -> Callable[[Call], bool]:
    """A job's state."""
    is_state = is_address("state")
    return lambda call: is_state(call) and call.args["request_id"] == request_id


def error_in(call: Call) -> StembridgeError | None:
    """The error a message tells, if it is one."""
    if call.row.address != "/stembridge/error":
        return None
    return error_from(call.args["symbol"], call.args["sentence"], call.args["retry_after_ms"])

"""Whose messages are taken: this machine's always, another one's only with the token.

A source address of this machine cannot be forged from outside: the kernel drops such datagrams.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress

from stembridge.errors import BadArgsError, TokenNeededError
from stembridge.wire import osc, protocol


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own, which nobody else reaches."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class Trust:
    """The token, held against every message from another machine."""

    def __init__(self, host: str, token: str | None) -> None:
        """Decide who will be asked.

        Raises:
            BadArgsError: other machines could speak, and no token is set.
        """
        if token is None and not is_loopback(host):
            raise BadArgsError(
                f"On {host} every machine of the network could give orders here: set a token with "
                "--token, or STEMBRIDGE_TOKEN in the environment, and the same one for the clients."
            )
        self._digest = None if token is None else _digest(token)

    def check(self, message: osc.Message, source_host: str) -> osc.Message:
        """The message without its token.

        Raises:
            TokenNeededError: it is another machine's, and the token is missing or wrong.
        """
        message, token = protocol.split_token(message)
        if self._digest is None or is_loopback(source_host):
            return message
        # Digests, so that the comparison takes as long whatever was sent.
        if not hmac.compare_digest(_digest(token), self._digest):
            raise TokenNeededError("This daemon asks other machines for its token.")
        return message


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()

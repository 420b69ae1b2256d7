"""What ties a take's folder to its request."""

from __future__ import annotations

import hashlib


def take_tag(request_id: str) -> str:
    """The end of the name of a request's take folder: ten hexadecimal digits."""
    return hashlib.sha256(request_id.encode()).hexdigest()[:10]

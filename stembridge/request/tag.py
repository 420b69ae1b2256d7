"""What follows from a request's id: its take's folder, and its seed where none was told."""

from __future__ import annotations

import hashlib
from pathlib import Path

RECEIPT_NAME = "receipt.json"


def take_tag(request_id: str) -> str:
    """The end of the name of a request's take folder: ten hexadecimal digits."""
    return hashlib.sha256(request_id.encode()).hexdigest()[:10]


def drawn_seed(request_id: str) -> int:
    """A seed for a request that was told none; a datagram that is sent again asks for the same."""
    return int.from_bytes(hashlib.sha256(f"seed {request_id}".encode()).digest()[:4]) >> 1


def receipt_of(take: str) -> Path:
    """The receipt of a take that somebody names by it, or by its folder."""
    path = Path(take)
    return path if path.suffix == ".json" else path / RECEIPT_NAME

"""What ties a take's folder to its request, and the folder to its receipt."""

from __future__ import annotations

import hashlib
from pathlib import Path

RECEIPT_NAME = "receipt.json"


def take_tag(request_id: str) -> str:
    """The end of the name of a request's take folder: ten hexadecimal digits."""
    return hashlib.sha256(request_id.encode()).hexdigest()[:10]


def receipt_of(take: str) -> Path:
    """The receipt of a take that somebody names by it, or by its folder."""
    path = Path(take)
    return path if path.suffix == ".json" else path / RECEIPT_NAME

"""Reads receipts: what lies on a disk may have been edited, so its request enters by the door."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.errors import BadArgsError
from stembridge.request import GenerationRequest, parse_request
from stembridge.request.tag import receipt_of
from stembridge.safe_files import read_file

RECEIPT_FORMAT = 1
MAX_RECEIPT_BYTES = 4 * 2**20


def read_receipt(path: Path, roots: AllowedRoots | None = None) -> dict[str, Any]:
    """Read a receipt (the file, or the take's folder).

    Args:
        path: of either.
        roots: folders it may lie in; None allows every place, and links to it.

    Raises:
        NoSuchFileError, PathDeniedError: there is none, or not there.
        BadArgsError: it is none.
    """
    file = receipt_of(str(path)) if not path.is_file() else path
    try:
        most = MAX_RECEIPT_BYTES
        data = read_file(file, most) if roots is None else roots.read(str(file), most)
        receipt = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadArgsError(f"'{file}' is not a receipt: it is not JSON.") from error
    if not isinstance(receipt, dict) or receipt.get("receipt_format") != RECEIPT_FORMAT:
        raise BadArgsError(
            f"'{file}' is not a receipt this stembridge understands. Name a take's own."
        )
    return receipt


class _Made(BaseModel):
    name: str
    artifact_sha256: str


class _Stem(BaseModel):
    # A name and no path: pages play what is called so beside the receipt.
    file: Annotated[str, Field(pattern=r"^[^/\\\x00-\x1f]{1,255}$")]
    stem: str
    variation: Annotated[int, Field(ge=0, lt=10**6)]
    sha256: str


class _Told(BaseModel):
    """What a take that is worked on must tell of itself."""

    request: dict[str, Any]
    model: _Made
    stems: Annotated[list[_Stem], Field(min_length=1)]


def read_whole_receipt(path: Path, roots: AllowedRoots | None = None) -> dict[str, Any]:
    """Read the receipt of a take that is to be worked on: it names its model and its stems.

    Raises:
        NoSuchFileError, PathDeniedError, BadArgsError: as `read_receipt`; it is damaged.
    """
    receipt = read_receipt(path, roots)
    try:
        _Told.model_validate(receipt, strict=True)
    except ValidationError as error:
        raise BadArgsError(f"'{path}' names no model or no stems: it is damaged.") from error
    return receipt


def request_of(receipt: Mapping[str, Any]) -> GenerationRequest:
    """The request of a receipt, under a new id, so that its first files stay untouched.

    Raises:
        BadArgsError: the receipt's request is damaged.
    """
    mapping = receipt.get("request")
    if not isinstance(mapping, dict):
        raise BadArgsError("The receipt holds no request.")
    return parse_request(mapping | {"request_id": None})

"""Rows of the journal as jobs, read with distrust: a damaged one must fail alone, and in words."""

from __future__ import annotations

import json
import sqlite3
import zlib
from dataclasses import dataclass
from typing import Any

from stembridge.daemon.records import FileRecord
from stembridge.errors import StembridgeError

FINAL = frozenset({"done", "failed", "cancelled"})
_STATES = FINAL | {"queued", "running"}
_DONE = {"folder": str, "receipt": str, "stems": int}
_FAILED = {"symbol": str, "code": int, "sentence": str}


@dataclass(frozen=True)
class JobRow:
    """One row of the journal; `damage` says what cannot be read, if anything.

    Attributes:
        reply: where news of it go, in the words of the door that took it.
    """

    number: int
    id: str
    client: str
    payload: dict[str, Any]
    state: str
    attempts: int
    seq: int
    reply: str
    result: dict[str, Any]
    received: bool
    damage: str = ""

    @property
    def is_final(self) -> bool:
        """Whether it has its final answer."""
        return self.state in FINAL

    @property
    def verb(self) -> str:
        """What asked for it: *generate*; *rework*, which alone names a take; *separate*, a mix."""
        pairs = self.payload["pairs"]
        return "rework" if "parent" in pairs else "separate" if "mix" in pairs else "generate"

    @property
    def asked(self) -> dict[str, Any]:
        """The client's words, by which a repeat is known."""
        return asked_in(self.payload)


def asked_in(payload: dict[str, Any]) -> dict[str, Any]:
    """A payload without what was made of it."""
    return {name: payload[name] for name in ("pairs", "clips")}


def checksum(payload: str) -> int:
    """What tells a damaged payload from a whole one."""
    return zlib.crc32(payload.encode())


def job_of(row: sqlite3.Row) -> JobRow:
    """The job in a row."""
    damage = []
    payload = _loaded(row["payload"])
    whole = row["crc"] in (-1, checksum(row["payload"]))
    if not whole or not _is_payload(payload):
        damage.append("request")
        payload = {"pairs": {}, "clips": []}
    result = _loaded(row["result"])
    shape = {"done": _DONE, "failed": _FAILED, "cancelled": _FAILED}.get(row["state"], {})
    if row["state"] not in _STATES or not _fits(result, shape):
        damage.append("state")
        result = {}
    return JobRow(
        row["number"], row["id"], row["client"], payload, row["state"], row["attempts"], row["seq"],
        row["reply"], result, bool(row["received"]), " and ".join(damage),
    )  # fmt: skip


def stem_of(row: sqlite3.Row) -> FileRecord | None:
    """The record in a row of the stem table; None if it is damaged."""
    return FileRecord.of(_loaded(row["body"]))


def failure(error: StembridgeError) -> dict[str, Any]:
    """An error as the final answer of a job."""
    return {"symbol": error.symbol, "code": error.code, "sentence": error.sentence}


def _loaded(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {"": "damaged"}
    return value if isinstance(value, dict) else {"": "damaged"}


def _is_payload(value: dict[str, Any]) -> bool:
    clips = value.get("clips")
    return (
        isinstance(value.get("pairs"), dict)
        and isinstance(clips, list)
        and all(isinstance(clip, dict) for clip in clips)
        and isinstance(value.get("request", {}), dict)
    )


def _fits(value: dict[str, Any], shape: dict[str, type]) -> bool:
    return "" not in value and all(
        isinstance(value.get(name), kind) for name, kind in shape.items()
    )

"""Round trips measured before, by device pair and rate, so that one measurement lasts."""

from __future__ import annotations

import json
from pathlib import Path

from stembridge import paths
from stembridge.audio.files import write_atomically


def _file() -> Path:
    return paths.state_dir() / "latency.json"


def _key(output: str, source: str, rate: int, block: int) -> str:
    return f"{output} > {source} @ {rate} / {block}"


def _read() -> dict[str, int]:
    try:
        known = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def recall(output: str, source: str, rate: int, block: int) -> int | None:
    """Frames from output to input; None if never measured."""
    frames = _read().get(_key(output, source, rate, block))
    return frames if isinstance(frames, int) and frames >= 0 else None


def remember(output: str, source: str, rate: int, block: int, frames: int) -> None:
    """Keep a measurement.

    Raises:
        DiskFullError, CreateFailedError: it cannot be written.
    """
    known = _read() | {_key(output, source, rate, block): frames}
    write_atomically(_file(), json.dumps(known, indent=1).encode(), follow=True)

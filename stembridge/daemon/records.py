"""What workers tell of models and files; as JSON (`vars`) between processes and in the journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class FileRecord:
    """A finished file: `frames` samples at `rate` Hz; `verdict` is JSON."""

    stem: str
    variation: int
    path: str
    sha256: str
    frames: int
    rate: int
    verdict: str

    @classmethod
    def of(cls, mapping: Mapping[str, Any]) -> FileRecord | None:
        """The record in a mapping; None if anything of it is missing or of another kind."""
        values = {field.name: mapping.get(field.name) for field in fields(cls)}
        kinds = {"variation": int, "frames": int, "rate": int}
        whole = all(isinstance(value, kinds.get(name, str)) for name, value in values.items())
        return cls(**values) if whole else None  # type: ignore[arg-type]


@dataclass(frozen=True)
class ModelFacts:
    """What whoever asks may know of a loaded model; `sample_rate` in Hz."""

    name: str
    artifact_sha256: str
    sample_rate: int
    device: str
    stems: tuple[str, ...]
    styles: tuple[str, ...]
    timbres: dict[str, tuple[str, ...]]

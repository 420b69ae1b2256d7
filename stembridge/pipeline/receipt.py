"""The receipt beside the stems: everything needed to make the same take again.

A receipt is a JSON object: the request as `parse_request` takes it, the model's identity, the
sampler's settings, the versions that computed, what was heard, what was measured, and the hash of
every file.
"""

from __future__ import annotations

import json
import platform
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

import stembridge
from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.audio.files import write_atomically
from stembridge.chords import progression_text
from stembridge.context import Context
from stembridge.errors import BadArgsError
from stembridge.inference.settings import Settings
from stembridge.pipeline.events import Stage, StemFile
from stembridge.request import GenerationRequest, parse_request, request_to_mapping
from stembridge.request.tag import RECEIPT_NAME as RECEIPT_NAME
from stembridge.request.tag import receipt_of
from stembridge.runtime.model import StemModel
from stembridge.safe_files import read_file

RECEIPT_FORMAT = 1
MAX_RECEIPT_BYTES = 4 * 2**20
_PACKAGES = ("numpy", "scipy", "soxr", "soundfile", "torch", "onnxruntime-gpu", "onnxruntime")


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Versions of what takes part in the sound."""
    found = {"stembridge": stembridge.__version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def build_receipt(
    request: GenerationRequest,
    settings: Settings,
    model: StemModel,
    context: Context,
    stems: Sequence[StemFile],
    timings_s: Mapping[Stage, float],
) -> dict[str, Any]:
    """The receipt as a JSON-ready mapping."""
    return {
        "receipt_format": RECEIPT_FORMAT,
        "request": request_to_mapping(request),
        "model": identity_of(model),
        "sampling": {
            "sampler": settings.sampler,
            "steps": settings.steps,
            "guidance": settings.guidance,
            "seed": request.seed,
        },
        "versions": versions(),
        "context": {
            "crc32": _fingerprints(model, context),
            "loudness_lufs": context.loudness_lufs,
            "gain": context.gain,
            "silent": list(context.silent),
            "chords_heard": progression_text(context.chords),
            "remarks": [{"words": r.words, **r.to_mapping()} for r in context.remarks],
        },
        "timings_s": {stage: round(seconds, 4) for stage, seconds in timings_s.items()},
        "stems": [{"file": stem.path.name, **stem.facts()} for stem in stems],
    }


def identity_of(model: StemModel) -> dict[str, str]:
    """Which model it was, and where it ran."""
    manifest = model.manifest
    return {
        "name": manifest.name,
        "artifact_sha256": manifest.artifact_sha256,
        "licence": manifest.licence,
        "device": model.device,
    }


def _fingerprints(model: StemModel, context: Context) -> dict[str, str]:
    """A checksum of what was heard of each given stem: tells which one has changed since."""
    return {
        stem: f"{zlib.crc32(context.samples[index].tobytes()):08x}"
        for index, stem in enumerate(model.manifest.stems)
        if context.given[index]
    }


def write_receipt(folder: Path, receipt: Mapping[str, Any]) -> Path:
    """Write `receipt.json` atomically; returns its path."""
    text = json.dumps(receipt, indent=2, ensure_ascii=False) + "\n"
    # A file's name may hold bytes that are no text; JSON writes them as Python escapes them.
    data = text.encode("utf-8", "backslashreplace")
    return write_atomically(folder / RECEIPT_NAME, data).path


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
    file: str
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

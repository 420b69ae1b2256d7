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
from typing import Any

import stembridge
from stembridge.audio.files import write_atomically
from stembridge.chords import progression_text
from stembridge.context import Context
from stembridge.engines import SoundEngine
from stembridge.inference.settings import Settings
from stembridge.pipeline.events import StemFile
from stembridge.pipeline.receipt_reading import RECEIPT_FORMAT
from stembridge.request import GenerationRequest, request_to_mapping
from stembridge.request.tag import RECEIPT_NAME as RECEIPT_NAME
from stembridge.runtime.model import StemModel
from stembridge.stages import Stage

_PACKAGES = (
    "numpy", "scipy", "soxr", "soundfile", "torch", "onnxruntime-gpu", "onnxruntime",
    "transformers", "diffusers",
)  # fmt: skip


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
    model: StemModel | SoundEngine,
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


def identity_of(model: StemModel | SoundEngine) -> dict[str, str]:
    """Which model it was, and where it ran."""
    manifest = model.manifest
    return {
        "name": manifest.name,
        "artifact_sha256": manifest.artifact_sha256,
        "licence": manifest.licence,
        "device": model.device,
    }


def _fingerprints(model: StemModel | SoundEngine, context: Context) -> dict[str, str]:
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

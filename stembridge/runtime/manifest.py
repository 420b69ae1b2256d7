"""The contract of a model artifact: `manifest.json` beside its network files.

An artifact is a folder. Its manifest says which stems it makes, at which rate and latent shape,
over which noise range, under which conditions, and the SHA-256 of every file. Serving refuses
what does not match instead of guessing: a TorchScript file is code, so it is only opened from
bytes that the manifest vouches for.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError, model_validator

from stembridge.conditions import EMBEDDING, LABELS, Layout
from stembridge.errors import ModelUntrustedError, NoSuchFileError
from stembridge.readers import first_fault
from stembridge.roles import STEMS
from stembridge.runtime.manifest_checks import (
    check_files,
    check_sizes,
    check_stems,
    check_styles,
)
from stembridge.runtime.manifest_fields import (
    FORMAT_VERSION,
    ArtifactFile,
    ConditionBlock,
    ManifestFields,
    NetworkFormat,
    NoteReaderEntry,
    SamplerDefaults,
    WordsBy,
)
from stembridge.safe_files import read_file

__all__ = [
    "FORMAT_VERSION", "MANIFEST_NAME", "ArtifactFile", "ConditionBlock", "Manifest",
    "NetworkFormat", "NoteReaderEntry", "SamplerDefaults", "WordsBy", "parse_manifest",
    "read_manifest", "write_manifest", "write_mapping",
]  # fmt: skip

NOMINAL_LUFS: Final = -18.0
MANIFEST_NAME = "manifest.json"
MAX_MANIFEST_BYTES = 1 << 20

# The identity of artifacts that were made before these stands in receipts.
YOUNGER_FIELDS = (
    "chords_from_context", "latents_add_up", "nominal_lufs", "nominal_stem_lufs",
    "style_classifier", "style_timbres", "style_chords", "note_readers",
    "style_classifier_format", "denoiser_format", "weights", "chord_ears",
    "habits", "whole_window", "denoiser_cpu", "words_by",
)  # fmt: skip


YOUNGER_SAMPLER_FIELDS = (
    "churn", "eta", "resamples", "sigma_min", "sigma_max", "schedule", "shift",
)  # fmt: skip


class Manifest(ManifestFields):
    """A manifest whose fields agree with each other."""

    @model_validator(mode="after")
    def _consistent(self) -> Manifest:
        check_sizes(self)
        check_stems(self)
        check_styles(self)
        check_files(self, reserved=MANIFEST_NAME)
        if self.sigma_min >= self.sigma_max:
            raise ValueError("sigma_min must be below sigma_max")
        if self.window_frames % self.frame_multiple:
            raise ValueError("window_frames must be a multiple of frame_multiple")
        if self.overlap_frames >= self.window_frames:
            raise ValueError("overlap_frames must be below window_frames")
        names = [block.name for block in self.condition_layout]
        if len(set(names)) != len(names):
            raise ValueError("condition_layout names a block twice")
        return self

    @property
    def layout(self) -> Layout:
        """The condition layout in the terms of `stembridge.conditions`."""
        return Layout(
            blocks=tuple((block.name, block.channels) for block in self.condition_layout),
            styles=self.styles,
            timbres=tuple(self.timbres.items()),
        )

    @property
    def stem_lufs(self) -> dict[str, float]:
        """Loudness of each stem in a mixture at `mixture_lufs`; empty where it was not measured."""
        older: dict[str, float] = self.training.get("nominal_stem_lufs", {})
        return self.nominal_stem_lufs or older

    @property
    def mixture_lufs(self) -> float:
        """Loudness of the mixtures it was trained on."""
        older = float(self.training.get("nominal_lufs", NOMINAL_LUFS))
        return older if self.nominal_lufs is None else self.nominal_lufs

    @property
    def is_told_stems(self) -> bool:
        """Whether it makes mixtures of the stems it is told of (GMSDI)."""
        told = dict(self.layout.blocks)
        words = EMBEDDING in told and self.words_by is not None
        return self.n_stems == 1 and (told.get(LABELS) == len(STEMS) or words)

    @property
    def is_told_sounds(self) -> bool:
        """Whether it learned from an encoder's embeddings of sounds (MT-MusicLDM with CLAP)."""
        told = dict(self.layout.blocks)
        return EMBEDDING in told and self.words_by is not None and self.words_by.of_sound

    @property
    def makes(self) -> tuple[str, ...]:
        """The stems that can be asked for: its own, or those it can be told of."""
        return STEMS if self.is_told_stems else self.stems

    def habit(self, purpose: str) -> SamplerDefaults:
        """Sampler settings for a purpose; those of generating where it has none of its own."""
        return self.habits.get(purpose, self.sampler)

    @property
    def needs_torch(self) -> bool:
        """Whether any of its networks is TorchScript."""
        heard = "onnx" if self.style_classifier is None else self.style_classifier_format
        return "torchscript" in (self.denoiser_format, heard)

    @property
    def artifact_sha256(self) -> str:
        """Identity of the whole artifact: hash of the canonical manifest, file hashes included."""
        mapping = self.to_mapping()
        for name in YOUNGER_FIELDS:
            if getattr(self, name) == Manifest.model_fields[name].default:
                del mapping[name]
        for name in YOUNGER_SAMPLER_FIELDS:
            if getattr(self.sampler, name) == SamplerDefaults.model_fields[name].default:
                del mapping["sampler"][name]
        return hashlib.sha256(_canonical_json(mapping)).hexdigest()

    def stem_index(self, stem: str) -> int:
        """Position of a stem on axis S; raises KeyError for a stem this model does not make."""
        try:
            return self.stems.index(stem)
        except ValueError:
            raise KeyError(stem) from None

    def to_mapping(self) -> dict[str, Any]:
        """The JSON object of this manifest."""
        mapping: dict[str, Any] = self.model_dump(mode="json")
        return mapping


def _canonical_json(mapping: dict[str, Any]) -> bytes:
    return json.dumps(mapping, sort_keys=True, separators=(",", ":")).encode()


def parse_manifest(mapping: object) -> Manifest:
    """Turn a JSON object into a Manifest.

    Raises:
        ModelUntrustedError: for an unknown format version, or naming the field that is wrong.
    """
    version = mapping.get("format_version") if isinstance(mapping, dict) else None
    if version != FORMAT_VERSION:
        raise ModelUntrustedError(
            f"This model says format version {version!r}; this stembridge reads version "
            f"{FORMAT_VERSION}. Update stembridge or use another model."
        )
    try:
        # Through JSON, so that lists become tuples under strict rules.
        return Manifest.model_validate_json(_canonical_json(mapping))  # type: ignore[arg-type]
    except (ValueError, TypeError) as error:
        fault = first_fault(error) if isinstance(error, ValidationError) else error
        raise ModelUntrustedError(f"The model's manifest is wrong: {fault}.") from error


def read_manifest(directory: Path) -> Manifest:
    """Read and check `manifest.json` of an artifact folder.

    Raises:
        NoSuchFileError: if the folder holds no manifest.
        ModelUntrustedError: if it is no valid manifest.
    """
    path = directory / MANIFEST_NAME
    if not path.is_file():
        raise NoSuchFileError(
            f"There is no model in '{directory}': {MANIFEST_NAME} is missing. Name its folder, or "
            "leave --model out."
        )
    if path.stat().st_size > MAX_MANIFEST_BYTES:
        raise ModelUntrustedError(f"The model's {MANIFEST_NAME} is too large to be one.")
    try:
        mapping = json.loads(read_file(path, MAX_MANIFEST_BYTES))
    except (ValueError, RecursionError) as error:
        raise ModelUntrustedError(f"The model's {MANIFEST_NAME} is not JSON.") from error
    return parse_manifest(mapping)


def write_manifest(manifest: Manifest, directory: Path) -> Path:
    """Write `manifest.json` atomically; returns its path."""
    return write_mapping(manifest.to_mapping(), directory)


def write_mapping(mapping: dict[str, Any], directory: Path) -> Path:
    """Write a manifest mapping that may still lack parts (exports add them one by one)."""
    path = directory / MANIFEST_NAME
    partial = directory / f".{MANIFEST_NAME}.partial"
    partial.write_text(json.dumps(mapping, indent=2) + "\n", encoding="utf-8")
    partial.replace(path)
    return path

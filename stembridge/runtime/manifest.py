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
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from stembridge.conditions import Layout
from stembridge.errors import ModelUntrustedError, NoSuchFileError
from stembridge.runtime.manifest_checks import (
    check_files,
    check_sizes,
    check_stems,
    check_styles,
)
from stembridge.safe_files import read_file

FORMAT_VERSION: Final = 1
NOMINAL_LUFS: Final = -18.0
MANIFEST_NAME = "manifest.json"
MAX_MANIFEST_BYTES = 1 << 20

# The identity of artifacts that were made before these stands in receipts.
YOUNGER_FIELDS = (
    "chords_from_context", "latents_add_up", "nominal_lufs", "nominal_stem_lufs",
    "style_classifier", "style_timbres", "style_chords", "note_readers",
    "style_classifier_format", "denoiser_format", "weights", "chord_ears",
)  # fmt: skip

# Bounds far beyond any sound model, and far below what ends the process that would use them.
Channels = Annotated[int, Field(gt=0, le=4096)]
Frames = Annotated[int, Field(gt=0, le=2**20)]
PositiveFloat = Annotated[float, Field(ge=1e-6, le=1e6, allow_inf_nan=False)]
Word = Annotated[str, Field(max_length=100)]
Words = Annotated[tuple[Word, ...], Field(max_length=256)]
NetworkFormat = Literal["torchscript", "onnx"]
Lufs = Annotated[float, Field(ge=-70, le=0)]
StemName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ArtifactFile(_Part):
    """Identity of one file of the artifact."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    bytes: Annotated[int, Field(ge=0, le=2**33)]


class ConditionBlock(_Part):
    """One named block of condition channels; the blocks follow each other on axis K."""

    name: Literal["grid", "chords", "style", "timbre", "heard"]
    channels: Channels


class SamplerDefaults(_Part):
    """The sampler settings the artifact was judged with."""

    name: Word = "dpmpp_2m"
    steps: Annotated[int, Field(gt=0, le=1000)] = 20
    guidance: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = 1.0
    rho: PositiveFloat = 7.0


class NoteReaderEntry(_Part):
    """The network that reads a stem's notes in its latents (see `stembridge.parts.reader`).

    `lowest` is the MIDI pitch of its first row, `threshold` the share of an onset that is a note.
    """

    file: str
    lowest: Annotated[int, Field(ge=0, le=127)]
    threshold: Annotated[float, Field(gt=0, le=2, allow_inf_nan=False)]


class Manifest(_Part):
    """Everything serving needs to know about an artifact (JSON object, format version 1).

    Rates are in Hz, `hop` in samples per latent frame, lengths in latent frames, sigmas in latent
    units. `sigma_context` is the sigma announced for given latents in "clean" context mode.
    `chords_from_context`: a request that names no chords is told those heard in its context.
    `latents_add_up`: whether the latents of a mixture are the sum of its stems' (waveforms' are).
    `nominal_lufs`, `nominal_stem_lufs`: loudness of the mixtures it was trained on, and of each
    stem in them, LUFS.
    `weights`: safetensors file of the denoiser's parameters; an ONNX denoiser refers to it.
    `style_classifier`: file of the network that hears a style in given latents, if there is one;
    `style_timbres`: style -> stem -> timbres to choose from where a request names none;
    `style_chords`: style -> progressions in C, a chord a bar, for requests with no harmony at all.
    `chord_ears`: file of the network that hears chords in spectra; without one they are estimated.
    `note_readers`: stem -> the network that reads its notes; without one, notes are transcribed.
    """

    format_version: Literal[1] = FORMAT_VERSION
    name: Annotated[str, Field(min_length=1, max_length=100)]
    stems: Annotated[tuple[StemName, ...], Field(min_length=1, max_length=16)]
    sample_rate: Annotated[int, Field(ge=8000, le=192000)]
    hop: Annotated[int, Field(gt=0, le=2**16)]
    window_frames: Frames
    overlap_frames: Annotated[int, Field(ge=0, le=2**20)]
    frame_multiple: Frames = 1
    latent_channels: Channels
    sigma_min: PositiveFloat
    sigma_max: PositiveFloat
    sigma_data: PositiveFloat
    sigma_context: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)] = 0.0
    context_mode: Literal["clean", "imputation"]
    condition_layout: tuple[ConditionBlock, ...] = ()
    styles: Words = ()
    timbres: dict[Word, Words] = {}
    chords_from_context: bool = False
    latents_add_up: bool = False
    nominal_lufs: Lufs | None = None
    nominal_stem_lufs: dict[str, Lufs] = {}
    style_classifier: str | None = None
    style_classifier_format: NetworkFormat = "torchscript"
    style_timbres: dict[Word, dict[Word, Words]] = {}
    style_chords: dict[Word, tuple[str, ...]] = {}
    chord_ears: str | None = None
    note_readers: dict[str, NoteReaderEntry] = {}
    sampler: SamplerDefaults = SamplerDefaults()
    encoders: dict[str, str]
    decoders: dict[str, str]
    denoiser: str
    denoiser_format: NetworkFormat = "torchscript"
    denoiser_dtype: Literal["float32", "float16"] = "float32"
    weights: str | None = None
    files: dict[str, ArtifactFile]
    licence: Annotated[str, Field(max_length=200)]
    training: dict[str, Any] = {}
    figures: dict[str, Any] = {}

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
    def n_stems(self) -> int:
        """S, the length of the stem axis."""
        return len(self.stems)

    @property
    def condition_channels(self) -> int:
        """K, the summed channels of the condition layout."""
        return sum(block.channels for block in self.condition_layout)

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
    def network_files(self) -> set[str]:
        """Names of the files that are opened."""
        named = {self.denoiser, *self.encoders.values(), *self.decoders.values()}
        if self.weights is not None and self.denoiser_format == "onnx":
            named.add(self.weights)
        named |= {reader.file for reader in self.note_readers.values()}
        return named | {name for name in (self.style_classifier, self.chord_ears) if name}

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
    except (ValidationError, ValueError, TypeError) as error:
        raise ModelUntrustedError(f"The model's manifest is wrong: {_first(error)}.") from error


def _first(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    said = first["msg"].removeprefix("Value error, ")
    return f"{where}: {said}" if where else said


def read_manifest(directory: Path) -> Manifest:
    """Read and check `manifest.json` of an artifact folder.

    Raises:
        NoSuchFileError: if the folder holds no manifest.
        ModelUntrustedError: if it is no valid manifest.
    """
    path = directory / MANIFEST_NAME
    if not path.is_file():
        raise NoSuchFileError(f"There is no model in '{directory}': {MANIFEST_NAME} is missing.")
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

"""From torch networks to an artifact: ONNX codecs, and the manifest of all files.

Each export writes its file, torch's answers to fixed noise (`parity`), and its part of the
manifest; the artifact opens once codec and denoiser are both there.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from stembridge.nn.chord_ears import ChordEars
from stembridge.nn.normed_conv import fold_weight_norm
from stembridge.nn.note_reader import NoteReader
from stembridge.nn.onnx_writing import write_onnx
from stembridge.nn.parity import (
    CODEC_FRAMES,
    PARITY_NAME,
    FloatArray,
    audio_input,
    fixed_noise,
    spectra_input,
    store_references,
)
from stembridge.nn.registry import Network
from stembridge.runtime.artifact_files import describe_file
from stembridge.runtime.manifest import (
    FORMAT_VERSION,
    MANIFEST_NAME,
    Manifest,
    parse_manifest,
    write_manifest,
    write_mapping,
)

EARS_NAME = "chord_ears.onnx"


class _Method(nn.Module):
    """A method of a module as a module of its own, which is what exporters take."""

    def __init__(self, module: nn.Module, method: str) -> None:
        super().__init__()
        self.module = module
        self.method = method

    def forward(self, given: Tensor) -> Tensor:
        return getattr(self.module, self.method)(given)


@dataclass(frozen=True)
class CodecExport:
    """One codec and the stems it serves.

    Attributes:
        stems: stems it encodes and decodes.
        network: the codec.
        suffix: "" for the only codec of an artifact, "-bass" and so on for one of several.
    """

    stems: tuple[str, ...]
    network: Network
    suffix: str = ""


def codec_modules(module: nn.Module) -> tuple[nn.Module, nn.Module]:
    """Encoder audio [B, n] -> scaled latents [B, C, F] and decoder, ready for export."""
    pair = getattr(module, "codec_pair", None)
    if callable(pair):
        encoder, decoder = pair()
        return encoder, decoder
    return _Method(module, "encoder"), _Method(module, "decoder")


def song_encoder(module: nn.Module) -> nn.Module:
    """The encoder for whole songs, here and now: by FFT where it can."""
    fast = hasattr(module, "fast_encoder")
    return _Method(module, "fast_encoder") if fast else codec_modules(module)[0]


def export_codec(
    directory: Path, codec: CodecExport, *, legacy: bool = False, float16: bool = False
) -> list[str]:
    """Write encoder and decoder as ONNX, one file each, with dynamic batch and time axes.

    Args:
        directory: the artifact.
        codec: what to write; its `artifact` must give hop and latent_channels.
        legacy: use the old TorchScript-based exporter of PyTorch instead of torch.export.
        float16: store parameters as float16; they are computed with as float32.

    Returns:
        What the manifest still lacks.
    """
    facts = dict(codec.network.artifact)
    hop, channels = int(facts["hop"]), int(facts["latent_channels"])
    module = fold_weight_norm(codec.network.module.eval())
    encoder, decoder = codec_modules(rounded(module) if float16 else module)
    names = f"encoder{codec.suffix}.onnx", f"decoder{codec.suffix}.onnx"
    audio = torch.from_numpy(audio_input("encoder", 1, CODEC_FRAMES * hop))
    latents = torch.from_numpy(fixed_noise("decoder", (1, channels, CODEC_FRAMES)))
    _write_twin(encoder, audio, directory / names[0], ("audio", "latents"), legacy)
    _write_twin(decoder, latents, directory / names[1], ("latents", "audio"), legacy)
    answers = {names[0]: _answer(encoder, audio), names[1]: _answer(decoder, latents)}
    store_references(directory, answers)
    fields = facts | {
        "encoders": dict.fromkeys(codec.stems, names[0]),
        "decoders": dict.fromkeys(codec.stems, names[1]),
    }
    return update_manifest(directory, fields, [*names, PARITY_NAME])


def export_note_reader(
    directory: Path, stem: str, reader: NoteReader, threshold: float
) -> list[str]:
    """Write a stem's note reader as ONNX; batch and time axes are dynamic.

    Args:
        directory: the artifact, whose encoders the reader was fitted to.
        stem: whose notes it reads.
        reader: a fitted one.
        threshold: see `stembridge.parts.ReaderFacts`.

    Returns:
        What the manifest still lacks.
    """
    name, module = f"notes-{stem}.onnx", rounded(reader.eval())
    shape = (1, reader.config.channels, CODEC_FRAMES)
    latents = torch.from_numpy(fixed_noise("notes", shape))
    _write_twin(module, latents, directory / name, ("latents", "notes"), legacy=True)
    store_references(directory, {name: _answer(module, latents)})
    entry = {"file": name, "lowest": reader.config.lowest, "threshold": threshold}
    return update_manifest(directory, {"note_readers": {stem: entry}}, [name, PARITY_NAME])


def export_chord_ears(directory: Path, ears: ChordEars) -> list[str]:
    """Write the chord network as ONNX; batch and time axes are dynamic.

    Returns:
        What the manifest still lacks.
    """
    module = rounded(ears.eval())
    spectra = torch.from_numpy(spectra_input(1))
    _write_twin(module, spectra, directory / EARS_NAME, ("spectra", "chances"), legacy=True)
    store_references(directory, {EARS_NAME: _answer(module, spectra)})
    return update_manifest(directory, {"chord_ears": EARS_NAME}, [EARS_NAME, PARITY_NAME])


_TIME_AXIS = {"audio": 1, "latents": 2, "notes": 3, "spectra": 1, "chances": 1}


def _write_twin(
    module: nn.Module, example: Tensor, path: Path, names: tuple[str, str], legacy: bool
) -> None:
    """One input, one output, batch and time dynamic."""
    given, made = names
    axes = {name: {0: "batch", _TIME_AXIS[name]: f"{name}_time"} for name in names}
    write_onnx(module, {given: torch.cat([example, example])}, made, path, axes, legacy=legacy)


def _answer(module: nn.Module, *given: Tensor) -> FloatArray:
    with torch.inference_mode():
        answer: FloatArray = module(*given).numpy()
    return answer


def rounded(module: nn.Module) -> nn.Module:
    """A copy whose parameters are the float32 numbers that float16 can hold."""
    module = copy.deepcopy(module)
    for parameter in module.parameters():
        parameter.data = parameter.data.half().float()
    return module


def update_manifest(directory: Path, fields: Mapping[str, Any], files: Iterable[str]) -> list[str]:
    """Merge fields and freshly hashed files into the artifact's manifest.

    Returns:
        Names of required fields that are still missing; the manifest is valid when none is.
    """
    path = directory / MANIFEST_NAME
    mapping: dict[str, Any] = {"format_version": FORMAT_VERSION}
    if path.is_file():
        mapping |= json.loads(path.read_text(encoding="utf-8"))
    for key, value in fields.items():
        merged = isinstance(value, Mapping) and value and isinstance(mapping.get(key), dict)
        mapping[key] = {**mapping[key], **value} if merged else value
    described = {name: describe_file(directory / name).model_dump() for name in files}
    there = {n: file for n, file in mapping.get("files", {}).items() if (directory / n).is_file()}
    mapping["files"] = there | described
    required = [name for name, field in Manifest.model_fields.items() if field.is_required()]
    missing = [name for name in required if name not in mapping]
    missing += _stems_without(mapping, "encoders") if not missing else []
    if missing:
        write_mapping(mapping, directory)
    else:
        write_manifest(parse_manifest(mapping), directory)
    return missing


def _stems_without(mapping: Mapping[str, Any], table: str) -> list[str]:
    return [f"{table}.{stem}" for stem in mapping["stems"] if stem not in mapping[table]]

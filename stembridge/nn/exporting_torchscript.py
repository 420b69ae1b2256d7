"""From torch networks to an artifact's TorchScript files: denoiser and style classifier."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from stembridge.nn.exporting import rounded, update_manifest
from stembridge.nn.parity import (
    CODEC_FRAMES,
    PARITY_NAME,
    denoiser_input,
    reference_frames,
    store_references,
    style_input,
)
from stembridge.nn.registry import Network
from stembridge.nn.style_classifier import StyleClassifier

DENOISER_NAME = "denoiser.ts"
STYLE_NAME = "style.ts"


def export_denoiser(directory: Path, network: Network, *, float16: bool = False) -> list[str]:
    """Write the preconditioned denoiser as TorchScript.

    Args:
        directory: the artifact.
        network: the denoiser; its `artifact` gives stems, latent_channels, sigma range and so on.
        float16: store weights as float16 (half the file); they are computed with as float32.

    Returns:
        What the manifest still lacks.
    """
    facts = dict(network.artifact)
    module = network.module.eval()
    if float16:
        module = rounded(module)
    shape = (2, len(facts["stems"]), int(facts["latent_channels"]))
    n_channels = sum(block["channels"] for block in facts.get("condition_layout", ()))
    n_frames = reference_frames(int(facts.get("frame_multiple", 1)))
    arrays = denoiser_input(
        (*shape, n_frames), n_channels, (facts["sigma_min"], facts["sigma_max"])
    )
    given = tuple(torch.from_numpy(array) for array in arrays)
    _write_torchscript(module, given, directory / DENOISER_NAME, float16)
    dtype = "float16" if float16 else "float32"
    # What is there to be heard and chosen belongs to the network that was trained with it.
    deaf: dict[str, Any] = {"style_classifier": None, "style_timbres": {}, "style_chords": {}}
    fields = facts | deaf | {"denoiser": DENOISER_NAME, "denoiser_dtype": dtype}
    return update_manifest(directory, fields, [DENOISER_NAME, PARITY_NAME])


def export_style_classifier(
    directory: Path,
    classifier: StyleClassifier,
    choices: Mapping[str, Any],
    *,
    condition_channels: int,
) -> list[str]:
    """Write the style classifier as TorchScript.

    Args:
        directory: the artifact.
        classifier: a fitted one.
        choices: manifest fields `style_timbres` and `style_chords`.
        condition_channels: K of the artifact.

    Returns:
        What the manifest still lacks.
    """
    config = classifier.config
    shape = (1, config.stems, config.channels, CODEC_FRAMES)
    arrays = style_input(shape, condition_channels)
    given = tuple(torch.from_numpy(array) for array in arrays)
    _write_torchscript(classifier.eval(), given, directory / STYLE_NAME, float16=False)
    fields = {"style_classifier": STYLE_NAME, **choices}
    return update_manifest(directory, fields, [STYLE_NAME, PARITY_NAME])


def _write_torchscript(
    module: nn.Module, given: tuple[Tensor, ...], path: Path, float16: bool
) -> None:
    """Trace, save, and keep torch's answer for the comparison."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the deprecation of torch.jit, see torchscript_model
        answer = module(*given).numpy()
        traced = torch.jit.trace(module, given, check_trace=False)  # verify.py compares it
        if "Device = prim::Constant" in str(traced.inlined_graph):
            raise ValueError(f"{path.name} would run on this device only: its trace names it")
        if float16:
            _halve(traced)
        _save_bare(traced, path)
    store_references(path.parent, {path.name: answer})


def _save_bare(traced: torch.jit.ScriptModule, path: Path) -> None:
    """Save TorchScript without its debug records: they name files of this machine."""
    full, partial = path.with_name(f".{path.name}.full"), path.with_name(f".{path.name}.partial")
    torch.jit.save(traced, full)
    with zipfile.ZipFile(full) as source, zipfile.ZipFile(partial, "w") as target:
        for entry in source.infolist():
            if not entry.filename.endswith(".debug_pkl"):
                _copy_aligned(source.read(entry), entry.filename, target)
    full.unlink()
    partial.replace(path)


def _copy_aligned(data: bytes, name: str, target: zipfile.ZipFile) -> None:
    """Store one entry with its data at a multiple of 64 bytes, as torch writes its archives."""
    entry = zipfile.ZipInfo(name)
    fixed_header, field_header = 30, 4
    start = target.start_dir + fixed_header + len(name.encode()) + field_header
    padding = -start % 64
    # An extra field of an unregistered kind ("FB", the one torch pads with) shifts the data.
    entry.extra = b"FB" + padding.to_bytes(2, "little") + b"Z" * padding
    target.writestr(entry, data)


def _halve(module: nn.Module) -> None:
    # Parameters only: buffers may be tables that need their precision, and are small.
    for parameter in module.parameters():
        parameter.data = parameter.data.half()

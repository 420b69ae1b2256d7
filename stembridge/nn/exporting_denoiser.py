"""From torch networks to an artifact's denoiser and style classifier, as ONNX or TorchScript.

The denoiser's weights lie beside it in safetensors, whatever its format: training goes on from
them, and the ONNX file refers to them instead of holding them a second time.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import torch
from safetensors.torch import save
from torch import Tensor, nn

from stembridge.nn.eight_bit import write_twin
from stembridge.nn.exporting import rounded, update_manifest
from stembridge.nn.exporting_torchscript import write_torchscript
from stembridge.nn.onnx_writing import write_onnx
from stembridge.nn.parity import (
    CODEC_FRAMES,
    PARITY_NAME,
    FloatArray,
    denoiser_input,
    reference_frames,
    store_references,
    style_input,
)
from stembridge.nn.registry import Network
from stembridge.nn.style_classifier import StyleClassifier
from stembridge.runtime.onnx_model import OnnxNetwork
from stembridge.runtime.torchscript_model import TorchScriptNetwork

Format = Literal["onnx", "torchscript"]
SUFFIXES: dict[Format, str] = {"onnx": ".onnx", "torchscript": ".ts"}
DEFAULT_FORMAT: Format = "onnx"
WEIGHTS_NAME = "weights.safetensors"
TWIN_NAME = "denoiser-8bit.onnx"

_INPUTS = ("latents", "levels", "conditions")
_AXES = {name: {0: "batch", axis: "frames"} for name, axis in zip(_INPUTS, (3, 2, 2), strict=True)}


def export_denoiser(
    directory: Path,
    network: Network,
    *,
    format: Format = DEFAULT_FORMAT,
    float16: bool = False,
) -> list[str]:
    """Write the preconditioned denoiser and its weights.

    Args:
        directory: the artifact.
        network: the denoiser; its `artifact` gives stems, latent_channels, sigma range and so on.
        format: of the file that is served.
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
    name = write_denoiser(directory, module, given, format, float16)
    _store_answer(module, given, directory / name)
    # What is there to be heard and chosen belongs to the network that was trained with it.
    deaf: dict[str, Any] = {"style_classifier": None, "style_timbres": {}, "style_chords": {}}
    _drop_others(directory, "denoiser", name)
    fields = {
        "denoiser": name,
        "denoiser_format": format,
        "denoiser_dtype": "float16" if float16 else "float32",
        "weights": WEIGHTS_NAME,
        "denoiser_cpu": _twin(directory, network, format),
    }
    names = [name, WEIGHTS_NAME, PARITY_NAME]
    names += [TWIN_NAME] if fields["denoiser_cpu"] else []
    return update_manifest(directory, facts | deaf | fields, names)


def _twin(directory: Path, network: Network, format: Format) -> str | None:
    """Writes what serves on a CPU; its name, None where the denoiser itself does."""
    (directory / TWIN_NAME).unlink(missing_ok=True)
    if format != "onnx" or network.kind != "backbone":
        return None
    path = directory / f"denoiser{SUFFIXES[format]}"
    return TWIN_NAME if write_twin(path, directory / TWIN_NAME) else None


def write_denoiser(
    directory: Path, module: nn.Module, given: tuple[Tensor, ...], format: Format, float16: bool
) -> str:
    """Writes weights and network, traced with `given`; returns the network's file name."""
    name, weights = f"denoiser{SUFFIXES[format]}", directory / WEIGHTS_NAME
    _write_weights(module, weights, float16)
    if format == "onnx":
        axes = {**_AXES, "denoised": _AXES["latents"]}
        inputs = dict(zip(_INPUTS, given, strict=True))
        write_onnx(module, inputs, "denoised", directory / name, axes, weights=weights)
    else:
        write_torchscript(module, given, directory / name, float16)
    return name


def answer_in(
    format: Format, module: nn.Module, given: tuple[FloatArray, ...], float16: bool
) -> FloatArray:
    """What a denoiser answers once it is written in a format and opened again, on the CPU."""
    with TemporaryDirectory(prefix="stembridge-export-") as folder:
        home, inputs = Path(folder), tuple(torch.from_numpy(array) for array in given)
        code = (home / write_denoiser(home, module, inputs, format, float16)).read_bytes()
        weights = (WEIGHTS_NAME, (home / WEIGHTS_NAME).read_bytes())
    if format == "onnx":
        return OnnxNetwork(code, "denoiser.onnx", _INPUTS, "denoised", weights=weights)(*given)
    return TorchScriptNetwork(code, "denoiser.ts")(*given)


def export_style_classifier(
    directory: Path,
    classifier: StyleClassifier,
    choices: Mapping[str, Any],
    *,
    condition_channels: int,
    format: Format = DEFAULT_FORMAT,
) -> list[str]:
    """Write the style classifier.

    Args:
        directory: the artifact.
        classifier: a fitted one.
        choices: manifest fields `style_timbres` and `style_chords`.
        condition_channels: K of the artifact.
        format: of the file.

    Returns:
        What the manifest still lacks.
    """
    config, module = classifier.config, classifier.eval()
    shape = (1, config.stems, config.channels, CODEC_FRAMES)
    given = tuple(torch.from_numpy(array) for array in style_input(shape, condition_channels))
    name = f"style{SUFFIXES[format]}"
    _drop_others(directory, "style", name)
    if format == "onnx":
        inputs = dict(zip(_INPUTS, (torch.cat([one, one]) for one in given), strict=True))
        axes = {**_AXES, "chances": {0: "batch"}}
        write_onnx(module, inputs, "chances", directory / name, axes)
    else:
        write_torchscript(module, given, directory / name, float16=False)
    _store_answer(module, given, directory / name)
    fields = {"style_classifier": name, "style_classifier_format": format, **choices}
    return update_manifest(directory, fields, [name, PARITY_NAME])


def _drop_others(directory: Path, network: str, kept: str) -> None:
    """Removes the network's files of other formats: nobody would open them."""
    for suffix in SUFFIXES.values():
        if (name := f"{network}{suffix}") != kept:
            (directory / name).unlink(missing_ok=True)


def _store_answer(module: nn.Module, given: tuple[Tensor, ...], path: Path) -> None:
    """Keep torch's answer for the comparison."""
    with torch.inference_mode():
        store_references(path.parent, {path.name: module(*given).numpy()})


def _write_weights(module: nn.Module, path: Path, float16: bool) -> None:
    """All parameters by name, halved if asked to; buffers may be tables that need precision."""
    halved = {name for name, _ in module.named_parameters()} if float16 else set()
    tensors = {
        name: (tensor.half() if name in halved else tensor).contiguous()
        for name, tensor in module.state_dict().items()
    }
    path.write_bytes(save(tensors))

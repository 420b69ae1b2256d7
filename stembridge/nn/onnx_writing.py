"""Torch networks as ONNX files: small, without local names, their weights inside or beside them."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import TensorProto, helper
from torch import Tensor, nn

from stembridge.nn.onnx_size import shrink

Axes = Mapping[str, Mapping[int, str]]
"""Name of an input or output -> its dynamic axes -> their names."""


def write_onnx(
    module: nn.Module,
    given: Mapping[str, Tensor],
    made: str,
    path: Path,
    axes: Axes,
    *,
    legacy: bool = True,
    weights: Path | None = None,
) -> None:
    """Write a network with dynamic axes.

    Args:
        module: in evaluation mode, float32.
        given: examples of its inputs by name, batches of at least two: an exporter may take an
            axis of length 1 for a constant.
        made: name of the output.
        path: of the file.
        axes: dynamic axes of inputs and output.
        legacy: use the old TorchScript-based exporter of PyTorch instead of torch.export.
        weights: a safetensors file beside it that holds the module's parameters; the ONNX file
            then refers to them instead of holding them again. The old exporter only.
    """
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # deprecations inside the exporters
        if legacy:
            model = _legacy(module, given, made, axes, fold=weights is None)
        else:
            model = _modern(module, given, made, axes)
    if weights is not None:
        _refer_to(weights, model)
    _write_bare(model, path)


def _legacy(
    module: nn.Module, given: Mapping[str, Tensor], made: str, axes: Axes, fold: bool
) -> Any:
    buffer = io.BytesIO()
    torch.onnx.export(
        module,
        tuple(given.values()),
        buffer,  # type: ignore[arg-type]
        input_names=list(given),
        output_names=[made],
        dynamo=False,
        do_constant_folding=fold,  # folding makes new, turned weights
        dynamic_axes={name: dict(own) for name, own in axes.items()},
    )
    return onnx.load_model(io.BytesIO(buffer.getvalue()))


def _modern(module: nn.Module, given: Mapping[str, Tensor], made: str, axes: Axes) -> Any:
    # It warns at every export that torchvision, which is not used, is not installed.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    dynamic = torch.export.Dim.DYNAMIC
    program = torch.onnx.export(
        module,
        tuple(given.values()),
        input_names=list(given),
        output_names=[made],
        dynamo=True,
        dynamic_shapes=tuple(dict.fromkeys(axes[name], dynamic) for name in given),
        verbose=False,
    )
    if program is None:
        raise RuntimeError("torch.onnx.export returned nothing")
    return program.model_proto


def _refer_to(weights: Path, model: Any) -> None:
    """Turns the initializers that a safetensors file holds into references to its bytes.

    A safetensors file is the length of a JSON header (8 bytes), the header, and the bare tensors:
    what ONNX calls external data. Halved ones get a `Cast` that runtimes carry out once.
    """
    with weights.open("rb") as file:
        n_header = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(n_header))
    casts = []
    for tensor in model.graph.initializer:
        if tensor.name not in header:
            continue
        name, dims, stored = tensor.name, list(tensor.dims), header[tensor.name]
        if dims != stored["shape"]:
            raise ValueError(f"{name} has another shape in {weights.name}")
        half = stored["dtype"] == "F16"
        start, stop = stored["data_offsets"]
        tensor.Clear()
        tensor.name, tensor.data_location = f"{name}.half" if half else name, TensorProto.EXTERNAL
        tensor.data_type = TensorProto.FLOAT16 if half else TensorProto.FLOAT
        tensor.dims.extend(dims)
        place = {"location": weights.name, "offset": 8 + n_header + start, "length": stop - start}
        for key, value in place.items():
            tensor.external_data.add(key=key, value=str(value))
        if half:
            casts.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _write_bare(model: Any, path: Path) -> None:
    """Write an ONNX model, small and without the exporter's notes: they name local files."""
    shrink(model)
    for part in (model, model.graph, *model.graph.node, *model.functions):
        del part.metadata_props[:]
        part.doc_string = ""
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    path.write_bytes(model.SerializeToString())

"""Makes an ONNX model smaller without changing a number that it computes.

Exporters write a table anew wherever it is used, and weights in single precision even where half
of it holds them exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

_WORTH = 1024  # bytes; smaller tensors stay as they are


def shrink(model: Any) -> None:
    """Shares equal constants and halves what float16 holds exactly; the model is changed."""
    _share_constants(model.graph)
    _halve_weights(model.graph)


def _share_constants(graph: Any) -> None:
    """A constant that was there before becomes an `Identity` of the first of its kind."""
    first: dict[tuple[int, tuple[int, ...], bytes], str] = {}
    for node in graph.node:
        value = _large_constant(node)
        if value is None:
            continue
        key = (value.data_type, tuple(value.dims), value.raw_data)
        known = first.setdefault(key, node.output[0])
        if known != node.output[0]:
            node.CopyFrom(helper.make_node("Identity", [known], list(node.output), node.name))


def _large_constant(node: Any) -> Any:
    if node.op_type != "Constant" or node.attribute[0].name != "value":
        return None
    value = node.attribute[0].t
    return value if len(value.raw_data) > _WORTH else None


def _halve_weights(graph: Any) -> None:
    """Weights in the file become float16, and a `Cast` that runtimes carry out once, loading."""
    casts = []
    for tensor in graph.initializer:
        if tensor.data_location == TensorProto.EXTERNAL:
            continue
        array = numpy_helper.to_array(tensor)
        if array.dtype != np.float32 or array.nbytes <= _WORTH:
            continue
        with np.errstate(over="ignore"):
            half = array.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), array):
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)

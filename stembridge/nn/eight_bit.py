"""A denoiser's twin for CPUs: the same network whose large products are done with 8-bit numbers.

Without special instructions a CPU does them twice as fast. Weights `[K, N]` get one scale for each
of their N outputs, what they are multiplied with one scale for all, anew in each call:

    scale = max |W| / 64        W8 = round(W / scale)        x W = (x8 W8) scale(x) scale

64 and not 127, because the sum of two products of 255 and 64 is the largest that fits the 16 bits
of AVX2's instruction: nothing saturates, so every CPU finds the same whole numbers. The file holds
no weights: it says how they are rounded, and the runtime carries that out once, when it opens it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

STEPS = 64
SMALLEST = 1 << 16
"""Numbers in a weight that is worth it; narrow networks stay as they are."""

_OPENS = ("network.enter.", "network.leave.")
"""What takes latents in and gives them back stays exact: 4 % of the work, half of the error."""


def write_twin(path: Path, twin: Path) -> bool:
    """Write the twin of an ONNX denoiser beside it, with the same file of weights.

    Returns:
        Whether there is anything to gain; else nothing is written.
    """
    model = onnx.load_model(path, load_external_data=False)
    made_by = {name: node for node in model.graph.node for name in node.output}
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    nodes: list[Any] = []
    for node in model.graph.node:
        weight = _weight(node, made_by, shapes)
        nodes += [node] if weight is None else _eight_bit(node, weight)
    if len(nodes) == len(model.graph.node):
        return False
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(_constants())
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    twin.write_bytes(model.SerializeToString())
    return True


def _weight(node: Any, made_by: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> str | None:
    """Name of a product's large, turned weight `[N, K]`; None if it has none.

    Modulation and levels are products with a single row: they are done before they are rounded.
    """
    turn = made_by.get(node.input[1]) if node.op_type == "MatMul" else None
    if turn is None or turn.op_type != "Transpose":
        return None
    name = str(turn.input[0])
    cast = made_by.get(name)
    shape = shapes.get(cast.input[0] if cast is not None and cast.op_type == "Cast" else name)
    if shape is None or len(shape) != 2 or np.prod(shape) < SMALLEST:
        return None
    return None if name.startswith(_OPENS) or ".modulate." in name else name


def _eight_bit(node: Any, weight: str) -> list[Any]:
    """The product with what it is made of; `node.input[1]` is the weight `[K, N]`."""
    given, turned = node.input
    name = f"{weight}.eight_bit"
    make = helper.make_node
    return [
        make("Abs", [turned], [f"{name}.size"]),
        make("ReduceMax", [f"{name}.size", "eight_bit.axis"], [f"{name}.most"], keepdims=0),
        make("Max", [f"{name}.most", "eight_bit.least"], [f"{name}.some"]),
        make("Div", [f"{name}.some", "eight_bit.steps"], [f"{name}.scale"]),
        make("Div", [turned, f"{name}.scale"], [f"{name}.wide"]),
        make("Round", [f"{name}.wide"], [f"{name}.whole"]),
        make("Cast", [f"{name}.whole"], [name], to=onnx.TensorProto.INT8),
        make("DynamicQuantizeMatMul", [given, name, f"{name}.scale"], list(node.output),
             domain="com.microsoft"),
    ]  # fmt: skip


def _constants() -> list[Any]:
    values = {
        "eight_bit.axis": np.array([0], np.int64),
        "eight_bit.least": np.array(1e-12, np.float32),
        "eight_bit.steps": np.array(STEPS, np.float32),
    }
    return [numpy_helper.from_array(value, name) for name, value in values.items()]

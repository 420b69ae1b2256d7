"""Shrunk models compute the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from stembridge.nn.onnx_size import shrink


def model_with(weight: np.ndarray) -> Any:
    """x @ table @ weight @ table, the table written twice, as exporters do."""
    table = np.random.default_rng(0).standard_normal((40, 40)).astype(np.float32)
    constants = [
        helper.make_node("Constant", [], [name], value=numpy_helper.from_array(table, name))
        for name in ("first", "second")
    ]
    products = [
        helper.make_node("MatMul", ["x", "first"], ["a"]),
        helper.make_node("MatMul", ["a", "weight"], ["b"]),
        helper.make_node("MatMul", ["b", "second"], ["y"]),
    ]
    ports = (
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", 40]) for name in "xy"
    )
    graph = helper.make_graph(
        [*constants, *products], "g", *([port] for port in ports),
        [numpy_helper.from_array(weight, "weight")],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def answer(model: Any) -> np.ndarray:
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    x = np.random.default_rng(1).standard_normal((3, 40)).astype(np.float32)
    found = session.run(None, {"x": x})[0]
    assert isinstance(found, np.ndarray)
    return found


@pytest.mark.parametrize("exact", [True, False], ids=["half_exact", "single"])
def test_a_shrunk_model_is_smaller_and_answers_the_same(exact: bool) -> None:
    weight = np.random.default_rng(2).standard_normal((40, 40)).astype(np.float32)
    model = model_with(weight.astype(np.float16).astype(np.float32) if exact else weight)
    before, size = answer(model), model.ByteSize()
    shrink(model)
    assert np.array_equal(answer(model), before)
    saved = size - model.ByteSize()
    assert saved == pytest.approx(40 * 40 * (4 + 2 * exact), abs=200)
    stored = {tensor.data_type for tensor in model.graph.initializer}
    assert stored == {onnx.TensorProto.FLOAT16 if exact else onnx.TensorProto.FLOAT}


def test_what_float16_cannot_hold_stays_as_it_is() -> None:
    weight = np.full((40, 40), 1e6, np.float32)  # beyond its range
    model = model_with(weight)
    shrink(model)
    assert np.array_equal(numpy_helper.to_array(model.graph.initializer[0]), weight)

"""Large products in 8 bits: nothing saturates, small products stay, a CPU serves them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tiny_artifact import export_hearing

from stembridge.nn.eight_bit import STEPS, write_twin
from stembridge.nn.exporting_denoiser import TWIN_NAME, export_denoiser
from stembridge.nn.parity import check_twin, deviation, manifest_input
from stembridge.nn.registry import Network, build
from stembridge.runtime.load import load_model
from stembridge.runtime.manifest import read_manifest

Array = NDArray[np.float32]


def product(path: Path, weight: Array, name: str = "network.middle.weight") -> Path:
    """A network of one turned weight `[N, K]`, stored in half precision as artifacts do."""
    half = numpy_helper.from_array(weight.astype(np.float16), f"{name}.half")
    nodes = [
        helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT),
        helper.make_node("Transpose", [name], ["turned"], perm=[1, 0]),
        helper.make_node("MatMul", ["x", "turned"], ["y"]),
    ]
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("x", "y")]
    graph = helper.make_graph(nodes, "product", values[:1], values[1:], [half])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.save(model, path)
    return path


def answer(path: Path, x: Array) -> Array:
    session = ort.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    found: Array = session.run(None, {"x": x})[0]
    return found


def test_the_largest_numbers_of_all_do_not_saturate(tmp_path: Path) -> None:
    weight = np.full((256, 512), 0.5, np.float32)
    weight[::2] = -0.5
    x = np.ones((1, 20, 512), np.float32)
    path = product(tmp_path / "exact.onnx", weight)
    assert write_twin(path, tmp_path / "twin.onnx")
    # 512 products of 255 and 64; the eight bits of AVX2 would lose some of 255 and 127.
    np.testing.assert_allclose(answer(tmp_path / "twin.onnx", x), answer(path, x), rtol=1e-5)


def test_a_twin_computes_with_whole_numbers(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((256, 300)).astype(np.float16).astype(np.float32)
    x = rng.standard_normal((1, 33, 300), np.float32)
    write_twin(product(tmp_path / "exact.onnx", weight), tmp_path / "twin.onnx")
    scale = np.abs(weight).max(1) / STEPS
    whole = np.rint(weight / scale[:, None])
    step = (max(x.max(), 0) - min(x.min(), 0)) / 255
    zero = np.rint(-min(x.min(), 0) / step)
    taken = np.clip(np.rint(x / step) + zero, 0, 255) - zero
    expected = taken @ whole.T * scale * step
    found = answer(tmp_path / "twin.onnx", x)
    assert deviation("", found, expected.astype(np.float32)).euclidean < 2e-3
    assert 5e-3 < deviation("", found, (x @ weight.T)).euclidean < 0.03


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        ((64, 64), "network.middle.weight"),
        ((256, 512), "network.enter.weight"),
        ((256, 512), "network.blocks.0.modulate.weight"),
    ],
)
def test_small_products_and_those_that_must_be_exact_stay(
    tmp_path: Path, shape: tuple[int, int], name: str
) -> None:
    path = product(tmp_path / "exact.onnx", np.ones(shape, np.float32), name)
    assert not write_twin(path, tmp_path / "twin.onnx")
    assert not (tmp_path / "twin.onnx").exists()


def test_a_cpu_serves_the_twin_that_is_exported_with_a_backbone(tmp_path: Path) -> None:
    folder = export_hearing(tmp_path / "tiny", "onnx")
    manifest = read_manifest(folder)
    assert manifest.denoiser_cpu is None  # too narrow
    shape = {"stems": 4, "channels": manifest.latent_channels, "conditions": 19}
    wide = shape | {"width": 160, "dilations": [1, 0], "sigma_data": 0.4}
    module = build("backbone", wide).eval()
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        for parameter in module.parameters():
            parameter.normal_(0, 0.05)
    facts = {k: v for k, v in manifest.to_mapping().items() if k not in ("files", "denoiser")}
    export_denoiser(folder, Network("backbone", wide, module, facts))
    assert read_manifest(folder).denoiser_cpu == TWIN_NAME
    twin, exact = load_model(folder, "cpu"), load_model(folder, "cpu", exact=True)
    check = check_twin(twin, exact)
    assert check.euclidean > 1e-4
    assert check.acceptable
    given = manifest_input(manifest, 2, 64)
    expected = module(*map(torch.from_numpy, given)).detach().numpy()
    assert deviation("", exact.denoise(*given), expected).acceptable

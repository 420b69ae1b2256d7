"""A model whose networks are all ONNX: the same answers, and no torch anywhere."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from tiny_artifact import export_hearing, export_tiny

from stembridge.errors import BadArgsError, MissingExtraError, ModelUntrustedError, NoGpuError
from stembridge.nn.parity import LIMIT, PARITY_NAME, check_other_shapes, check_stored, load
from stembridge.runtime import device, onnx_model
from stembridge.runtime.load import load_model
from stembridge.runtime.manifest import read_manifest, write_manifest
from stembridge.runtime.networks import require_torch

ARRANGE = """
import sys

class NoTorch:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in ("torch", "onnx", "safetensors", "scipy"):
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)

sys.meta_path.insert(0, NoTorch())
from stembridge.cli import main
sys.argv[0] = "stembridge"
try:
    main()
finally:
    assert "torch" not in sys.modules
"""


@pytest.fixture(scope="module")
def onnx_tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_hearing(tmp_path_factory.mktemp("onnx") / "tiny", "onnx")


def without_torch(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", ARRANGE, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_every_network_agrees_with_torch(onnx_tiny: Path) -> None:
    model = load_model(onnx_tiny, "cpu")
    assert not model.manifest.needs_torch
    found = check_stored(model, load((onnx_tiny / PARITY_NAME).read_bytes()))
    assert {one.name for one in found} >= {"denoiser.onnx", "style.onnx"}
    for one in [*found, *check_other_shapes(model)]:
        assert one.euclidean <= LIMIT, one


def test_both_formats_give_the_same_denoised_latents(onnx_tiny: Path, tmp_path: Path) -> None:
    from stembridge.nn.parity import deviation, manifest_input

    other = load_model(export_hearing(tmp_path / "ts", "torchscript"), "cpu")
    model = load_model(onnx_tiny, "cpu")
    assert other.manifest.needs_torch
    given = manifest_input(model.manifest, 2, 48)
    assert deviation("", model.denoise(*given), other.denoise(*given)).euclidean <= LIMIT


def test_the_papers_unet_is_exported_too(tmp_path: Path) -> None:
    folder = export_tiny(tmp_path / "unet", float16=True, format="onnx")
    model = load_model(folder, "cpu")
    found = check_stored(model, load((folder / PARITY_NAME).read_bytes()))
    for one in [*found, *check_other_shapes(model)]:
        assert one.euclidean <= LIMIT, one


def test_weights_lie_once_and_beside_the_network(onnx_tiny: Path) -> None:
    manifest = read_manifest(onnx_tiny)
    assert manifest.weights in manifest.network_files
    graph, weights = (
        (onnx_tiny / str(n)).stat().st_size for n in ("denoiser.onnx", manifest.weights)
    )
    assert graph < weights
    assert not (onnx_tiny / "denoiser.ts").exists()


def test_stems_are_arranged_where_torch_cannot_be_imported(onnx_tiny: Path, tmp_path: Path) -> None:
    done = without_torch(
        "arrange", "--generate", "bass,drums", "--bpm", 120, "--bars", 1, "--steps", 2, "--json",
        "--model", onnx_tiny, "--out", tmp_path, "--cpu",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {stem["stem"] for stem in json.loads(done.stdout)["stems"]} == {"bass", "drums"}
    assert len(list(tmp_path.rglob("*.wav"))) == 2


def test_a_torchscript_model_says_what_to_install(tiny: Path, tmp_path: Path) -> None:
    done = without_torch(
        "arrange", "--generate", "bass", "--bpm", 120, "--bars", 1, "--model", tiny,
        "--out", tmp_path, "--cpu",
    )  # fmt: skip
    assert done.returncode != 0
    assert "needs PyTorch" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_doctor_works_without_torch() -> None:
    done = without_torch("doctor")
    assert "Traceback" not in done.stderr
    assert "not installed" in done.stdout


def test_missing_torch_is_an_extra(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match="pip install torch"):
        require_torch(read_manifest(tiny))


def test_bfloat16_is_refused_in_words(onnx_tiny: Path) -> None:
    with pytest.raises(BadArgsError, match="computes in float32"):
        load_model(onnx_tiny, "cpu", bfloat16=True)


def test_weights_are_opened_only_as_the_manifest_vouches(onnx_tiny: Path, tmp_path: Path) -> None:
    """Neither other bytes, nor a file that nobody verified."""
    other = Path(shutil.copytree(onnx_tiny, tmp_path / "other"))
    weights = other / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelUntrustedError, match=r"weights\.safetensors.*SHA-256"):
        load_model(other, "cpu")
    manifest = read_manifest(onnx_tiny)
    write_manifest(manifest.model_copy(update={"weights": None}), other)
    with pytest.raises(ModelUntrustedError, match="cannot be opened"):
        load_model(other, "cpu")


def test_without_a_driver_there_is_no_gpu(onnx_tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_model, "cuda_devices", lambda: 0)
    with pytest.raises(NoGpuError, match="GPU 0"):
        load_model(onnx_tiny, "cuda:0")
    assert load_model(onnx_tiny, "auto").device == "cpu"


def test_the_driver_is_asked_without_torch() -> None:
    assert device.cuda_devices() >= 0


def test_the_same_bytes_again(onnx_tiny: Path) -> None:
    model = load_model(onnx_tiny, "cpu")
    x = np.random.default_rng(0).standard_normal((1, 4, model.manifest.latent_channels, 32))
    given = x.astype(np.float32), np.ones((1, 4, 32), np.float32)
    told = np.zeros((1, model.manifest.condition_channels, 32), np.float32)
    assert model.denoise(*given, told).tobytes() == model.denoise(*given, told).tobytes()


def test_the_small_install_is_the_usual_one_without_torch() -> None:
    root = Path(__file__).parents[2]
    usual = tomllib.loads((root / "pyproject.toml").read_text())["project"]["dependencies"]
    text = (root / ".ci" / "without-torch.txt").read_text().splitlines()
    listed = [line for line in text if not line.startswith("#")]
    assert [line for line in usual if not line.startswith(("torch", "onnxruntime"))] == listed[1:]
    assert listed[0].startswith("onnxruntime>=")
    command = "-r .ci/without-torch.txt && .venv/bin/pip install --no-deps ."
    assert command in (root / "README.md").read_text(encoding="utf-8")

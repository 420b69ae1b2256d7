"""Opening a real artifact: what runs, what is refused, which device."""

import json
import logging
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from stembridge.errors import BadArgsError, ModelUntrustedError, NoGpuError, NoSuchFileError
from stembridge.nn.parity import fixed_noise, manifest_input
from stembridge.runtime import load
from stembridge.runtime.artifact_files import describe_file
from stembridge.runtime.device import Threads
from stembridge.runtime.load import load_model, warm_up
from stembridge.runtime.manifest import read_manifest, write_manifest

without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")


@pytest.fixture(scope="module")
def model(tiny: Path):
    model = load_model(tiny, "cpu")
    yield model
    model.close()


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny, tmp_path / "copy"))


def test_shapes_of_every_network(model):
    manifest = model.manifest
    assert model.device == "cpu"
    audio = fixed_noise("audio", (2, 24 * manifest.hop))
    latents = model.encode("drums", audio)
    assert latents.shape == (2, manifest.latent_channels, 24)
    assert latents.dtype == np.float32
    decoded = model.decode("piano", latents)
    assert decoded.shape == (2, 24 * manifest.hop)
    denoised = model.denoise(*manifest_input(manifest, 3, 40))
    assert denoised.shape == (3, 4, manifest.latent_channels, 40)
    assert np.isfinite(denoised).all()


def test_answers_do_not_depend_on_memory_layout(model):
    x, sigma, conditions = manifest_input(model.manifest, 2, 16)
    turned = np.asfortranarray(x.astype(np.float64))
    assert np.array_equal(
        model.denoise(turned, sigma, conditions), model.denoise(x, sigma, conditions)
    )


def test_the_same_call_gives_the_same_bytes(model):
    given = manifest_input(model.manifest, 2, 24)
    assert np.array_equal(model.denoise(*given), model.denoise(*given))


def test_little_noise_is_little_change(model):
    x, sigma, conditions = manifest_input(model.manifest, 1, 16)
    quiet = np.zeros_like(sigma)
    assert np.allclose(model.denoise(x, quiet, conditions), x, atol=1e-6)


def test_closed_models_say_so(tiny: Path):
    model = load_model(tiny, "cpu")
    model.close()
    with pytest.raises(RuntimeError, match="closed"):
        model.encode("bass", np.zeros((1, 3200), np.float32))


def test_an_unknown_stem_is_a_key_error(model):
    with pytest.raises(KeyError):
        model.encode("kazoo", np.zeros((1, 3200), np.float32))


def test_bfloat16_is_near_and_not_equal(tiny: Path, model):
    given = manifest_input(model.manifest, 2, 16)
    coarse, fine = load_model(tiny, "cpu", bfloat16=True).denoise(*given), model.denoise(*given)
    difference = np.linalg.norm(coarse - fine) / np.linalg.norm(fine)
    assert coarse.dtype == np.float32
    assert 0 < difference < 0.02


def test_warm_up_touches_every_network(model):
    assert 0 < warm_up(model, (1, 2)) < 60


def test_the_embedded_model_is_the_default(monkeypatch: pytest.MonkeyPatch, tiny: Path):
    monkeypatch.setattr(load, "pretrained_dir", lambda: tiny)
    assert load_model(device="cpu").manifest.name.startswith("tiny")


def test_threads_are_applied(tiny: Path):
    before = torch.get_num_threads()
    try:
        load_model(tiny, "cpu", Threads(codec=1, denoiser=2))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("name", ["encoder.onnx", "decoder.onnx", "denoiser.ts"])
def test_one_changed_byte_is_refused_before_opening(copy: Path, name: str):
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(ModelUntrustedError, match=f"'{name}'.*SHA-256"):
        load_model(copy, "cpu")


@pytest.mark.parametrize("name", ["encoder.onnx", "denoiser.ts"])
def test_vouched_for_but_no_network(copy: Path, name: str):
    (copy / name).write_bytes(b"no network at all")
    _revouch(copy, name)
    with pytest.raises(ModelUntrustedError, match=name):
        load_model(copy, "cpu")


def test_encoder_in_place_of_decoder_is_refused(copy: Path):
    shutil.copy(copy / "encoder.onnx", copy / "decoder.onnx")
    _revouch(copy, "decoder.onnx")
    with pytest.raises(ModelUntrustedError, match=r"'decoder.onnx' takes \['audio'\]"):
        load_model(copy, "cpu")


def _revouch(folder: Path, name: str) -> None:
    manifest = read_manifest(folder)
    files = {**manifest.files, name: describe_file(folder / name)}
    write_manifest(manifest.model_copy(update={"files": files}), folder)


def test_missing_parts(copy: Path, tmp_path: Path):
    with pytest.raises(NoSuchFileError, match="no model"):
        load_model(tmp_path / "nowhere", "cpu")
    (copy / "denoiser.ts").unlink()
    with pytest.raises(NoSuchFileError, match=r"denoiser\.ts"):
        load_model(copy, "cpu")


def test_an_unfinished_export_names_what_is_missing(copy: Path):
    path = copy / "manifest.json"
    mapping = json.loads(path.read_text())
    del mapping["denoiser"]
    path.write_text(json.dumps(mapping))
    with pytest.raises(ModelUntrustedError, match="denoiser"):
        load_model(copy, "cpu")


@without_gpu
def test_a_gpu_asked_for_by_number_must_be_there(tiny: Path):
    with pytest.raises(NoGpuError, match="GPU 0 cannot be used"):
        load_model(tiny, "cuda:0")


@without_gpu
@pytest.mark.parametrize(
    ("gpus", "why"), [(0, "there is no NVIDIA GPU"), (1, "GPU 0 cannot be used")]
)
def test_auto_falls_back_and_says_so_once(
    gpus: int,
    why: str,
    tiny: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("stembridge.runtime.load.cuda_devices", lambda: gpus)
    with caplog.at_level(logging.INFO, logger="stembridge"):
        assert load_model(tiny, "auto").device == "cpu"
    (record,) = caplog.records
    assert record.getMessage().startswith(f"running on the CPU: {why}")


@without_gpu
def test_onnx_runtime_alone_admits_that_it_has_no_gpu(tiny: Path):
    from stembridge.runtime.onnx_model import OnnxNetwork

    with pytest.raises(NoGpuError, match="ONNX Runtime cannot use GPU 0"):
        OnnxNetwork(
            (tiny / "encoder.onnx").read_bytes(), "encoder.onnx", "audio", "latents", device_id=0
        )


def test_unknown_device_words_are_refused(tiny: Path):
    with pytest.raises(BadArgsError, match="tpu"):
        load_model(tiny, "tpu")


def test_importing_the_room_loads_no_heavy_library():
    code = (
        "import sys, stembridge.runtime.load; "
        "sys.exit(bool({'torch', 'onnxruntime'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.weights
def test_the_embedded_model_warms_up_as_a_daemon_does_without_a_grid() -> None:
    model = load_model(None, "cpu")
    try:
        assert warm_up(model) > 0
    finally:
        model.close()

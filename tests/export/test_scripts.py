"""The export scripts as a user runs them: from anywhere, as files, on the tiny preset."""

import contextlib
import importlib.util
import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import onnx
import pytest
import torch
from tiny_artifact import TINY, export_tiny

from stembridge.nn.exporting import CodecExport, export_codec
from stembridge.nn.exporting_denoiser import export_denoiser
from stembridge.nn.parity import LIMIT
from stembridge.nn.registry import Network, build, config_fields, write_network
from stembridge.nn.sources import preset_codec, preset_denoiser
from stembridge.runtime.artifact_files import describe_file
from stembridge.runtime.load import load_model
from stembridge.runtime.manifest import read_manifest, write_manifest

SCRIPTS = Path(__file__).parents[2] / "export"


def script(name: str, *arguments: object, status: int = 0) -> str:
    command = [sys.executable, "-W", "error", str(SCRIPTS / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def inside(name: str, *arguments: object, status: int = 0) -> str:
    """The same script in this process, which saves the import of torch."""
    spec = importlib.util.spec_from_file_location(f"export_{name[:-3]}", SCRIPTS / name)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            found = module.run([str(argument) for argument in arguments])
        except SystemExit as end:
            found = end.code if isinstance(end.code, int) else 1
            print(end.code)
    assert found == status, said.getvalue()
    return said.getvalue()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_tiny(tmp_path_factory.mktemp("export") / "tiny", float16=True)


@pytest.mark.slow
def test_the_three_commands(tmp_path: Path):
    out = tmp_path / "artifact"
    source = ("--preset", "tiny", "--random", "--seed", 4)
    said = script("onnx.py", *source, "--out", out)
    assert "the manifest still lacks: name, stems" in said
    assert "artifact complete" in script("torchscript.py", *source, "--out", out)
    lines = script("verify.py", out, *source).splitlines()[1:]
    assert len(lines) == 7
    assert "denoiser.onnx (the other format)" in lines[-1]
    for line in lines:
        assert line.endswith("ok")
        assert float(line.split("largest")[0].split()[-1]) < LIMIT
    assert {p.name for p in out.iterdir()} == {*read_manifest(out).files, "manifest.json"}
    for name in ("encoder.onnx", "decoder.onnx"):
        onnx.checker.check_model(onnx.load(out / name), full_check=True)
        assert str(SCRIPTS.parent).encode() not in (out / name).read_bytes()


def test_verify_needs_no_checkpoint(tiny: Path):
    said = inside("verify.py", tiny)
    assert "tiny (random weights) on cpu" in said
    assert said.count(" ok") == 6


def test_verify_fails_where_the_weights_differ(tiny: Path, tmp_path: Path):
    other = Path(shutil.copytree(tiny, tmp_path / "other"))
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    export_denoiser(wrong, preset_denoiser(TINY, seed=1), format="torchscript")
    shutil.copy(wrong / "denoiser.ts", other / "denoiser.ts")
    manifest = read_manifest(other)
    files = {**manifest.files, "denoiser.ts": describe_file(other / "denoiser.ts")}
    write_manifest(manifest.model_copy(update={"files": files}), other)
    said = inside("verify.py", other, status=1)
    assert said.count("TOO LARGE") == 1


def test_verify_refuses_what_the_runtime_refuses(tiny: Path, tmp_path: Path):
    other = Path(shutil.copytree(tiny, tmp_path / "other"))
    (other / "decoder.onnx").write_bytes(b"x")
    assert "SHA-256" in inside("verify.py", other, status=1)


def test_sources_must_be_named(tmp_path: Path):
    assert "--checkpoint or --preset" in inside("onnx.py", "--out", tmp_path, status=2)
    said = inside("torchscript.py", "--preset", "tiny", "--out", tmp_path, status=1)
    assert "--random" in said


def test_float16_halves_the_file_and_keeps_float32_parity(tiny: Path, tmp_path: Path):
    full = tmp_path / "full"
    full.mkdir()
    export_denoiser(full, preset_denoiser(TINY, seed=0), format="torchscript")
    weights = 2 * sum(p.numel() for p in preset_denoiser(TINY, 0).module.parameters())
    sizes = [(folder / "denoiser.ts").stat().st_size for folder in (full, tiny)]
    assert sizes[0] - sizes[1] == pytest.approx(weights, rel=0.05)
    assert read_manifest(tiny).denoiser_dtype == "float16"
    module = torch.jit.load(tiny / "denoiser.ts")
    assert {p.dtype for p in module.parameters()} == {torch.float16}


def test_torchscript_names_no_file_of_this_machine(tiny: Path):
    with zipfile.ZipFile(tiny / "denoiser.ts") as archive:
        for entry in archive.namelist():
            assert str(SCRIPTS.parent).encode() not in archive.read(entry), entry


def test_checkpoints_per_stem_and_the_default_models_kinds(tmp_path: Path):
    """One linear codec per stem and the backbone, through network folders and --facts."""
    arguments: list[object] = []
    for stem in ("bass", "drums"):
        folder = tmp_path / stem
        write_network(_linear_codec(), folder)
        arguments += ["--checkpoint", f"{stem}={folder}"]
    config = {"stems": 2, "channels": 8, "conditions": 5, "width": 32, "dilations": [1, 0]}
    backbone = Network("backbone", {**config, "sigma_data": 1.0}, _backbone(config), {})
    write_network(backbone, tmp_path / "denoiser")
    facts = tmp_path / "facts.json"
    facts.write_text(json.dumps(_facts()))
    out = tmp_path / "artifact"
    inside("onnx.py", *arguments, "--facts", facts, "--out", out, "--legacy")
    said = inside(
        "torchscript.py", "--checkpoint", tmp_path / "denoiser", "--facts", facts, "--out", out,
        "--float16",
    )  # fmt: skip
    assert "artifact complete" in said
    manifest = read_manifest(out)
    assert manifest.decoders == {"bass": "decoder-bass.onnx", "drums": "decoder-drums.onnx"}
    assert manifest.condition_channels == 5
    assert inside("verify.py", out).count(" ok") == 10
    assert load_model(out, "cpu").manifest.licence == "CC0"


def _linear_codec() -> Network:
    module = build("linear_codec", {"n_fft": 256, "hop": 128, "channels": 8, "iterations": 2})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for name, value in module.named_buffers():
            if name in ("basis", "dual"):
                value.normal_(0, 0.05)
    return Network("linear_codec", config_fields(module.config), module, {})


def _backbone(config: dict) -> torch.nn.Module:
    module = build("backbone", {**config, "sigma_data": 1.0})
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        for parameter in module.parameters():  # some start at 0 and would hide a wrong export
            parameter.normal_(0, 0.1)
    return module


def _facts() -> dict:
    return {
        "name": "two stems", "stems": ["bass", "drums"], "sample_rate": 44100, "hop": 128,
        "latent_channels": 8, "window_frames": 64, "overlap_frames": 16, "sigma_min": 0.02,
        "sigma_max": 80.0, "sigma_data": 1.0, "sigma_context": 0.02, "context_mode": "clean",
        "condition_layout": [{"name": "grid", "channels": 5}], "licence": "CC0",
    }  # fmt: skip


def test_an_artifact_may_be_exported_in_any_order(tmp_path: Path):
    assert "encoders" in export_denoiser(tmp_path, preset_denoiser(TINY, seed=0))
    bass = CodecExport(("bass",), preset_codec(TINY, seed=0), "-bass")
    assert export_codec(tmp_path, bass, legacy=True) == [
        "encoders.drums",
        "encoders.guitar",
        "encoders.piano",
    ]

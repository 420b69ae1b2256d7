from __future__ import annotations

import json
import shutil
import socket
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stembridge.cli import bench as bench_module
from stembridge.cli import checks, main, measure, measure_workers
from stembridge.cli.finding import Finding
from stembridge.errors import MissingExtraError
from stembridge.testing import FakeModel
from tests.helpers.daemons import DaemonProcess


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    status = 0
    try:
        main(words)
    except SystemExit as ended:
        status = int(ended.code or 0)
    return status, capsys.readouterr().out


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    """A folder with a manifest and the one file it vouches for."""
    from stembridge.runtime.artifact_files import describe_file
    from stembridge.runtime.manifest import write_manifest
    from stembridge.testing import fake_manifest

    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "fake").write_bytes(b"weights")
    write_manifest(fake_manifest(files={"fake": describe_file(folder / "fake")}), folder)
    return folder


def test_doctor_checks_every_link(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("doctor", "--json", "--port", "0", "--out", str(tmp_path), "--model", str(artifact))
    status, out = run(capsys, *words)
    said = json.loads(out)
    found = {check["name"]: check for check in said["checks"]}
    assert list(found) == [
        "Python", "audio files", "time-stretching", "PyTorch", "ONNX Runtime", "telemetry",
        "GPU", "model", "port", "output folder", "log", "MIDI", "sound card",
    ]  # fmt: skip
    assert found["model"]["status"] == "ok" and "match their hashes" in found["model"]["found"]
    assert all(check["advice"] for check in said["checks"] if check["status"] == "fail")
    assert (status == 0) == said["ok"]


def test_doctor_says_what_to_do(
    artifact: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (artifact / "fake").write_bytes(b"changed")
    findings = [checks.check_model(str(artifact)), Finding("Python", "ok", "3.12")]
    monkeypatch.setattr(checks, "run_checks", lambda *_: findings)
    status, out = run(capsys, "doctor")
    assert status == 1
    assert "fail" in out and "1 to mend" in out
    assert "SHA-256" in out.replace("\n", " ") and "--model" in out
    monkeypatch.setattr(checks, "run_checks", lambda *_: findings[1:])
    assert run(capsys, "doctor") == (0, run(capsys, "doctor")[1])
    assert "Ready to make stems." in run(capsys, "doctor")[1]


def test_no_check_can_end_the_doctor() -> None:
    def ill() -> Finding:
        raise RuntimeError("broken wheel")

    def refused() -> Finding:
        raise MissingExtraError("Install it.")

    assert checks._guarded("x", ill).status == "fail"
    assert "broken wheel" in checks._guarded("x", ill).found
    assert checks._guarded("x", refused).found == "Install it."


def test_an_old_python_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.check_python().status == "ok"
    monkeypatch.setattr(checks, "LAST_PYTHON", (3, 10))
    assert "3.12" in checks.check_python().advice


def test_missing_time_stretching_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_stretch", None)
    finding = checks.check_stretching()
    assert finding.status == "note" and "pip install" in finding.advice


def test_a_running_daemon_is_recognised(tmp_path: Path) -> None:
    with DaemonProcess(tmp_path) as daemon:
        finding = checks.check_port("127.0.0.1", daemon.port)
    assert finding.status == "ok" and "a stembridge daemon answers" in finding.found


def test_a_taken_port_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "PING_S", 0.1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
        finding = checks.check_port("127.0.0.1", port)
    assert finding.status == "note" and "taken" in finding.found and "--port" in finding.advice
    assert checks.check_port("127.0.0.1", port).status == "ok"


def test_output_folders_are_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.check_output(str(tmp_path / "new" / "deep")).status == "ok"
    (tmp_path / "file").write_text("")
    assert "is a file" in checks.check_output(str(tmp_path / "file" / "x")).found

    def refuse(**_options: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(checks.tempfile, "TemporaryFile", refuse)
        assert "cannot be written" in checks.check_output(str(tmp_path)).found
    monkeypatch.setenv("STEMBRIDGE_HOME", str(tmp_path))
    usage = shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    finding = checks.check_output(None)
    assert finding.status == "note" and str(tmp_path) in finding.found


def fake_torch(available: bool) -> SimpleNamespace:
    cuda = SimpleNamespace(
        is_available=lambda: available,
        mem_get_info=lambda _index: (2**33, 2**34),
        get_device_name=lambda _index: "Test GPU",
        max_memory_allocated=lambda _device: 2**21,
    )
    return SimpleNamespace(cuda=cuda, __version__="2.13", get_num_threads=lambda: 2)


@pytest.mark.parametrize(
    ("available", "driver", "providers", "status", "word"),
    [
        (False, None, ["CPUExecutionProvider"], "ok", "the CPU does the work"),
        (False, "/usr/bin/nvidia-smi", ["CPUExecutionProvider"], "note", "PyTorch cannot"),
        (True, None, ["CUDAExecutionProvider"], "ok", "Test GPU, 8.0 of 16.0 GiB"),
        (True, None, ["CPUExecutionProvider"], "note", "ONNX Runtime cannot"),
    ],
)
def test_gpu_findings(
    monkeypatch: pytest.MonkeyPatch, available: bool, driver: str | None, providers: list[str],
    status: str, word: str,
) -> None:  # fmt: skip
    monkeypatch.setitem(sys.modules, "torch", fake_torch(available))  # type: ignore[arg-type]
    onnx = SimpleNamespace(get_available_providers=lambda: providers, __version__="1")
    monkeypatch.setitem(sys.modules, "onnxruntime", onnx)  # type: ignore[arg-type]
    monkeypatch.setattr(shutil, "which", lambda _name: driver)
    finding = checks.check_gpu()
    assert finding.status == status and word in finding.found


def test_both_onnxruntimes_at_once_are_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_installed", lambda _package: True)
    finding = checks.check_onnxruntime()
    assert finding.status == "fail" and "uninstall" in finding.advice


def test_absent_packages_are_not_installed() -> None:
    assert checks._installed("numpy") and not checks._installed("no-such-package-at-all")


def test_a_child_answers_says_why_not_or_runs_out_of_time() -> None:
    assert checks.ask_child("import json\nprint(json.dumps('two ports'))") == ("two ports", "")
    refused = "from stembridge.errors import DeviceLostError\nraise DeviceLostError('No card.')"
    assert checks.ask_child(refused) == (None, "No card.")
    answer, why = checks.ask_child("raise RuntimeError('driver')")
    assert answer is None and "driver" in why
    assert "status 3" in checks.ask_child("import os\nos._exit(3)")[1]
    assert "did not answer" in checks.ask_child("import time\ntime.sleep(60)", limit_s=0.5)[1]


@pytest.mark.parametrize(
    ("answer", "midi", "sound"),
    [
        (("alsa: 1 inputs, 2 outputs", ""), "ok", "ok"),
        ((None, "There is no MIDI system."), "note", "note"),
        (("", ""), "ok", "note"),
    ],
)
def test_midi_and_sound_card_findings(
    monkeypatch: pytest.MonkeyPatch, answer: tuple[str | None, str], midi: str, sound: str
) -> None:
    monkeypatch.setattr(checks, "ask_child", lambda _program: answer)
    assert (checks.check_midi().status, checks.check_sound_card().status) == (midi, sound)


def test_bench_measures_every_stage(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "BARS", 1)
    monkeypatch.setattr(measure, "BEATS", 4)
    status, out = run(capsys, "bench", "--model", "fake:", "--cpu", "--repeats", "1", "--json")
    said = json.loads(out)
    assert status == 0
    assert {(r["sampler"], r["steps"]) for r in said["runs"]} == {
        ("dpmpp_2m", 5), ("dpmpp_2m", 8), ("dpmpp_2m", 10), ("dpmpp_2m", 20), ("dpmpp_2m", 40),
        ("euler", 150),
    }  # fmt: skip
    assert [r["steps"] for r in said["runs"] if r["default"]] == [8]
    assert said["paper_ratio"] > 3
    assert said["all_stems"]["audio_s"] == 12.0 and said["all_stems"]["total_s"] > 0
    for key in ("load_s", "warm_up_s", "encode_s", "denoise_s", "decode_s", "files_s", "chords_s"):
        assert said[key] >= 0
    assert all(r["total_s"] >= r["sample_s"] > 0 for r in said["runs"])
    assert said["peak_memory_mib"] > 10 and said["peak_gpu_memory_mib"] is None


def test_bench_prints_for_humans(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "BARS", 1)
    monkeypatch.setattr(measure, "BEATS", 4)
    monkeypatch.setattr(bench_module, "is_terminal", lambda: True)
    words = ("bench", "--model", "fake:", "--repeats", "1", "--no-paper")
    out = run(capsys, *words)[1]
    assert "real-time factor" in out and "papers" not in out
    assert "(the model's own setting)" in out and "peak memory" in out
    assert "all stems of 12 s" in out
    assert "hear the context's chords" in out and "sound and judge" in out
    monkeypatch.setattr(bench_module, "is_terminal", lambda: False)
    monkeypatch.setattr(measure, "_peak_gpu_mib", lambda _device: 12.0)
    out = run(capsys, *words[:-1])[1]
    assert "GPU 12 MiB" in out and "the papers' setting takes" in out


def test_bench_compares_workers(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure_workers, "JOBS", 8)
    words = ("bench", "--model", "fake:delay=0.01", "--cpu", "--workers", "2")
    said = json.loads(run(capsys, *words, "--json")[1])
    assert (said["model"], said["jobs"], said["workers"]) == ("fake", 8, 2)
    assert said["ratio"] == pytest.approx(said["several_s"] / said["one_s"])
    print(f"two workers took {said['ratio']:.2f} of the time of one")
    monkeypatch.setattr(
        measure_workers, "measure_workers", lambda *_words: said | {"cluster": "local"}
    )
    assert "8 short jobs on the cluster local: one worker" in run(capsys, *words)[1]


def test_bench_says_what_is_wrong_with_the_model(capsys: pytest.CaptureFixture[str]) -> None:
    status, out = run(capsys, "bench", "--model", "/no/such/model", "--workers", "2")
    assert (status, out) == (2, "")


def test_peak_memory_on_each_system(monkeypatch: pytest.MonkeyPatch) -> None:
    here = measure.peak_memory_bytes()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert measure.peak_memory_bytes() == pytest.approx(here / 1024, rel=0.1)
    monkeypatch.setattr(sys, "platform", "win32")
    memory = SimpleNamespace(peak_wset=123)
    process = SimpleNamespace(memory_info=lambda: memory)
    monkeypatch.setitem(sys.modules, "psutil", SimpleNamespace(Process=lambda: process))  # type: ignore[arg-type]
    assert measure.peak_memory_bytes() == 123.0


def test_gpu_memory_is_asked_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", fake_torch(True))  # type: ignore[arg-type]
    assert measure._peak_gpu_mib("cuda:0") == 2.0
    assert measure._peak_gpu_mib(FakeModel().device) is None

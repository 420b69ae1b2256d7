"""The doctor's checks: each looks at one link and returns a finding, never an exception.

Libraries that talk to devices can hang for ever when a driver is ill, so they are asked in a child
process with a time limit.
"""

from __future__ import annotations

import contextlib
import platform
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stembridge.cli.finding import Finding, ask_child
from stembridge.cli.telemetry import check_telemetry
from stembridge.errors import StembridgeError
from stembridge.runtime.device import cuda_devices

if TYPE_CHECKING:
    from stembridge.engines import EngineFacts

PING_S = 1.0
ENOUGH_ROOM_BYTES = 2**30
FIRST_PYTHON, LAST_PYTHON = (3, 11), (3, 13)


def run_checks(model: str | None, host: str, port: int, out: str | None) -> list[Finding]:
    """All checks, in the order in which the links depend on each other."""
    checks: list[tuple[str, Callable[[], Finding]]] = [
        ("Python", check_python),
        ("audio files", check_audio_files),
        ("time-stretching", check_stretching),
        ("PyTorch", check_torch),
        ("ONNX Runtime", check_onnxruntime),
        ("telemetry", check_telemetry),
        ("GPU", check_gpu),
        ("model", lambda: check_model(model)),
        ("port", lambda: check_port(host, port)),
        ("output folder", lambda: check_output(out)),
        ("log", check_log),
        ("MIDI", check_midi),
        ("sound card", check_sound_card),
    ]
    return [_guarded(name, check) for name, check in checks]


def _guarded(name: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except StembridgeError as error:
        return Finding(name, "fail", error.sentence)
    except Exception as error:  # noqa: BLE001 - a doctor that dies of an illness helps nobody
        advice = "Install stembridge again in a fresh virtual environment."
        return Finding(name, "fail", f"{type(error).__name__}: {error}", advice)


def check_python() -> Finding:
    """The interpreter's version."""
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if FIRST_PYTHON <= sys.version_info[:2] <= LAST_PYTHON:
        return Finding("Python", "ok", found)
    return Finding("Python", "fail", found, "Use Python 3.11, 3.12 or 3.13.")


def check_audio_files() -> Finding:
    """What libsndfile reads; nothing else (no ffmpeg) is needed."""
    import soundfile

    formats = soundfile.available_formats()
    wanted = [name for name in ("WAV", "AIFF", "FLAC", "OGG", "MP3") if name in formats]
    return Finding(
        "audio files",
        "ok",
        f"libsndfile {soundfile.__libsndfile_version__}: {', '.join(wanted)}; needs no ffmpeg",
    )


def check_stretching() -> Finding:
    """Signalsmith Stretch, for clips of another tempo."""
    try:
        import python_stretch  # noqa: F401
    except ImportError:
        advice = "Clips of another tempo need it: pip install python-stretch"
        return Finding("time-stretching", "note", "python-stretch is not installed", advice)
    return Finding("time-stretching", "ok", f"python-stretch {metadata.version('python-stretch')}")


def check_torch() -> Finding:
    """PyTorch runs networks that are TorchScript."""
    try:
        import torch
    except ModuleNotFoundError:
        return Finding("PyTorch", "ok", "not installed; models whose networks are ONNX need none")
    return Finding("PyTorch", "ok", f"{torch.__version__}, {torch.get_num_threads()} threads")


def check_onnxruntime() -> Finding:
    """ONNX Runtime runs everything that is not TorchScript."""
    import onnxruntime

    names = [name.removesuffix("ExecutionProvider") for name in _providers(onnxruntime)]
    both = _installed("onnxruntime") and _installed("onnxruntime-gpu")
    advice = "pip uninstall onnxruntime onnxruntime-gpu, then install stembridge again."
    found = f"{onnxruntime.__version__}: {', '.join(names)}"
    if both:
        found += "; onnxruntime and onnxruntime-gpu are both installed and overwrite each other"
        return Finding("ONNX Runtime", "fail", found, advice)
    return Finding("ONNX Runtime", "ok", found)


def _providers(onnxruntime: Any) -> list[str]:
    return list(onnxruntime.get_available_providers())


def _installed(package: str) -> bool:
    with contextlib.suppress(metadata.PackageNotFoundError):
        return bool(metadata.version(package))
    return False


def check_gpu() -> Finding:
    """Whether both libraries can use a GPU; without one, the CPU does the work."""
    import onnxruntime

    try:
        import torch
    except ModuleNotFoundError:
        if count := cuda_devices():
            return _gpu_for_onnx(f"{count} with an NVIDIA driver", onnxruntime)
        return Finding("GPU", "ok", "none; the CPU does the work")
    if not torch.cuda.is_available():
        if shutil.which("nvidia-smi") is None:
            return Finding("GPU", "ok", "none; the CPU does the work")
        advice = "Install a PyTorch built for CUDA and a current NVIDIA driver, or use --cpu."
        return Finding("GPU", "note", "an NVIDIA driver is here, but PyTorch cannot use it", advice)
    free, total = torch.cuda.mem_get_info(0)
    found = f"{torch.cuda.get_device_name(0)}, {free / 2**30:.1f} of {total / 2**30:.1f} GiB free"
    return _gpu_for_onnx(found, onnxruntime)


def _gpu_for_onnx(found: str, onnxruntime: Any) -> Finding:
    if "CUDAExecutionProvider" in _providers(onnxruntime):
        return Finding("GPU", "ok", found)
    advice = "pip install 'stembridge[cuda]' (onnxruntime-gpu instead of onnxruntime)"
    return Finding("GPU", "note", f"{found}; ONNX Runtime cannot use it", advice)


def check_model(model: str | None) -> Finding:
    """The artifact's files against the hashes of its manifest."""
    from stembridge.engines import engine_in
    from stembridge.paths import pretrained_dir
    from stembridge.runtime.artifact_files import read_verified
    from stembridge.runtime.manifest import read_manifest

    folder = pretrained_dir() if model is None else Path(model).expanduser()
    if (engine := engine_in(folder)) is not None:
        return _check_engine(folder, engine)
    try:
        manifest = read_manifest(folder)
        n_bytes = sum(len(read_verified(folder, manifest, name)) for name in manifest.files)
    except StembridgeError as error:
        advice = "Install stembridge again, or name another folder with --model."
        return Finding("model", "fail", error.sentence, advice)
    found = (
        f"'{manifest.name}' ({', '.join(manifest.stems)}; {manifest.sample_rate} Hz; "
        f"{n_bytes / 2**20:.0f} MiB; licence {manifest.licence}), {len(manifest.files)} files "
        f"match their hashes, {manifest.artifact_sha256[:12]}; "
        f"{'needs PyTorch' if manifest.needs_torch else 'needs no PyTorch'}"
    )
    return Finding("model", "ok", found)


def _check_engine(folder: Path, engine: EngineFacts) -> Finding:
    """Somebody else's weights, and whether the libraries that run them are here."""
    from stembridge.engines.folder import check_folder, engine_manifest

    check_folder(folder)
    manifest = engine_manifest(folder, engine)
    n_bytes = sum(file.bytes for file in manifest.files.values())
    found = (
        f"the engine '{manifest.name}' ({manifest.sample_rate} Hz; {n_bytes / 2**20:.0f} MiB; "
        f"licence {manifest.licence}), which makes takes to words"
    )
    lacking = [name for name in ("transformers", "diffusers") if find_spec(name) is None]
    if lacking:
        advice = "pip install 'stembridge[engines]'"
        return Finding("model", "fail", f"{found}; {lacking[0]} is not installed", advice)
    return Finding("model", "ok", found)


def check_port(host: str, port: int) -> Finding:
    """Whether the daemon could listen."""
    where = f"UDP {host}:{port}"
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((host, port))
    except OSError as error:
        pong = ask_daemon(host, port)
        if pong is not None:
            return Finding("port", "ok", f"{where}: a stembridge daemon answers ({pong})")
        found = f"{where} is taken by a program that is no stembridge ({error.strerror or error})"
        return Finding("port", "note", found, f"stembridge serve --port {port % 65_535 + 1}")
    return Finding("port", "ok", f"{where} is free")


def ask_daemon(host: str, port: int) -> str | None:
    """State of the daemon that listens there; None if nobody answers."""
    from stembridge.client import Client

    with contextlib.suppress(StembridgeError), Client(host, port, timeout_s=PING_S) as client:
        pong = client.ping()
        return f"{pong['state']}, {pong['queued']} queued"
    return None


def check_output(out: str | None) -> Finding:
    """Whether takes can be written, and how many fit."""
    from stembridge.paths import default_output_dir
    from stembridge.safe_files import free_bytes

    folder = (Path(out).expanduser() if out else default_output_dir()).absolute()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    advice = "Choose another folder with --out."
    if not existing.is_dir():
        return Finding("output folder", "fail", f"{existing} is a file", advice)
    try:
        with tempfile.TemporaryFile(dir=existing) as probe:
            probe.write(b"stembridge")
    except OSError as error:
        reason = f"{existing} cannot be written to ({error.strerror or error})"
        return Finding("output folder", "fail", reason, advice)
    free = free_bytes(folder)
    found = f"{folder}, {free / 2**30:.1f} GiB free"
    if free < ENOUGH_ROOM_BYTES:
        return Finding("output folder", "note", found, "Free some room soon.")
    return Finding("output folder", "ok", found)


def check_log() -> Finding:
    """Where the daemon writes what it says."""
    from stembridge.config import load_config
    from stembridge.daemon.log import LOG_NAME
    from stembridge.paths import config_file, state_dir

    config = load_config(toml_file=config_file())
    state = config.journal.parent if config.journal else state_dir()
    path = (config.log_file or state / LOG_NAME).expanduser()
    if path.is_file():
        return Finding("log", "ok", f"{path}, {path.stat().st_size / 1024:.0f} KiB")
    return Finding("log", "ok", f"{path}, once a daemon has run")


_MIDI_PROGRAM = """
import json
from stembridge.midi.ports import list_ports
ports = list_ports()
print(json.dumps(f"{ports.api}: {len(ports.inputs)} inputs, {len(ports.outputs)} outputs"))
"""
_AUDIO_PROGRAM = """
import json
from stembridge.audio_io.devices import list_devices
names = [device.name for device in list_devices()]
print(json.dumps(", ".join(names[:4]) + (" …" if len(names) > 4 else "") if names else ""))
"""


def check_midi() -> Finding:
    """MIDI ports; stembridge works without."""
    found, sentence = ask_child(_MIDI_PROGRAM)
    if found is None:
        return Finding("MIDI", "note", "no MIDI; everything else works without", sentence)
    return Finding("MIDI", "ok", found)


def check_sound_card() -> Finding:
    """Sound devices; stems are written to files without any."""
    found, sentence = ask_child(_AUDIO_PROGRAM)
    if found is None:
        return Finding("sound card", "note", "cannot be asked; stems are files all the same",
                       sentence)  # fmt: skip
    if not found:
        return Finding("sound card", "note", "none; stems are files all the same")
    return Finding("sound card", "ok", found)

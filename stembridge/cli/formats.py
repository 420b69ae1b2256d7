"""`stembridge bench --formats`: the same denoiser as ONNX and as TorchScript, side by side.

Each format gets a process of its own, since what counts to a musician who starts the daemon is the
time until the first answer, imports and all.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from stembridge.errors import StembridgeError

ROUNDS = 3  # the formats take turns, so that a busy machine is busy for both

_PROGRAM = """
import json, sys, time
import numpy as np
from stembridge.runtime.load import load_model
folder, started, repeats = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
model = load_model(folder, "cpu")
m = model.manifest
x = np.random.default_rng(0).standard_normal(
    (1, m.n_stems, m.latent_channels, m.window_frames), np.float32)
sigma = np.ones((1, m.n_stems, m.window_frames), np.float32)
conditions = np.zeros((1, m.condition_channels, m.window_frames), np.float32)
model.denoise(x, sigma, conditions)
start_s, calls = time.time() - started, []
for _ in range(repeats):
    before = time.perf_counter()
    model.denoise(x, sigma, conditions)
    calls.append(time.perf_counter() - before)
print(json.dumps([start_s, sorted(calls)[len(calls) // 2], "torch" in sys.modules]))
"""


def compare_formats(folder: Path, repeats: int) -> list[dict[str, Any]]:
    """Figures of each format on the CPU; times in s.

    Args:
        folder: an artifact that can be trained further: the denoiser is exported anew.
        repeats: calls of which the median counts, in each of the rounds.

    Returns:
        For each format: `format`, `start_s` from the start of a process to its first answer,
        `denoise_s` of one call on one window, `imports_torch`, `megabytes` of the denoiser.
    """
    with TemporaryDirectory(prefix="stembridge-bench-") as home:
        variants = _variants(folder, Path(home))
        found: dict[str, list[list[Any]]] = {name: [] for name in variants}
        for _ in range(ROUNDS):
            for name, variant in variants.items():
                found[name].append(_measured(variant, repeats))
        return [
            {
                "format": name,
                "start_s": statistics.median(run[0] for run in found[name]),
                "denoise_s": statistics.median(run[1] for run in found[name]),
                "imports_torch": bool(found[name][0][2]),
                "megabytes": _denoiser_bytes(variant) / 1e6,
            }
            for name, variant in variants.items()
        ]


def _variants(folder: Path, home: Path) -> dict[str, Path]:
    """Format -> the artifact with its denoiser in that format, and without what hears styles."""
    from stembridge.nn.exporting import update_manifest
    from stembridge.nn.exporting_denoiser import SUFFIXES, export_denoiser
    from stembridge.nn.registry import Network
    from stembridge.training.start import Start

    start = Start.open(folder)
    others = ("files", "denoiser", "denoiser_cpu")
    facts = {k: v for k, v in start.manifest.to_mapping().items() if k not in others}
    facts |= {"style_classifier": None, "style_timbres": {}, "style_chords": {}}
    network = Network("backbone", {}, start.denoiser(start.weights), facts)
    own = start.manifest
    kept = own.network_files - {own.denoiser, own.denoiser_cpu, own.weights, own.style_classifier}
    variants: dict[str, Path] = {}
    for name in SUFFIXES:
        variant = variants[name] = home / name
        variant.mkdir()
        for file in kept:
            shutil.copyfile(folder / str(file), variant / str(file))
        update_manifest(variant, facts, [str(file) for file in kept])
        half = start.manifest.denoiser_dtype == "float16"
        export_denoiser(variant, network, format=name, float16=half)
    return variants


def _denoiser_bytes(variant: Path) -> int:
    from stembridge.runtime.manifest import read_manifest

    manifest = read_manifest(variant)
    names = {manifest.denoiser, manifest.weights} & manifest.network_files
    return sum(manifest.files[str(name)].bytes for name in names)


def _measured(variant: Path, repeats: int) -> list[Any]:
    command = [sys.executable, "-c", _PROGRAM, str(variant), repr(time.time()), str(repeats)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StembridgeError(f"The denoiser could not be measured: {done.stderr[-300:]}")
    answer: list[Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def as_text(figures: list[dict[str, Any]]) -> str:
    """The figures as lines of words."""
    return "\n".join(
        f"{one['format']:>12}: first answer after {one['start_s']:.1f} s, one call "
        f"{one['denoise_s'] * 1e3:.1f} ms, {one['megabytes']:.1f} MB"
        + ("" if one["imports_torch"] else ", without torch")
        for one in figures
    )

"""The measurements behind `stembridge bench`, made on the pipeline that serves requests."""

from __future__ import annotations

import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.audio.files import write_stem
from stembridge.audio.resample import fit_length
from stembridge.context.hearing import heard_chords
from stembridge.musical_time import FOUR_FOUR, beats_to_samples, frames_for_samples, round_up
from stembridge.pipeline.receipt import versions
from stembridge.pipeline.receipt_reading import read_receipt
from stembridge.pipeline.run import arrange
from stembridge.request import parse_request
from stembridge.runtime.load import warm_up
from stembridge.runtime.model import StemModel

BPM, BARS, BEATS, RATE = 120, 8, 32, 44_100
ALL_BEATS = 24  # 12 s, of all stems at once
STEPS = (5, 10, 20, 40)
PAPER = ("euler", 150)


def measure(
    load: Callable[[], StemModel], repeats: int, paper: bool, tell: Callable[[str], None]
) -> dict[str, Any]:
    """All figures as a JSON-ready mapping; times in s, medians of `repeats` runs.

    Args:
        load: opens the model.
        repeats: runs of each measurement.
        paper: also run the papers' setting (once).
        tell: told what is being measured.
    """
    load_s, model = _timed(load)
    tell("warming up")
    warm_up_s = warm_up(model)
    tell("the networks one by one")
    figures = _networks(model, repeats)
    habit = model.manifest.sampler
    settings = dict.fromkeys([(habit.name, habit.steps), *((habit.name, n) for n in STEPS)])
    with tempfile.TemporaryDirectory(prefix="stembridge-bench-") as folder:
        context = _write_context(Path(folder))
        runs = []
        for sampler, steps in [*sorted(settings), *([PAPER] if paper else [])]:
            tell(f"{sampler}, {steps} steps")
            times = 1 if (sampler, steps) == PAPER else repeats
            runs.append(_run(model, context, Path(folder), sampler, steps, times))
        tell("all stems at once")
        all_s = _median_s(partial(_all_stems, model, Path(folder)), repeats)
    own = next(r for r in runs if (r["sampler"], r["steps"]) == (habit.name, habit.steps))
    for run in runs:
        run["default"] = run is own
    return {
        "model": model.manifest.name,
        "artifact_sha256": model.manifest.artifact_sha256,
        "device": model.device,
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        "versions": versions(),
        "audio_s": BEATS * 60 / BPM,
        "load_s": load_s,
        "warm_up_s": warm_up_s,
        **figures,
        "all_stems": {"audio_s": ALL_BEATS * 60 / BPM, "total_s": all_s},
        "files_s": own["read_s"] + own["write_s"],
        "sound": own["sound"],
        "runs": runs,
        "paper_ratio": runs[-1]["sample_s"] / own["sample_s"] if paper else None,
        "peak_memory_mib": peak_memory_bytes() / 2**20,
        "peak_gpu_memory_mib": _peak_gpu_mib(model.device),
    }


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def _median_s(call: Callable[[], Any], repeats: int) -> float:
    return statistics.median(_timed(call)[0] for _ in range(repeats))


def _networks(model: StemModel, repeats: int) -> dict[str, float]:
    """Every network on the whole length; one denoiser call on one window."""
    manifest = model.manifest
    n_samples = beats_to_samples(BEATS, BPM, manifest.sample_rate)
    n_frames = frames_for_samples(n_samples, manifest.hop)
    stem = manifest.stems[0]
    audio = fit_length(_pulses(n_samples, manifest.sample_rate), n_frames * manifest.hop)[None]
    latents = model.encode(stem, audio)
    model.decode(stem, latents)  # the first call at a new length is slower
    window = min(manifest.window_frames, round_up(n_frames, manifest.frame_multiple))
    shape = (1, manifest.n_stems, manifest.latent_channels, window)
    x = np.random.default_rng(0).standard_normal(shape, np.float32)
    sigma = np.ones((1, manifest.n_stems, window), np.float32)
    conditions = np.zeros((1, manifest.condition_channels, window), np.float32)
    model.denoise(x, sigma, conditions)
    notes = {}
    if stem in manifest.note_readers:
        notes = {"notes_s": _median_s(lambda: model.read_notes(stem, latents), repeats)}
    context = {name: audio[0] for name in manifest.stems}
    hear = partial(heard_chords, context, manifest, BPM, FOUR_FOUR, BEATS, ears=model.chord_chances)
    return notes | {
        "chords_s": _median_s(hear, repeats),
        "encode_s": _median_s(lambda: model.encode(stem, audio), repeats),
        "denoise_s": _median_s(lambda: model.denoise(x, sigma, conditions), 3 * repeats),
        "decode_s": _median_s(lambda: model.decode(stem, latents), repeats),
    }


def _pulses(n_samples: int, rate: int) -> FloatArray:
    """A noise burst on every beat: something like music for the networks to work on."""
    beats = np.arange(n_samples) / rate * BPM / 60
    noise = np.random.default_rng(0).standard_normal(n_samples)
    return (0.2 * noise * np.exp(-8 * (beats % 1.0))).astype(np.float32)


def _write_context(folder: Path) -> dict[str, str]:
    """Two context files of the request's length."""
    n_samples = beats_to_samples(BEATS, BPM, RATE)
    seconds = np.arange(n_samples) / RATE
    chord = sum(np.sin(2 * np.pi * hz * seconds) for hz in (220.0, 261.63, 329.63))
    piano = 0.1 * np.asarray(chord) * np.exp(-3 * (seconds % 1.0))
    stems = {"drums": _pulses(n_samples, RATE), "piano": piano.astype(np.float32)}
    for stem, audio in stems.items():
        write_stem(folder / f"{stem}.wav", audio, RATE, "pcm24")
    return {f"context.{stem}": str(folder / f"{stem}.wav") for stem in stems}


def _run(
    model: StemModel, context: dict[str, str], folder: Path, sampler: str, steps: int, repeats: int
) -> dict[str, Any]:
    """End to end, files included; the stages' times are those of the median run."""
    made = next(s for s in model.manifest.makes if f"context.{s}" not in context)
    request = parse_request(
        {"generate": made, "bpm": BPM, "bars": BARS, "sampler": sampler, "steps": steps, "seed": 0}
        | context
    )
    runs = []
    for _ in range(repeats):
        total_s, stems = _timed(lambda: arrange(request, model, folder / "takes"))
        runs.append((total_s, read_receipt(stems[0].path.parent)["timings_s"]))
    total_s, stages = sorted(runs, key=lambda run: run[0])[len(runs) // 2]
    return {
        "sampler": sampler,
        "steps": steps,
        "total_s": total_s,
        "rtf": total_s / (BEATS * 60 / BPM),
        "sound": stems[0].sound,
        **{f"{stage}_s": seconds for stage, seconds in stages.items()},
    }


def _all_stems(model: StemModel, folder: Path) -> None:
    """Every stem from nothing, as the model likes it."""
    stems = ",".join(model.manifest.makes)
    arrange(
        parse_request({"generate": stems, "bpm": BPM, "length_beats": ALL_BEATS, "seed": 0}),
        model, folder / "takes",
    )  # fmt: skip


def peak_memory_bytes() -> float:
    """Most memory this process has held at once."""
    if sys.platform == "win32":
        import psutil

        return float(psutil.Process().memory_info().peak_wset)
    import resource

    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(kibibytes) if sys.platform == "darwin" else kibibytes * 1024.0


def _peak_gpu_mib(device: str) -> float | None:
    """Most GPU memory PyTorch has held; None on the CPU, and where it runs no network."""
    if not device.startswith("cuda") or "torch" not in sys.modules:
        return None
    import torch

    return float(torch.cuda.max_memory_allocated(device)) / 2**20

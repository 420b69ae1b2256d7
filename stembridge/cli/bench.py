"""`stembridge bench`: how fast this machine makes stems, stage by stage."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from stembridge.cli.shared import (
    ClusterOption,
    CpuOption,
    GpuOption,
    JsonOption,
    ModelOption,
    console,
    device_word,
    is_terminal,
    open_model,
    print_json,
    quiet_logging,
)


def bench(
    model: ModelOption = None,
    gpu: GpuOption = None,
    cpu: CpuOption = False,
    repeats: int = typer.Option(3, min=1, max=100, help="Runs of each; the median counts."),
    paper: bool = typer.Option(
        True, "--paper/--no-paper", help="Compare with the papers' 150 stochastic Euler steps."
    ),
    formats: bool = typer.Option(
        False, "--formats", help="Compare the denoiser as ONNX and as TorchScript (needs torch)."
    ),
    workers: Annotated[
        int | None,
        typer.Option(
            min=2,
            max=64,
            help="Measure instead how so many workers compare with one, 40 jobs long.",
        ),
    ] = None,
    cluster: ClusterOption = None,
    json: JsonOption = False,
) -> None:
    """Measure one stem of 8 bars at 120 bpm (16 s) for given drums and piano, and all of 12 s."""
    from stembridge.cli.formats import as_text, compare_formats
    from stembridge.cli.measure import measure
    from stembridge.paths import pretrained_dir

    quiet_logging()
    show = not json and is_terminal()
    if workers is not None or cluster is not None:
        device = device_word(gpu, cpu)
        _compare({"model": model, "device": device, "cluster": cluster}, workers or 2, json, show)
        return
    with console().status("loading the model", spinner="dots") if show else _Nothing() as status:
        figures = measure(
            lambda: open_model(model, device_word(gpu, cpu)), repeats, paper, status.update
        )
        if formats:
            status.update("the denoiser in each format")
            figures["formats"] = compare_formats(
                pretrained_dir() if model is None else Path(model).expanduser(), 10 * repeats
            )
    if json:
        print_json(figures)
    else:
        _print(figures)
        print(as_text(figures.get("formats", [])), end="\n" if formats else "")


def _compare(flags: dict[str, Any], workers: int, json: bool, show: bool) -> None:
    from stembridge.cli.measure_workers import measure_workers

    with console().status("loading", spinner="dots") if show else _Nothing() as status:
        figures = measure_workers(flags, workers, status.update)
    if json:
        print_json(figures)
        return
    where = f" on the cluster {figures['cluster']}" if figures["cluster"] else ""
    print(
        f"{figures['model']}, {figures['jobs']} short jobs{where}: one worker "
        f"{figures['one_s']:.1f} s, {workers} workers {figures['several_s']:.1f} s, "
        f"ratio {figures['ratio']:.2f}"
    )


class _Nothing:
    """Stands in for the spinner where nobody watches."""

    def __enter__(self) -> _Nothing:
        return self

    def __exit__(self, *_exception: object) -> None:
        return None

    def update(self, words: str) -> None:
        """Say nothing."""


_NETWORKS = {
    "hear the context's chords": "chords_s",
    "encode one stem": "encode_s",
    "one denoiser call": "denoise_s",
    "read one stem's notes": "notes_s",
    "decode one stem": "decode_s",
}
_STAGES = {
    "read": "read and hear the context",
    "encode": "encode",
    "sample": "sample",
    "decode": "sound and judge",
    "write": "write",
}


def _print(figures: dict[str, Any]) -> None:
    machine, audio_s = figures["machine"], figures["audio_s"]
    print(f"{figures['model']} on {figures['device']}, {machine}")
    print(f"load {figures['load_s']:.2f} s, warm-up {figures['warm_up_s']:.2f} s")
    print(f"one stem of {audio_s:.0f} s, drums and piano given, {figures['sound']}:")
    for words, key in _NETWORKS.items():
        if key in figures:
            print(f"  {words:<26} {figures[key] * 1e3:8.1f} ms")
    own = next(run for run in figures["runs"] if run["default"])
    print("  from request to file: " + ", ".join(
        f"{words} {own[f'{stage}_s'] * 1e3:.0f}" for stage, words in _STAGES.items()
    ) + " ms")  # fmt: skip
    for run in figures["runs"]:
        mark = "  (the model's own setting)" if run["default"] else ""
        print(
            f"  {run['sampler']:>8} {run['steps']:3d} steps: sample {run['sample_s']:7.3f} s, "
            f"end to end {run['total_s']:7.3f} s, real-time factor {run['rtf']:.4f}{mark}"
        )
    every = figures["all_stems"]
    print(f"all stems of {every['audio_s']:.0f} s from nothing: {every['total_s']:.3f} s")
    if figures["paper_ratio"] is not None:
        print(f"the papers' setting takes {figures['paper_ratio']:.1f} times as long to sample")
    print(f"peak memory {figures['peak_memory_mib']:.0f} MiB", end="")
    gpu_mib = figures["peak_gpu_memory_mib"]
    print(f", GPU {gpu_mib:.0f} MiB" if gpu_mib is not None else "")

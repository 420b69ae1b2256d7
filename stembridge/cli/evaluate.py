"""`stembridge evaluate`: how good is a model, on songs it never saw."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stembridge.cli.shared import (
    CpuOption,
    GpuOption,
    ModelOption,
    console,
    device_word,
    open_model,
)

if TYPE_CHECKING:
    from stembridge.dataset.annotated import AnnotatedSong


def evaluate(
    out: Annotated[Path, typer.Option(help="Folder for report.html and report.json.")],
    songs: Annotated[int, typer.Option(min=2, help="Number of held-out songs.")] = 100,
    data: Annotated[
        Path | None, typer.Option(help="Folder of rendered songs; composed anew if left out.")
    ] = None,
    soundfont: Annotated[str, typer.Option(help="SoundFont of the songs.")] = "FluidR3_GM.sf2",
    steps: Annotated[int | None, typer.Option(help="Sampler steps.")] = None,
    sampler: Annotated[str | None, typer.Option(help="dpmpp_2m, heun or euler.")] = None,
    guidance: Annotated[float | None, typer.Option(help="Pull of the conditions.")] = None,
    chords: Annotated[bool, typer.Option("--chords", help="Tell the model the chords.")] = False,
    no_grid: Annotated[bool, typer.Option("--no-grid", help="Do not tell the tempo.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of the takes.")] = 0,
    model: ModelOption = None,
    gpu: GpuOption = None,
    cpu: CpuOption = False,
) -> None:
    """Generate every stem of held-out songs given the rest, and measure it."""
    from stembridge.evaluation.heldout import Setting
    from stembridge.evaluation.report import html_report
    from stembridge.evaluation.run import evaluate as run
    from stembridge.evaluation.run import summary

    opened = open_model(model, device_word(gpu, cpu))
    say = console().print
    setting = Setting(sampler, steps, guidance, chords, not no_grid)
    held_out = _songs(songs, data, soundfont, opened.manifest.sample_rate, say)
    results = run(opened, held_out, setting, seed=seed, say=say)
    figures = summary(results)
    facts = {
        "model": opened.manifest.name,
        "artifact": opened.manifest.artifact_sha256,
        "songs": len(held_out),
        "soundfont": soundfont if data is None else str(data.name),
        "setting": str(setting),
        "seed": seed,
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(json.dumps({"facts": facts, "stems": figures}, indent=1))
    title = f"{opened.manifest.name} on {len(held_out)} held-out songs"
    page = html_report(title, facts, figures, results, opened.manifest.sample_rate)
    (out / "report.html").write_text(page, encoding="utf-8")
    _print_table(figures)
    print(out / "report.html")


def _songs(
    count: int, data: Path | None, soundfont: str, rate: int, say: Any
) -> list[AnnotatedSong]:
    from stembridge.dataset.annotated import load_song
    from stembridge.dataset.synthetic import make_song

    if data is not None:
        return [load_song(path) for path in sorted(data.glob("*.json"))[:count]]
    say(f"composing {count} held-out songs")
    return [make_song("test", i, rate=rate, soundfont=soundfont) for i in range(count)]


def _print_table(figures: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("stem", "on grid / ceiling", "offset ms", "onset rate", "root", "in chord",
                  "silent", "LU", "deviation", "Fréchet own/ceiling/wrong")  # fmt: skip
    for stem, values in figures.items():
        made, frechet = values["generated"], values["frechet_logmel40_1s"]
        cells = [
            f"{values['on_grid_share_of_ceiling']:.2f}",
            *(_mean(made, name) for name in ("offset_ms",)),
            f"{values['onset_rate_of_truth']:.2f}",
            *(_mean(made, name) for name in ("root", "in_chord", "silent")),
            _mean(made, "loudness_difference_lu"),
            f"{values['latent_deviation_ratio']:.2f}",
            " / ".join(f"{frechet[k]:.2f}" for k in ("generated", "ceiling", "nearest_wrong_stem")),
        ]
        table.add_row(stem, *cells)
    Console().print(table)


def _mean(figures: dict[str, Any], name: str) -> str:
    return f"{figures[name]['mean']:.2f}" if name in figures else ""

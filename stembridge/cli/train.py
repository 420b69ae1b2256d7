"""`stembridge train`: the default model from nothing, its stages, and the papers' autoencoder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stembridge.cli import train_default, train_preset
from stembridge.cli.codec_roundtrip import codec_roundtrip
from stembridge.cli.shared import ClusterOption, GpuOption, console, crew_of
from stembridge.cli.train_preset import FolderOption, PaceOption, training_device

train = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Train models (long; every stage can be resumed).",
)

RecipeOption = Annotated[
    Path | None, typer.Option(help="Recipe (TOML); the shipped default.toml if left out.")
]
OwnWorkersOption = Annotated[
    int | None,
    typer.Option("--workers", min=1, max=64, help="Processes; as in the recipe if left out."),
]


@train.command("material")
def material(
    groove: Annotated[Path, typer.Option(help="groove-v1.0.0-midionly.zip (Magenta).")],
    billboard: Annotated[Path, typer.Option(help="Zip, tar or folder of salami_chords.txt.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to; the package's own if left out.")
    ] = None,
) -> None:
    """Read drum performances and chord charts into the files the composer draws from."""
    from stembridge.dataset.material import write_material

    for path in write_material(groove, billboard, out):
        print(path)


@train.command("kit")
def kit(
    libraries: Annotated[
        Path,
        typer.Option(
            "--from", help="Folder with the sample libraries (stembridge/training/README.md)."
        ),
    ],
    out: FolderOption,
    held_out: Annotated[
        bool, typer.Option("--held-out", help="The instruments kept for `evaluate --set real`.")
    ] = False,
) -> None:
    """Pack real instruments and SoundFonts into a kit of some 20 MB that songs are played on."""
    from stembridge.dataset.kit_build import build_kit

    for line in build_kit(libraries, out, held_out=held_out):
        console().print(line, highlight=False)
    print(out)


@train.command("songs")
def songs(
    out: FolderOption,
    count: Annotated[int, typer.Option(min=1, help="Number of songs.")] = 940,
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "train",
    recipe: RecipeOption = None,
    kit: Annotated[
        Path | None,
        typer.Option(help="Songs of a band on this kit's instruments (`stembridge train kit`)."),
    ] = None,
    workers: OwnWorkersOption = None,
    cluster: ClusterOption = None,
) -> None:
    """Compose and render songs."""
    from rich.progress import track

    from stembridge.training.recipe import load_recipe
    from stembridge.training.songs import make_songs

    chosen = load_recipe(recipe)
    crew = crew_of(workers or chosen.data.workers, cluster)
    names = make_songs(chosen.data, out, split, count, kit, crew)
    for _ in track(names, "rendering", total=count, console=console()):
        pass


@train.command("codec")
def codec(out: FolderOption, recipe: RecipeOption = None) -> None:
    """Fit the linear codec of every stem to the run's songs."""
    from stembridge.training.recipe import fit_codecs, load_recipe

    fit_codecs(load_recipe(recipe), out, console().print)


@train.command("denoiser")
def denoiser(
    out: FolderOption,
    recipe: RecipeOption = None,
    init: Annotated[
        str | None, typer.Option(help='Start from an artifact: "default" or a folder.')
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Your own stems: a folder of songs (stembridge/training/README.md)."),
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Training steps.")] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="CPU cores to train on: 2 unless said otherwise.")
    ] = None,
    workers: OwnWorkersOption = None,
    cluster: ClusterOption = None,
    gpu: GpuOption = None,
) -> None:
    """Fine-tune a model on your own stems; without --data, one on General MIDI songs alone."""
    from dataclasses import replace

    from stembridge.training.recipe import load_recipe, run_recipe

    if data is not None:
        _fine_tune(out, data, init, steps, processes, training_device(gpu))
        return
    chosen = load_recipe(recipe)
    crew, config = crew_of(workers or chosen.data.workers, cluster), chosen.training
    config = replace(
        config, steps=steps or config.steps, processes=processes or config.processes,
        device=training_device(gpu),
    )  # fmt: skip
    print(run_recipe(replace(chosen, training=config), out, console().print, crew))


def _fine_tune(
    out: Path, data: Path, init: str | None, steps: int | None, processes: int | None, device: str
) -> None:
    from stembridge.dataset.opener import open_songs
    from stembridge.paths import pretrained_dir
    from stembridge.runtime.manifest import read_manifest
    from stembridge.training.finetune import FineTuning, finetune
    from stembridge.training.finetune_report import sentence, write_report

    start = pretrained_dir() if init is None or init == "default" else Path(init)
    settings = FineTuning(processes=processes or FineTuning.processes, device=device)
    say, songs = console().print, open_songs(data, read_manifest(start).sample_rate)
    report = finetune(songs, out, init=start, steps=steps or 600, settings=settings, say=say)
    page = write_report(report)
    # Not broken into lines: paths and commands are there to be copied.
    say(
        f"{sentence(report)} More in {page}\nUse it: stembridge serve --model {out}", soft_wrap=True
    )
    print(out)


@train.command("parts")
def parts(
    songs: Annotated[
        Path, typer.Option(help="Rendered songs (`stembridge train songs`), or encoded ones.")
    ],
    model: Annotated[Path, typer.Option(help="Artifact whose latents are read; it is changed.")],
    steps: Annotated[int, typer.Option(min=1, help="Training steps per stem.")] = 1500,
    batch: Annotated[int, typer.Option(min=1, help="Windows per step.")] = 16,
    seconds: Annotated[
        float | None, typer.Option(min=1, help="End each stem's training after this time.")
    ] = None,
    generated: Annotated[
        float, typer.Option(min=0, help="Learn from remade songs too: noise they are made under.")
    ] = 0.0,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
) -> None:
    """Fit the networks that read a take's notes, and put them into a model."""
    from stembridge.training.note_reader import ReaderTraining
    from stembridge.training.parts import train_parts

    how, say = ReaderTraining(steps=steps, batch=batch, max_s=seconds), console().print
    train_parts(model, songs, training=how, generated=generated, device=device, say=say)
    print(model)


@train.command("express")
def express(
    out: FolderOption,
    kit: Annotated[Path, typer.Option(help="Packed instruments (`stembridge train kit`).")],
    base: Annotated[
        Path | None, typer.Option(help="Artifact whose codecs are kept; the built-in one's.")
    ] = None,
    recipe: RecipeOption = None,
    gpu: Annotated[int | None, typer.Option(min=0, help="GPU; the CPU if left out.")] = None,
    workers: Annotated[
        int, typer.Option(min=0, help="Processes that make songs; 0: others make them.")
    ] = 14,
    pace: PaceOption = 1.0,
    only: Annotated[
        str | None, typer.Option(help="One stage: songs, networks or artifact.")
    ] = None,
) -> None:
    """Train every network of the default model in minutes, on a GPU beside many cores."""
    from functools import partial

    from stembridge.dataset.recorded import KitSongs
    from stembridge.paths import pretrained_dir
    from stembridge.training.express import kit_song, start_makers
    from stembridge.training.express_recipe import load_express
    from stembridge.training.express_run import run_express
    from stembridge.training.fresh_songs import FreshSongs

    chosen = load_express(base or pretrained_dir(), recipe)
    data = chosen.codecs.data
    fresh = FreshSongs(kit, data, chosen.tables.fresh.first, on_kit=True)
    played = partial(kit_song, KitSongs(kit, data.rate, data.length_s))
    orders = chosen.orders(out, played, fresh)
    if only == "songs":
        for maker in start_makers(orders, workers):
            maker.join()
    elif only != "artifact":
        plan = chosen.plan("cpu" if gpu is None else f"cuda:{gpu}", pace)
        run_express(plan, orders, out, workers, lambda line: print(line, flush=True))
    if only in (None, "artifact"):
        from stembridge.training.express_export import export_express

        export_express(chosen, out, out / "artifact", console().print)
        print(out / "artifact")


@train.command("density")
def density(
    model: Annotated[Path, typer.Option(help="Artifact with note readers; it is changed.")],
    songs: Annotated[int, typer.Option(min=2, help="Songs that takes are made for.")] = 24,
    kit: Annotated[Path | None, typer.Option(help="Held-out kit, for real songs too.")] = None,
) -> None:
    """Let takes have as many notes as true parts: calibrates the note readers on made takes."""
    from stembridge.training.density import calibrate

    calibrate(model, songs, kit, console().print)
    print(model)


@train.command("loss")
def loss(
    models: Annotated[
        list[str], typer.Argument(help="Folders of artifacts, or LABEL=FOLDER, such as 8100=old.")
    ],
    data: Annotated[
        Path, typer.Option(help="Latents they never saw, such as latents/validation of a run.")
    ],
    recipe: RecipeOption = None,
    out: Annotated[Path | None, typer.Option(help="JSON file: label to losses.")] = None,
) -> None:
    """Validation loss of denoisers on the same windows and noise: what more training bought."""
    import json

    from stembridge.training.recipe import load_recipe
    from stembridge.training.validation import artifact_losses

    task, curve = load_recipe(recipe).training.task, {}
    for word in models:
        label, _, folder = (word, "", word) if Path(word).is_dir() else word.partition("=")
        losses = curve[label] = artifact_losses(Path(folder), data, task)
        print(f"{word}: " + ", ".join(f"{name} {value:.4f}" for name, value in losses.items()))
    if out is not None:
        out.write_text(json.dumps(curve, indent=1) + "\n", encoding="utf-8")


train.command("default")(train_default.default)
train.command("preset")(train_preset.preset)
train.command("vae")(train_preset.vae)
train.command("codec-roundtrip")(codec_roundtrip)

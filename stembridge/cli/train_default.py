"""`stembridge train default`: the shipped model from downloads, in one command."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from stembridge.cli.shared import GpuOption, say
from stembridge.cli.train_preset import FolderOption, PaceOption, training_device


def default(
    out: FolderOption,
    material: Annotated[
        Path,
        typer.Option("--from", help="Folder with the downloads (stembridge/training/README.md)."),
    ],
    gpu: GpuOption = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="Processes; the cores if left out.")
    ] = None,
    pace: PaceOption = 1.0,
    recipe: Annotated[
        Path | None, typer.Option(help="Recipe as express.toml; the shipped one if left out.")
    ] = None,
    base: Annotated[
        Path | None, typer.Option(help="Keep this artifact's codecs instead of fitting them.")
    ] = None,
    songs: Annotated[
        int | None, typer.Option(min=4, help="To try it out: so many songs of everything.")
    ] = None,
    some: Annotated[
        bool, typer.Option("--some", help="Go on without what is missing of the downloads.")
    ] = False,
    figures: Annotated[
        bool, typer.Option(help="Measure the model at the end, for its card (the longest stage).")
    ] = True,
) -> None:
    """Make the shipped model from nothing: kits, codecs, every network, thresholds, figures."""
    from stembridge.dataset.kit import INDEX_NAME
    from stembridge.training.from_material import ModelOrder, make_model, tried_out
    from stembridge.training.measured import measure
    from stembridge.training.recipe import load_recipe
    from stembridge.training.recipe_tables import ExpressTables, read_tables

    crew = workers or os.cpu_count() or 1
    tables = read_tables(ExpressTables, recipe, "express.toml")
    device = training_device(gpu)
    order = ModelOrder(material, out, load_recipe(), tables, base, device, pace, crew, some)
    if songs is not None:
        order = tried_out(order, songs)
    artifact = make_model(order, say)
    if figures:
        held_out = out / "heldout"
        kit = held_out if (held_out / INDEX_NAME).is_file() else None
        measure(artifact, out / "reports", order.tables.figures, kit, crew, say)
    say(f"Use it: stembridge serve --model {artifact}")
    print(artifact)

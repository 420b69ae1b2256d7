"""From an express run to an artifact: the base's codecs, and everything that was trained."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from safetensors.numpy import load

from stembridge.dataset.song import STEMS
from stembridge.nn.chord_ears import ChordEars
from stembridge.nn.exporting import export_chord_ears, export_note_reader, update_manifest
from stembridge.nn.exporting_denoiser import export_denoiser
from stembridge.nn.note_reader import NoteReader
from stembridge.nn.parity import PARITY_NAME, store_references
from stembridge.nn.registry import Network, read_network
from stembridge.training.express_recipe import ExpressRecipe
from stembridge.training.model_card import write_card
from stembridge.training.recipe import export_styles

_KEPT = ("name", "licence", "sample_rate", "hop", "encoders", "decoders")


def export_express(recipe: ExpressRecipe, folder: Path, out: Path) -> None:
    """Writes the artifact `out` from the networks of a run's folder."""
    out.mkdir(parents=True, exist_ok=True)
    _keep_codecs(recipe, out)
    denoiser = read_network(folder / "run" / "denoiser")
    named = Network(denoiser.kind, denoiser.config, denoiser.module, recipe.facts(folder))
    export_denoiser(out, named, float16=True)
    export_styles(read_network(folder / "style"), out, recipe.layout.channels)
    ears = read_network(folder / "ears").module
    if not isinstance(ears, ChordEars):
        raise ValueError(f"{folder / 'ears'} holds no chord ears")
    export_chord_ears(out, ears)
    for stem in STEMS:
        network = read_network(folder / "readers" / stem)
        if not isinstance(network.module, NoteReader):
            raise ValueError(f"{folder / 'readers' / stem} holds no note reader")
        export_note_reader(out, stem, network.module, network.artifact["threshold"])
    write_card(out)


def _keep_codecs(recipe: ExpressRecipe, out: Path) -> None:
    """Copies the base's codecs with their part of the manifest and torch's answers to noise."""
    manifest = recipe.manifest
    files = sorted({*manifest["encoders"].values(), *manifest["decoders"].values()})
    for name in files:
        shutil.copyfile(recipe.base / name, out / name)
    answers = load((recipe.base / PARITY_NAME).read_bytes())
    store_references(out, {name: answers[name] for name in files})
    fields: dict[str, Any] = {key: manifest[key] for key in _KEPT}
    update_manifest(out, fields, [*files, PARITY_NAME])

"""From an express run to an artifact: what the base has, and everything that was trained."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from safetensors.numpy import load

from stembridge.dataset.song import STEMS
from stembridge.nn.chord_ears import ChordEars
from stembridge.nn.exporting import export_chord_ears, export_note_reader, update_manifest
from stembridge.nn.exporting_denoiser import export_denoiser
from stembridge.nn.note_reader import NoteReader
from stembridge.nn.parity import PARITY_NAME, store_references
from stembridge.nn.registry import CONFIG_NAME, Network, read_network
from stembridge.training.express_recipe import ExpressRecipe
from stembridge.training.model_card import write_card

Say = Callable[[str], None]
_CODECS = ("name", "licence", "sample_rate", "hop", "encoders", "decoders")
_STYLES = ("style_classifier", "style_classifier_format", "style_timbres", "style_chords")


def export_express(recipe: ExpressRecipe, folder: Path, out: Path, say: Say) -> None:
    """Writes the artifact `out` from the networks of a run's folder; says what it is without."""
    out.mkdir(parents=True, exist_ok=True)
    manifest = recipe.manifest
    codecs = sorted({*manifest["encoders"].values(), *manifest["decoders"].values()})
    _keep(recipe, codecs, _CODECS, out)
    denoiser = read_network(folder / "run" / "denoiser")
    named = Network(denoiser.kind, denoiser.config, denoiser.module, recipe.facts(folder))
    export_denoiser(out, named, float16=True)
    if recipe.keeps_styles:
        _keep(recipe, [manifest["style_classifier"]], _STYLES, out)
    else:
        say(f"'{recipe.base}' hears no styles, or others: this model chooses none by ear")
    ears = read_network(folder / "ears").module
    if not isinstance(ears, ChordEars):
        raise ValueError(f"{folder / 'ears'} holds no chord ears")
    export_chord_ears(out, ears)
    for stem in STEMS:
        again, once = folder / "fresh" / stem, folder / "readers" / stem
        network = read_network(again if (again / CONFIG_NAME).exists() else once)
        if not isinstance(network.module, NoteReader):
            raise ValueError(f"{once} holds no note reader")
        export_note_reader(out, stem, network.module, network.artifact["threshold"])
    write_card(out)


def _keep(recipe: ExpressRecipe, files: Sequence[str], fields: Sequence[str], out: Path) -> None:
    """Copies some of the base's networks with their part of the manifest and torch's answers."""
    for name in files:
        shutil.copyfile(recipe.base / name, out / name)
    answers = load((recipe.base / PARITY_NAME).read_bytes())
    store_references(out, {name: answers[name] for name in files})
    kept: dict[str, Any] = {key: recipe.manifest[key] for key in fields}
    update_manifest(out, kept, [*files, PARITY_NAME])

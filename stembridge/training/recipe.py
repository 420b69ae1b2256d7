"""A model from nothing, as one TOML file and six resumable stages.

    songs -> codec -> latents -> styles -> denoiser -> artifact

Each stage skips what is already there, so the same command goes on after an interruption. The
folder: `songs/`, `codec/<stem>/`, `latents/`, `style/`, `run/` (checkpoints, log), `artifact/`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stembridge.conditions import Layout, full_layout
from stembridge.dataset.annotated import load_song
from stembridge.dataset.augment import NOMINAL_LUFS, NOMINAL_STEM_LUFS
from stembridge.dataset.song import STEMS
from stembridge.dataset.styles import STYLES, TIMBRES
from stembridge.dataset.theory import progressions_in_c
from stembridge.nn.backbone import BackboneConfig
from stembridge.nn.exporting import CodecExport, export_codec
from stembridge.nn.exporting_denoiser import export_denoiser, export_style_classifier
from stembridge.nn.linear_codec import LinearCodec, LinearCodecConfig
from stembridge.nn.registry import (
    CONFIG_NAME,
    Network,
    config_fields,
    read_network,
    write_network,
)
from stembridge.nn.style_classifier import StyleClassifier
from stembridge.pool.jobs import Crew
from stembridge.runtime.manifest import MANIFEST_NAME
from stembridge.training.codec_whole import codec_network, fit_whole
from stembridge.training.denoiser import train
from stembridge.training.latents import LatentSet, write_latents
from stembridge.training.model_card import write_card
from stembridge.training.recipe_tables import (
    RecipeTables,
    backbone_config,
    layout_facts,
    read_tables,
)
from stembridge.training.songs import make_songs
from stembridge.training.style_classifier import (
    accuracy,
    fit_style_classifier,
    timbres_by_style,
)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Recipe(RecipeTables):
    """A recipe file's tables, and what follows from them."""

    @property
    def layout(self) -> Layout:
        """Conditions of the composer's songs."""
        return full_layout(list(STYLES), TIMBRES)

    @property
    def backbone_config(self) -> BackboneConfig:
        """The denoiser's shape."""
        return backbone_config(self.backbone, self.codec.channels, self.layout)

    def codec_config(self, stem: str) -> LinearCodecConfig:
        """Shape of a stem's codec."""
        return self.codec.of_stem(stem, self.data.rate)


def load_recipe(path: Path | None = None) -> Recipe:
    """Reads a recipe; the shipped default model's when no path is given.

    Raises:
        NoSuchFileError, BadArgsError: as `read_tables`.
    """
    return read_tables(Recipe, path, "default.toml")


def song_paths(folder: Path, split: str) -> list[Path]:
    """Finished songs of a split."""
    return sorted((folder / "songs" / split).glob("*.json"))


def fit_codecs(recipe: Recipe, folder: Path, say: Say) -> dict[str, LinearCodec]:
    """Fits, or reads, the codec of every stem."""
    songs = song_paths(folder, "train")[: recipe.codec.songs]
    codecs = {}
    for index, stem in enumerate(STEMS):
        home = folder / "codec" / stem
        if not (home / CONFIG_NAME).exists():  # written last
            codec = LinearCodec(recipe.codec_config(stem))
            table, clips = recipe.codec, partial(_clips, songs, index)
            fit_whole(codec, clips, table.patches_per_song, table.decoder_epochs, home, say)
        codecs[stem] = _linear_codec(home)
    return codecs


def _linear_codec(home: Path) -> LinearCodec:
    module = read_network(home).module
    if not isinstance(module, LinearCodec):
        raise ValueError(f"{home} holds no linear codec")
    return module


def _clips(songs: Sequence[Path], index: int) -> Iterator[Tensor]:
    """One stem of every song, `[n_samples]`."""
    return (torch.from_numpy(load_song(path).audio[index]) for path in songs)


def encode_songs(
    recipe: Recipe,
    folder: Path,
    split: str,
    codecs: dict[str, LinearCodec],
    crew: Crew | None = None,
) -> Path:
    """Writes the split's latent set, unless it is there; returns its folder.

    Without a crew, as many processes work as the recipe says.
    """
    home = folder / "latents" / split
    if not (home / "lengths.npy").exists():
        seconds = recipe.data.length_s + 4.0  # the last bar may stretch beyond length_s
        frames = int(seconds * recipe.data.rate / recipe.codec.hop)
        crew = crew or Crew(recipe.data.workers)
        write_latents(home, song_paths(folder, split), codecs, recipe.layout, frames, crew)
    return home


def fit_styles(recipe: Recipe, folder: Path, data: Path, say: Say) -> None:
    """Fits the style classifier to a latent set, unless it is there."""
    home = folder / "style"
    if (home / CONFIG_NAME).exists():  # written last
        return
    latents, layout = LatentSet.open(data), recipe.layout
    frame_s = recipe.codec.hop / recipe.data.rate
    classifier = fit_style_classifier(latents, layout, frame_s, recipe.style)
    right = [f"{accuracy(classifier, latents, layout, i):.2f}" for i in range(len(STEMS))]
    say(f"styles heard right without {', '.join(STEMS)}: {', '.join(right)}")
    facts = {"style_timbres": timbres_by_style(latents, layout)}
    fields = config_fields(classifier.config)
    write_network(Network("style_classifier", fields, classifier, facts), home)


def artifact_facts(recipe: Recipe) -> dict[str, Any]:
    """Manifest fields of the recipe's model that no network file holds."""
    layout = recipe.layout
    return {
        "name": recipe.name,
        "licence": recipe.licence,
        "sample_rate": recipe.data.rate,
        "hop": recipe.codec.hop,
        "latent_channels": recipe.codec.channels,
        "window_frames": recipe.training.task.window,
        **layout_facts(layout),
        "nominal_lufs": NOMINAL_LUFS,
        "nominal_stem_lufs": NOMINAL_STEM_LUFS,
        "training": {
            "data": asdict(recipe.data),
            "backbone": asdict(recipe.backbone_config),
            "run": asdict(recipe.training),
            **recipe.facts,
        },
        **recipe.serving.facts(),
    }


def export_artifact(recipe: Recipe, folder: Path, out: Path) -> None:
    """Writes codecs (unless they are there) and averaged denoiser as an artifact."""
    export_codecs(folder, out)
    network = read_network(folder / "run" / "denoiser")
    facts = artifact_facts(recipe)
    export_denoiser(out, Network(network.kind, network.config, network.module, facts), float16=True)
    export_styles(read_network(folder / "style"), out, recipe.layout.channels)
    write_card(out)


def export_codecs(folder: Path, out: Path) -> None:
    """Writes a run's codecs, those that are not there, into an artifact."""
    out.mkdir(parents=True, exist_ok=True)
    for stem in STEMS:
        if stem in _exported(out):
            continue
        codec = _linear_codec(folder / "codec" / stem)
        # The old exporter keeps the phase's double precision, and takes a tenth of the time.
        exported = CodecExport((stem,), codec_network(codec), f"-{stem}")
        export_codec(out, exported, legacy=True, float16=True)


def export_styles(network: Network, out: Path, condition_channels: int) -> None:
    """Writes a run's style classifier, with what each style's songs play, into an artifact."""
    if not isinstance(network.module, StyleClassifier):
        raise ValueError("the run's folder style/ holds no style classifier")
    chords = {
        name: progressions_in_c(style.modes, style.sevenths >= 0.5)
        for name, style in STYLES.items()
    }
    choices = {"style_timbres": network.artifact["style_timbres"], "style_chords": chords}
    export_style_classifier(out, network.module, choices, condition_channels=condition_channels)


def _exported(out: Path) -> dict[str, str]:
    """Stems whose codec the artifact's manifest already names, with the decoder's file."""
    path = out / MANIFEST_NAME
    return json.loads(path.read_text()).get("decoders", {}) if path.exists() else {}


def run_recipe(recipe: Recipe, folder: Path, say: Say, crew: Crew | None = None) -> Path:
    """All stages; returns the artifact's folder. Without a crew, the recipe's processes work."""
    splits = (("train", recipe.data.songs), ("validation", recipe.data.validation_songs))
    for split, count in splits:
        for done, name in enumerate(make_songs(recipe.data, folder, split, count, None, crew)):
            if done % 50 == 0:
                say(f"song {name}")
    codecs = fit_codecs(recipe, folder, say)
    data = {split: encode_songs(recipe, folder, split, codecs, crew) for split, _ in splits}
    fit_styles(recipe, folder, data["train"], say)
    say("training the denoiser; progress in run/log.jsonl")
    train(recipe.backbone_config, recipe.training, data=data["train"],
          layout=recipe.layout, folder=folder / "run")  # fmt: skip
    export_artifact(recipe, folder, folder / "artifact")
    return folder / "artifact"

"""The express recipe: one TOML file to plan, songs and artifact of the default model."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

from stembridge.conditions import Layout, full_layout
from stembridge.dataset.song import STEMS
from stembridge.dataset.styles import STYLES, TIMBRES
from stembridge.nn.backbone import BackboneConfig
from stembridge.runtime.manifest import Manifest, read_manifest
from stembridge.training.batches import TaskConfig
from stembridge.training.chord_ears import EarsTraining
from stembridge.training.denoiser import DenoiserTraining
from stembridge.training.express import MakeSong, SongOrder
from stembridge.training.express_run import Express
from stembridge.training.live import LiveTraining
from stembridge.training.note_reader import ReaderTraining
from stembridge.training.recipe import load_recipe
from stembridge.training.style_classifier import StyleTraining

SPLITS = ("validation", "train")


@dataclass(frozen=True)
class ExpressRecipe:
    """A recipe, and the artifact whose codecs it keeps.

    Attributes:
        tables: of the TOML file, lists as tuples.
        base: folder of that artifact.
    """

    tables: Mapping[str, Mapping[str, Any]]
    base: Path

    @property
    def manifest(self) -> Manifest:
        """Of the base."""
        return read_manifest(self.base)

    @property
    def layout(self) -> Layout:
        """Conditions of the composer's songs, and mixtures by the base's encoders."""
        return full_layout(list(STYLES), TIMBRES, latent_channels=self.manifest.latent_channels)

    def plan(self, device: str, pace: float = 1.0) -> Express:
        """Networks and clocks; `pace` stretches all clocks, for slower devices."""
        manifest, tables = self.manifest, self.tables
        denoiser, songs = dict(tables["denoiser"]), tables["songs"]
        seconds = denoiser.pop("seconds") * pace
        backbone = BackboneConfig(
            len(STEMS), manifest.latent_channels, self.layout.channels, **tables["backbone"]
        )
        ears, reader = EarsTraining(**tables["ears"]), ReaderTraining(**tables["reader"])
        return Express(
            backbone,
            DenoiserTraining(**denoiser, device=device, task=TaskConfig(**tables["task"])),
            LiveTraining(seconds, songs["train"], songs["longest"]),
            replace(ears, seconds=ears.seconds and ears.seconds * pace, device=device),
            replace(reader, max_s=reader.max_s and reader.max_s * pace),
            StyleTraining(**tables.get("style", {})),
            frame_s=manifest.hop / manifest.sample_rate,
            device=device,
        )

    def orders(self, folder: Path, make: MakeSong) -> list[SongOrder]:
        """Songs to be made in `folder`, those kept out first."""
        codecs, manifest = load_recipe(), self.manifest
        encoders = {
            stem: ((self.base / manifest.encoders[stem]).read_bytes(), codecs.codec_config(stem))
            for stem in STEMS
        }
        return [
            SongOrder(split, self.tables["songs"][split], folder / "songs" / split, encoders,
                      self.layout, make)
            for split in SPLITS
        ]  # fmt: skip

    def facts(self) -> dict[str, Any]:
        """Manifest fields of the model that no network file holds."""
        serving, layout = dict(self.tables["serving"]), self.layout
        habits = {"sampler": {"name": serving.pop("sampler"), "steps": serving.pop("steps")}}
        base = self.manifest
        shape = asdict(self.plan("cpu").backbone)
        return serving | habits | {
            "stems": list(base.stems),
            "latent_channels": base.latent_channels,
            "window_frames": self.tables["task"]["window"],
            "sigma_data": 1.0,
            "context_mode": "clean",
            "condition_layout": [{"name": n, "channels": c} for n, c in layout.blocks],
            "styles": list(layout.styles),
            "timbres": {stem: list(names) for stem, names in layout.timbres},
            "nominal_lufs": base.mixture_lufs,
            "nominal_stem_lufs": base.stem_lufs,
            "training": {"backbone": shape, "run": self.tables["denoiser"],
                         "data": self.tables["songs"], **self.tables.get("card", {})},
        }  # fmt: skip


def load_express(base: Path, path: Path | None = None) -> ExpressRecipe:
    """Reads a recipe; the shipped one when no path is given."""
    if path is None:
        text = resources.files("stembridge.training").joinpath("configs/express.toml").read_text()
    else:
        text = path.read_text()
    return ExpressRecipe(
        {name: _tuples(table) for name, table in tomllib.loads(text).items()}, base
    )


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value

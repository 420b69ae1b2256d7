"""The express recipe: one TOML file to plan, songs and artifact of the default model."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from stembridge.conditions import Layout, full_layout
from stembridge.dataset.song import STEMS
from stembridge.dataset.styles import STYLES, TIMBRES
from stembridge.runtime.manifest import Manifest, read_manifest
from stembridge.training.express import MakeSong, SongOrder
from stembridge.training.express_run import Express
from stembridge.training.live import LiveTraining
from stembridge.training.recipe import load_recipe
from stembridge.training.recipe_tables import ExpressTables, backbone_config, read_tables


@dataclass(frozen=True)
class ExpressRecipe:
    """A recipe, and the artifact whose codecs it keeps.

    Attributes:
        tables: of the TOML file.
        base: folder of that artifact.
    """

    tables: ExpressTables
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
        ears, reader = tables.ears, tables.reader
        return Express(
            backbone_config(tables.backbone, manifest.latent_channels, self.layout),
            replace(tables.denoiser, device=device),
            LiveTraining(tables.denoiser_s * pace, tables.songs.train, tables.songs.longest),
            replace(ears, seconds=ears.seconds and ears.seconds * pace, device=device),
            replace(reader, max_s=reader.max_s and reader.max_s * pace),
            tables.style,
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
        songs = self.tables.songs
        return [
            SongOrder(split, count, folder / "songs" / split, encoders, self.layout, make)
            for split, count in (("validation", songs.validation), ("train", songs.train))
        ]

    def facts(self) -> dict[str, Any]:
        """Manifest fields of the model that no network file holds."""
        tables, base, layout = self.tables, self.manifest, self.layout
        run = asdict(tables.denoiser) | {"steps": None, "seconds": tables.denoiser_s}
        return tables.serving.facts() | {
            "stems": list(base.stems),
            "latent_channels": base.latent_channels,
            "window_frames": tables.denoiser.task.window,
            "sigma_data": 1.0,
            "context_mode": "clean",
            "condition_layout": [{"name": n, "channels": c} for n, c in layout.blocks],
            "styles": list(layout.styles),
            "timbres": {stem: list(names) for stem, names in layout.timbres},
            "nominal_lufs": base.mixture_lufs,
            "nominal_stem_lufs": base.stem_lufs,
            "training": {
                "backbone": asdict(self.plan("cpu").backbone),
                "run": run,
                "data": asdict(tables.songs),
                **tables.card,
            },
        }  # fmt: skip


def load_express(base: Path, path: Path | None = None) -> ExpressRecipe:
    """Reads a recipe; the shipped one when no path is given.

    Raises:
        NoSuchFileError, BadArgsError: as `read_tables`.
    """
    return ExpressRecipe(read_tables(ExpressTables, path, "express.toml"), base)

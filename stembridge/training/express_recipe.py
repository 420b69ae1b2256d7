"""The express recipe: one TOML file to plan, songs and artifact of the default model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from stembridge.conditions import Layout, full_layout
from stembridge.dataset.song import STEMS
from stembridge.dataset.styles import STYLES, TIMBRES
from stembridge.errors import NoSuchFileError
from stembridge.runtime.manifest import MANIFEST_NAME
from stembridge.training.express import MakeSong, SongOrder
from stembridge.training.express_run import Express
from stembridge.training.live import LiveTraining, log_lines
from stembridge.training.recipe import Recipe, load_recipe
from stembridge.training.recipe_tables import (
    ExpressTables,
    backbone_config,
    layout_facts,
    read_tables,
)


def composers_layout(channels: int) -> Layout:
    """Conditions of the composer's songs, and mixtures of so many latent channels a stem."""
    return full_layout(list(STYLES), TIMBRES, latent_channels=channels)


@dataclass(frozen=True)
class ExpressRecipe:
    """A recipe, and the artifact whose codecs it keeps.

    Attributes:
        tables: of the TOML file.
        base: folder of that artifact, which may hold codecs alone (`recipe.export_codecs`).
        codecs: the recipe that those were fitted by.
    """

    tables: ExpressTables
    base: Path
    codecs: Recipe = field(default_factory=load_recipe)

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """The base's.

        Raises:
            NoSuchFileError: it has none.
        """
        path = self.base / MANIFEST_NAME
        if not path.is_file():
            raise NoSuchFileError(f"There are no codecs in '{self.base}': it has no {path.name}.")
        mapping: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return mapping

    @property
    def layout(self) -> Layout:
        """Conditions of the composer's songs, and mixtures by the base's encoders."""
        return composers_layout(self._channels)

    @property
    def _channels(self) -> int:
        return int(self.manifest["latent_channels"])

    def plan(self, device: str, pace: float = 1.0) -> Express:
        """Networks and clocks; `pace` stretches all clocks, for slower devices."""
        manifest, tables = self.manifest, self.tables
        ears, reader, denoiser = tables.ears, tables.reader, replace(tables.denoiser, device=device)
        if device == "cpu":
            denoiser = replace(denoiser, batch=min(denoiser.batch, tables.cpu_batch))
        return Express(
            backbone_config(tables.backbone, self._channels, self.layout),
            denoiser,
            LiveTraining(tables.denoiser_s * pace, tables.songs.train, tables.songs.longest),
            replace(ears, seconds=ears.seconds and ears.seconds * pace, device=device),
            replace(reader, max_s=reader.max_s and reader.max_s * pace),
            tables.fresh,
            frame_s=manifest["hop"] / manifest["sample_rate"],
            device=device,
        )

    def orders(self, folder: Path, make: MakeSong, fresh: MakeSong) -> list[SongOrder]:
        """Songs to be made in `folder`: kept out, to train on, and fresh ones for readers."""
        files, of_stem = self.manifest["encoders"], self.codecs.codec_config
        encoders = {s: ((self.base / files[s]).read_bytes(), of_stem(s)) for s in STEMS}
        songs, again = self.tables.songs, self.tables.fresh
        wanted = [
            ("validation", songs.validation, "validation", make),
            ("train", songs.train, "train", make),
        ]
        wanted += [("train", again.songs, "fresh", fresh)] if again.songs else []
        return [
            SongOrder(split, count, folder / "songs" / name, encoders, self.layout, made)
            for split, count, name, made in wanted
        ]

    @property
    def keeps_styles(self) -> bool:
        """Whether the base hears the styles of the composer's songs, on this model's conditions."""
        base = self.manifest
        blocks = base.get("condition_layout")
        channels = sum(block["channels"] for block in blocks) if blocks else self.layout.channels
        known = base.get("styles") or list(self.layout.styles)
        return bool(
            base.get("style_classifier")
            and list(known) == list(self.layout.styles)
            and channels == self.layout.channels
        )

    def note(self, folder: Path) -> str:
        """What a run's log says of its denoiser, and its recipe of the readers, for the card."""
        window, last = self.tables.denoiser.task.window, self._last(folder)
        frame_s = self.manifest["hop"] / self.manifest["sample_rate"]
        return (
            f"{last['step']} steps of {last['batch']} windows of "
            f"{window * frame_s:.1f} s, averaged weights, in {last['s']:.0f} s."
            f"{self._fresh_note()}"
        )

    def _last(self, folder: Path) -> dict[str, float]:
        """Last line of a run's log; its batch hangs on the device, and is missing in old ones."""
        start = {"step": 0, "s": 0.0, "batch": self.tables.denoiser.batch}
        return {**start, **(log_lines(folder / "run") or [start])[-1]}

    def _fresh_note(self) -> str:
        """What some of the note readers went on with."""
        fresh = self.tables.fresh
        if not (fresh.songs and fresh.readers):
            return ""
        steps = (f"{stem} {how.steps} steps" for stem, how in fresh.readers.items())
        return f" Note readers that went on with {fresh.songs} fresh songs: {', '.join(steps)}."

    def facts(self, folder: Path) -> dict[str, Any]:
        """Manifest fields of the model in a run's folder that no network file holds."""
        tables, base, layout = self.tables, self.manifest, self.layout
        run = asdict(tables.denoiser) | {"steps": None, "seconds": tables.denoiser_s}
        run |= {"batch": self._last(folder)["batch"]}
        return tables.serving.facts() | {
            "latent_channels": self._channels,
            "window_frames": tables.denoiser.task.window,
            **layout_facts(layout),
            "nominal_lufs": base.get("nominal_lufs"),
            "nominal_stem_lufs": base.get("nominal_stem_lufs", {}),
            "training": {
                "backbone": asdict(self.plan("cpu").backbone),
                "run": run,
                "data": asdict(tables.songs),
                "note": self.note(folder),
                **tables.card,
            },
        }  # fmt: skip


def load_express(base: Path, path: Path | None = None) -> ExpressRecipe:
    """Reads a recipe; the shipped one when no path is given.

    Raises:
        NoSuchFileError, BadArgsError: as `read_tables`.
    """
    return ExpressRecipe(read_tables(ExpressTables, path, "express.toml"), base)

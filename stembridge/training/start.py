"""A finished artifact as the start of more training: its weights, its encoders, its tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load
from torch import Tensor

from stembridge.conditions import Layout
from stembridge.dataset.annotated import AnnotatedSong
from stembridge.dataset.song import STEMS
from stembridge.errors import BadArgsError
from stembridge.nn.backbone import BackboneConfig
from stembridge.nn.precondition import Preconditioned
from stembridge.nn.registry import build, config_fields
from stembridge.runtime.artifact_files import read_verified
from stembridge.runtime.load import load_model
from stembridge.runtime.manifest import Manifest, read_manifest
from stembridge.runtime.model import StemModel
from stembridge.training.batches import TaskConfig
from stembridge.training.latents import Encoded, song_conditions

Say = Callable[[str], None]
_SILENT = 1e-4  # peak below which a stem counts as not recorded


@dataclass(frozen=True)
class Start:
    """The artifact that a fine-tune starts from: its folder, contract, shape and weights."""

    folder: Path
    manifest: Manifest
    backbone: BackboneConfig
    weights: dict[str, Tensor]

    @staticmethod
    def open(folder: Path) -> Start:
        """Reads manifest and weights.

        Raises:
            BadArgsError: its manifest describes no backbone, or no file of weights.
            ModelUntrustedError, NoSuchFileError: as `load_model`.
        """
        manifest = read_manifest(folder)
        fields = manifest.training.get("backbone")
        if not isinstance(fields, Mapping) or manifest.stems != STEMS:
            raise BadArgsError(
                f"The model '{manifest.name}' cannot be trained further: its manifest does not "
                f"describe a backbone for {', '.join(STEMS)}."
            )
        backbone = BackboneConfig(**{k: _frozen(v) for k, v in fields.items()})
        weights = _weights(folder, manifest, backbone)
        return Start(folder, manifest, backbone, weights)

    @property
    def layout(self) -> Layout:
        """Its conditions."""
        return self.manifest.layout

    @property
    def task(self) -> TaskConfig:
        """The default tasks in its windows."""
        window = self.manifest.window_frames
        default = TaskConfig()
        return replace(
            default,
            window=window,
            continuation_frames=max(4, min(default.continuation_frames, window // 2)),
        )

    def denoiser(self, weights: Mapping[str, Tensor]) -> Preconditioned:
        """A network of its shape with these weights."""
        fields = config_fields(self.backbone, sigma_data=self.manifest.sigma_data)
        module = build("backbone", fields)
        module.load_state_dict(weights)
        if not isinstance(module, Preconditioned):
            raise TypeError("a backbone is built preconditioned")
        return module.eval()

    def encode(self, songs: Iterable[AnnotatedSong], say: Say) -> list[tuple[str, Encoded]]:
        """Names and latents of all songs by the artifact's own encoders."""
        model = load_model(self.folder, "cpu")
        result = []
        for song in songs:
            if song.rate != self.manifest.sample_rate:
                raise BadArgsError(
                    f"The song '{song.name}' has {song.rate} Hz; this model needs "
                    f"{self.manifest.sample_rate} Hz."
                )
            result.append((song.name, encoded(song, model, self.layout)))
            if len(result) % 20 == 0:
                say(f"{len(result)} songs encoded")
        model.close()
        return result


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _weights(folder: Path, manifest: Manifest, backbone: BackboneConfig) -> dict[str, Tensor]:
    """Float32 weights of a verified denoiser, by the names of its torch network."""
    if manifest.weights is None:
        raise BadArgsError(
            f"The model '{manifest.name}' cannot be trained further: no safetensors file of "
            "weights lies beside its network. Export it again from its run, or start from another."
        )
    stored = load(read_verified(folder, manifest, manifest.weights))
    wanted = build("backbone", config_fields(backbone, sigma_data=1.0)).state_dict()
    fits = all(
        name in stored and stored[name].shape == value.shape for name, value in wanted.items()
    )
    if not fits:
        raise BadArgsError("The model's denoiser is not the network that its manifest describes.")
    return {name: stored[name].float() for name in wanted}


def encoded(song: AnnotatedSong, model: StemModel, layout: Layout) -> Encoded:
    """Latents of a song by an artifact's own encoders; silent stems count as not recorded."""
    hop = model.manifest.hop
    audio = song.audio[:, : song.audio.shape[1] // hop * hop]
    latents = np.concatenate([model.encode(s, audio[i : i + 1]) for i, s in enumerate(STEMS)])
    conditions = song_conditions(song, layout, latents.shape[2], hop)
    present = np.abs(audio).max(axis=1, initial=0.0) > _SILENT
    return Encoded(latents.astype(np.float16), conditions.astype(np.float16), present)

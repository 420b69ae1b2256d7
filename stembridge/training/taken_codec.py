"""EnCodec or DAC from the user's disk as the codec of a latent preset.

Its encoder and decoder are used as they are; the quantiser between them is not. Latents are scaled
channel by channel to the deviation that the preset is made for, so that every channel counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from stembridge.dataset.annotated import load_song
from stembridge.engines.quantised import STEM, QuantisedCodec
from stembridge.errors import BadArgsError
from stembridge.nn.presets import Preset, TakenCodec
from stembridge.nn.registry import Network
from stembridge.nn.source_vae import SourceVAEConfig

_SONGS, _SECONDS = 16, 20.0  # that the scale is measured on


class ScaledCodec(nn.Module):
    """An encoder and a decoder, and the scale between them."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, model: Any, mean: Tensor, deviation: Tensor) -> None:
        super().__init__()
        self.halves = nn.ModuleDict({"encoder": model.encoder, "decoder": model.decoder})
        self.register_buffer("mean", mean[:, None])
        self.register_buffer("deviation", deviation[:, None])

    def encoder(self, audio: Tensor) -> Tensor:
        """Audio [B, n] -> scaled latents [B, C, F]."""
        return (self.halves["encoder"](audio[:, None]) - self.mean) / self.deviation

    def decoder(self, latents: Tensor) -> Tensor:
        """Scaled latents [B, C, F] -> audio [B, n]."""
        return self.halves["decoder"](latents * self.deviation + self.mean)[:, 0]


def on_codec(preset: Preset, folder: Path) -> Preset:
    """A latent system on the latents of EnCodec or DAC.

    Raises:
        BadArgsError: the system has no such latents, or the codec is none of one channel.
        MissingExtraError, NoSuchFileError, ModelUntrustedError: as `QuantisedCodec`.
    """
    if not isinstance(preset.codec, SourceVAEConfig):
        kind = "waveforms" if preset.codec is None else "pictures of mel bands"
        raise BadArgsError(
            f"{preset.name} works on {kind}, and EnCodec and DAC make none. Use them with msldm, "
            "msldm-large, isldm or mixldm."
        )
    codec = QuantisedCodec(folder)
    if codec.levels_input or codec.n_channels != 1:
        raise BadArgsError(
            f"{codec.title} in '{folder}' is stereo and levels every piece of sound by itself, "
            "which stems would not survive. Use one of a single channel (24 kHz)."
        )
    hop, rate = codec.manifest.hop, codec.manifest.sample_rate
    channels = codec.encode(STEM, np.zeros((1, 4 * hop), np.float32)).shape[1]
    return replace(
        preset, name=f"{preset.name}-{codec.title.lower()}", sample_rate=rate,
        codec=TakenCodec(hop, channels), unet=replace(preset.unet, latent_channels=channels),
    )  # fmt: skip


def taken_codec(preset: Preset, folder: Path, songs: Sequence[Path], home: Path) -> Network:
    """The codec of a folder, scaled to a preset; the scale is measured once and kept."""
    codec, kept = QuantisedCodec(folder), home / "scale.npy"
    if not kept.exists():
        home.mkdir(parents=True, exist_ok=True)
        np.save(kept, _scale(codec, preset, songs))
    mean, deviation = torch.from_numpy(np.load(kept))
    shape = {
        "sample_rate": preset.sample_rate, "hop": preset.hop,
        "latent_channels": preset.unet.latent_channels,
        "licence": f"of {codec.title}'s weights: {codec.manifest.licence}"[:200],
    }  # fmt: skip
    return Network(codec.title, {}, ScaledCodec(codec.model, mean, deviation).eval(), shape)


def _scale(codec: QuantisedCodec, preset: Preset, songs: Sequence[Path]) -> np.ndarray:
    """Mean and deviation of every channel, of which latents come out `sigma_data` wide `[2, C]`."""
    found, most = [], int(_SECONDS * preset.sample_rate) // preset.hop * preset.hop
    for path in songs[:_SONGS]:
        audio = load_song(path).audio
        audio = audio.sum(0, keepdims=True) if preset.hears_mixtures else audio
        whole = audio[:, : min(most, audio.shape[1] // preset.hop * preset.hop)]
        found += [codec.encode(STEM, np.ascontiguousarray(stem[None]))[0] for stem in whole]
    latents = np.concatenate(found, axis=1)
    deviation = np.maximum(latents.std(1), 1e-3 * latents.std()) / preset.sigma_data
    return np.stack([latents.mean(1), deviation]).astype(np.float32)

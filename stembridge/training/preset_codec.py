"""The codec of a preset's run: taken from a folder, trained, or none at all (waveforms)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stembridge.dataset.annotated import load_song
from stembridge.errors import BadArgsError, NoSuchFileError
from stembridge.nn.linear_codec import LinearCodec, LinearCodecConfig
from stembridge.nn.mel_vae import MelVAEConfig
from stembridge.nn.presets import Preset, TakenCodec
from stembridge.nn.registry import CONFIG_NAME, Network, read_network
from stembridge.nn.source_vae import SourceVAEConfig
from stembridge.nn.sources import preset_codec
from stembridge.request import STEMS
from stembridge.training.autoencoder import VAE_FOLDER, VAETraining, train_vae
from stembridge.training.codec_whole import fit_whole
from stembridge.training.crops import StemCrops
from stembridge.training.discriminators import DiscriminatorConfig
from stembridge.training.mel_vae import MelVAETraining, train_mel_vae
from stembridge.training.taken_codec import taken_codec

Say = Callable[[str], None]
_PATCHES, _EPOCHS = 12_000, 4  # that a linear codec is fitted to, and passes over them
_NARROW = 16  # width of an encoder below which a run is a trial
_NARROW_JUDGES = DiscriminatorConfig((2,), (4, 8), (512,), (0.0, 0.5, 1.0), 4)


@dataclass(frozen=True)
class CodecOrder:
    """What a codec is to be fitted to, and where it is kept; see `preset_run.Order`."""

    preset: Preset
    songs: Sequence[Path]
    folder: Path
    steps: int | None = None
    taken_from: Path | None = None
    device: str = "cpu"


def made_codec(order: CodecOrder, say: Say) -> Network:
    """The codec, trained if it is not there yet.

    Raises:
        BadArgsError: the folder it shall be taken from holds another kind.
        NoSuchFileError: that folder holds none.
        CancelledError: Ctrl-C; the same call goes on.
    """
    config, home = order.preset.codec, order.folder / "codec"
    if config is None:
        return preset_codec(order.preset, seed=0)
    if isinstance(config, TakenCodec):
        if order.taken_from is None:
            raise NoSuchFileError(f"{order.preset.name} needs the folder of its codec: --codec.")
        return taken_codec(order.preset, order.taken_from, order.songs, home)
    if order.taken_from is not None:
        return _taken(order.preset, order.taken_from)
    if isinstance(config, LinearCodecConfig):
        if not (home / CONFIG_NAME).exists():
            mixtures = order.preset.hears_mixtures
            per_clip = -(-_PATCHES // (len(order.songs) * (1 if mixtures else len(STEMS))))
            clips = _clips(order.songs, mixtures)
            fit_whole(LinearCodec(config), clips, per_clip, _EPOCHS, home, say)
        return read_network(home)
    if isinstance(config, MelVAEConfig):
        training = MelVAETraining(device=order.device)
        training = replace(training, steps=order.steps or training.steps)
        say(f"mel autoencoder: {training.steps} steps; progress in {home / 'log.jsonl'}")
        crops = StemCrops(order.songs, config.sample_rate, 2 * config.sample_rate, 8)
        train_mel_vae(config, training, crops, home)
        return read_network(home / VAE_FOLDER)
    return _vae(order, config, home, say)


def _taken(preset: Preset, folder: Path) -> Network:
    home = next((f for f in (folder, folder / VAE_FOLDER) if (f / CONFIG_NAME).is_file()), None)
    if home is None:
        raise NoSuchFileError(
            f"There is no autoencoder in '{folder}': name the --out of `stembridge train vae`."
        )
    network = read_network(home)
    wanted = {"hop": preset.hop, "latent_channels": preset.unet.latent_channels,
              "sample_rate": preset.sample_rate}  # fmt: skip
    for name, value in wanted.items():
        if network.artifact.get(name) != value:
            raise BadArgsError(
                f"The autoencoder in '{folder}' has {name} {network.artifact.get(name)}, but "
                f"{preset.name} needs {value}. Train one with --preset {preset.name}."
            )
    return network


def _clips(songs: Sequence[Path], mixtures: bool) -> Callable[[], Iterator[Tensor]]:
    """Every stem of every song `[n]`, or their sums."""

    def clips() -> Iterator[Tensor]:
        for path in songs:
            audio = load_song(path).audio
            for clip in audio.sum(0, keepdims=True) if mixtures else audio:
                yield torch.from_numpy(np.ascontiguousarray(clip))

    return clips


def vae_training(config: SourceVAEConfig, steps: int | None, device: str) -> VAETraining:
    """The papers' run; a narrow autoencoder, made for trying, has narrow judges."""
    whole = VAETraining(device=device)
    judges = whole.discriminators if config.encoder_width >= _NARROW else _NARROW_JUDGES
    return replace(whole, steps=steps or whole.steps, discriminators=judges)


def vae_crops(
    preset: Preset, config: SourceVAEConfig, songs: Sequence[Path], batch: int | None = None
) -> StemCrops:
    """Seconds of single stems or (MixLDM) of mixtures, 28 a step as in the paper."""
    batch = batch or (28 if config.encoder_width >= _NARROW else 2)
    rate = config.sample_rate
    return StemCrops(songs, rate, rate, batch, mixtures=preset.hears_mixtures)


def _vae(order: CodecOrder, config: SourceVAEConfig, home: Path, say: Say) -> Network:
    training = vae_training(config, order.steps, order.device)
    say(f"autoencoder: {training.steps} steps; progress in {home / 'log.jsonl'}")
    train_vae(config, training, vae_crops(order.preset, config, order.songs), home)
    return read_network(home / VAE_FOLDER)

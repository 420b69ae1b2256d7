"""Networks by name, and the folder a trained one is kept in.

A network folder holds `config.json` and `model.safetensors`. The config is one JSON object:
"kind" (a key of `BUILDERS`), optionally "artifact" (manifest fields that go with this network),
and the fields of that kind's configuration. Nothing in it is code.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save
from torch import Tensor, nn

from stembridge.nn.backbone import Backbone, BackboneConfig
from stembridge.nn.chord_ears import ChordEars, ChordEarsConfig
from stembridge.nn.linear_codec import LinearCodec, LinearCodecConfig
from stembridge.nn.mel_vae import MelVAE, MelVAEConfig
from stembridge.nn.note_reader import NoteReader, NoteReaderConfig
from stembridge.nn.precondition import EpsilonPreconditioned, Preconditioned
from stembridge.nn.source_vae import SourceVAE, SourceVAEConfig
from stembridge.nn.style_classifier import StyleClassifier, StyleClassifierConfig
from stembridge.nn.unet1d import PerStem, UNet1d, UNet1dConfig
from stembridge.nn.unet3d import UNet3d, UNet3dConfig

CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.safetensors"


class Waveform(nn.Module):
    """The "codec" of waveform models (MSDM): one latent channel, one sample per frame."""

    def encoder(self, audio: Tensor) -> Tensor:
        """Audio [B, n] -> [B, 1, n]."""
        return audio.unsqueeze(1)

    def decoder(self, latents: Tensor) -> Tensor:
        """[B, 1, n] -> audio [B, n]."""
        return latents.squeeze(1)


def _unet1d(config: dict[str, Any]) -> nn.Module:
    sigma_data, output_limit = config.pop("sigma_data"), config.pop("output_limit", None)
    return Preconditioned(UNet1d(UNet1dConfig(**config)), sigma_data, output_limit)


def _unet1d_per_stem(config: dict[str, Any]) -> nn.Module:
    sigma_data, output_limit = config.pop("sigma_data"), config.pop("output_limit", None)
    return Preconditioned(PerStem(UNet1dConfig(**config)), sigma_data, output_limit)


def _unet3d(config: dict[str, Any]) -> nn.Module:
    for field_of_others in ("sigma_data", "output_limit"):
        config.pop(field_of_others, None)
    return EpsilonPreconditioned(UNet3d(UNet3dConfig(**config)))


def _backbone(config: dict[str, Any]) -> nn.Module:
    sigma_data = config.pop("sigma_data")
    return Preconditioned(Backbone(BackboneConfig(**config)), sigma_data)


BUILDERS: dict[str, Callable[[dict[str, Any]], nn.Module]] = {
    "backbone": _backbone,
    "linear_codec": lambda config: LinearCodec(LinearCodecConfig(**config)),
    "waveform": lambda config: Waveform(**config),
    "style_classifier": lambda config: StyleClassifier(StyleClassifierConfig(**config)),
    "chord_ears": lambda config: ChordEars(ChordEarsConfig(**config)),
    "note_reader": lambda config: NoteReader(NoteReaderConfig(**config)),
    "source_vae": lambda config: SourceVAE(SourceVAEConfig(**config)),
    "unet1d": _unet1d,
    "unet3d": _unet3d,
    "mel_vae": lambda config: MelVAE(MelVAEConfig(**config)),
    "unet1d_per_stem": _unet1d_per_stem,
}
"""Kind -> builder. Codecs have `encoder` and `decoder` or a `codec_pair()`; denoisers are
`Preconditioned`, ready to be called as D(x, sigma, conditions)."""


@dataclass(frozen=True)
class Network:
    """A network with its own description.

    Attributes:
        kind: key of BUILDERS.
        config: the fields of the kind's configuration.
        module: the network.
        artifact: manifest fields that go with it.
    """

    kind: str
    config: Mapping[str, Any]
    module: nn.Module
    artifact: Mapping[str, Any] = field(default_factory=dict)


def build(kind: str, config: Mapping[str, Any]) -> nn.Module:
    """Make an untrained network.

    Raises:
        ValueError: for an unknown kind or field.
    """
    builder = BUILDERS.get(kind)
    if builder is None:
        raise ValueError(f"unknown kind {kind!r}; known: {', '.join(sorted(BUILDERS))}")
    fields = {name: _tuples(value) for name, value in config.items()}
    try:
        return builder(fields)
    except TypeError as error:
        raise ValueError(f"config of {kind!r}: {error}") from error


def _tuples(value: Any) -> Any:
    """JSON knows lists only; frozen configurations hold tuples."""
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def config_fields(config: Any, **more: Any) -> dict[str, Any]:
    """The JSON fields of a configuration dataclass, with others beside them."""
    return asdict(config) | more


def read_network(directory: Path) -> Network:
    """Build the network of a folder and load its weights (on the CPU, in evaluation mode)."""
    config = json.loads((directory / CONFIG_NAME).read_text(encoding="utf-8"))
    kind, artifact = config.pop("kind"), config.pop("artifact", {})
    module = build(kind, config)
    module.load_state_dict(load_file(directory / WEIGHTS_NAME))
    return Network(kind, config, module.eval(), artifact)


def write_network(network: Network, directory: Path) -> None:
    """Write config and weights; each file appears complete or not at all."""
    directory.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.contiguous() for name, tensor in network.module.state_dict().items()}
    partial = directory / f".{WEIGHTS_NAME}.partial"
    partial.write_bytes(save(weights))
    partial.replace(directory / WEIGHTS_NAME)
    mapping = {"kind": network.kind, **network.config, "artifact": dict(network.artifact)}
    partial = directory / f".{CONFIG_NAME}.partial"
    partial.write_text(json.dumps(mapping, indent=2) + "\n", encoding="utf-8")
    partial.replace(directory / CONFIG_NAME)

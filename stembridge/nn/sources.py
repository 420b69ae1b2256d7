"""What the export scripts take: a checkpoint folder, or a preset with random weights."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from stembridge.nn.exporting import CodecExport
from stembridge.nn.linear_codec import LinearCodecConfig
from stembridge.nn.mel_vae import MelVAEConfig
from stembridge.nn.presets import PRESETS, Preset
from stembridge.nn.registry import Network, build, config_fields, read_network
from stembridge.request import STEMS


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --checkpoint, --preset, --random, --seed and --stems."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--checkpoint",
        action="append",
        metavar="[STEM=]DIR",
        help="network folder (config.json, model.safetensors); STEM=DIR once per stem for "
        "codecs that serve one stem each",
    )
    source.add_argument("--preset", choices=sorted(PRESETS), help="a named configuration")
    parser.add_argument(
        "--random", action="store_true", help="random weights (required with --preset)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the random weights")
    parser.add_argument(
        "--facts",
        type=_json_object,
        default={},
        metavar="FILE",
        help="JSON object of manifest fields to set (name, licence, training, figures, …)",
    )
    parser.add_argument(
        "--stems",
        type=lambda text: tuple(text.split(",")),
        default=STEMS,
        help="stems a single codec serves, unless its config says so (default: %(default)s)",
    )


def _json_object(path: str) -> dict[str, Any]:
    try:
        mapping = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{path}: {error}") from error
    if not isinstance(mapping, dict):
        raise argparse.ArgumentTypeError(f"{path} holds no JSON object")
    return mapping


def has_source(args: argparse.Namespace) -> bool:
    """Whether --checkpoint or --preset was given.

    Raises:
        SystemExit: for a preset without --random (there are no trained presets).
    """
    if args.preset and not args.random:
        raise SystemExit("--preset gives random weights; say --random to mean it")
    return bool(args.preset or args.checkpoint)


def codecs(args: argparse.Namespace) -> list[CodecExport]:
    """The codecs that were asked for, with --facts."""
    if args.preset:
        preset = PRESETS[args.preset]
        chosen = [CodecExport(preset.stems, preset_codec(preset, args.seed))]
    elif len(args.checkpoint) == 1 and "=" not in args.checkpoint[0]:
        network = read_network(Path(args.checkpoint[0]))
        chosen = [CodecExport(tuple(network.artifact.get("stems", args.stems)), network)]
    else:
        chosen = [_of_one_stem(text) for text in args.checkpoint]
    return [replace(codec, network=_with(codec.network, args.facts)) for codec in chosen]


def _with(network: Network, facts: dict[str, Any]) -> Network:
    return replace(network, artifact={**network.artifact, **facts})


def _of_one_stem(text: str) -> CodecExport:
    stem, separator, folder = text.partition("=")
    if not separator:
        raise SystemExit(f"several codecs need their stems: STEM=DIR, not {text!r}")
    return CodecExport((stem,), read_network(Path(folder)), f"-{stem}")


def denoiser(args: argparse.Namespace) -> Network:
    """The denoiser that was asked for, with --facts."""
    if args.preset:
        return _with(preset_denoiser(PRESETS[args.preset], args.seed), args.facts)
    folders: Sequence[str] = args.checkpoint
    if len(folders) != 1:
        raise SystemExit("there is one denoiser: give one --checkpoint")
    return _with(read_network(Path(folders[0])), args.facts)


def preset_codec(preset: Preset, seed: int) -> Network:
    """The preset's codec with random weights."""
    shape: dict[str, Any] = {
        "sample_rate": preset.sample_rate, "hop": preset.hop,
        "latent_channels": preset.unet.latent_channels,
    }  # fmt: skip
    if preset.codec is None:
        return Network("waveform", {}, build("waveform", {}), shape)
    kind, config = codec_kind(preset.codec), config_fields(preset.codec)
    return Network(kind, config, _random(kind, config, seed), shape)


def codec_kind(config: object) -> str:
    """Key of a codec's builder in `registry.BUILDERS`."""
    kinds = {LinearCodecConfig: "linear_codec", MelVAEConfig: "mel_vae"}
    return kinds.get(type(config), "source_vae")


def preset_denoiser(preset: Preset, seed: int) -> Network:
    """The preset's denoiser with random weights."""
    config = denoiser_config(preset)
    artifact = preset_facts(preset) | {
        "name": f"{preset.name} (random weights)",
        "licence": "none: random weights",
    }
    return Network(preset.kind, config, _random(preset.kind, config, seed), artifact)


def denoiser_config(preset: Preset) -> dict[str, Any]:
    """Fields of the registry's builder of the preset's denoiser."""
    return config_fields(
        preset.unet, sigma_data=preset.sigma_data, output_limit=preset.output_limit
    )


def preset_facts(preset: Preset) -> dict[str, Any]:
    """Manifest fields that a preset determines."""
    multiple = preset.unet.frame_multiple
    return {
        "stems": preset.stems,
        "condition_layout": [{"name": name, "channels": n} for name, n in preset.told],
        "latent_channels": preset.unet.latent_channels,
        "window_frames": preset.window_frames,
        "overlap_frames": preset.window_frames // 4 // multiple * multiple,
        "frame_multiple": multiple,
        "whole_window": preset.whole_window,
        "sigma_min": preset.sigma_min,
        "sigma_max": preset.sigma_max,
        "sigma_data": preset.sigma_data,
        "context_mode": "imputation",
        "latents_add_up": preset.codec is None,
        "sampler": preset.habit.manifest_fields(),
        "habits": {name: habit.manifest_fields() for name, habit in preset.habits.items()},
    }


def _random(kind: str, config: dict[str, Any], seed: int) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build(kind, config).eval()

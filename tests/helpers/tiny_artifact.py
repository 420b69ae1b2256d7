"""A real artifact of the tiny preset with random weights, exported in seconds."""

from __future__ import annotations

from pathlib import Path

import torch

from stembridge.nn.exporting import CodecExport, export_codec
from stembridge.nn.exporting_denoiser import Format, export_denoiser, export_style_classifier
from stembridge.nn.presets import PRESETS
from stembridge.nn.registry import Network, build
from stembridge.nn.sources import preset_codec, preset_denoiser
from stembridge.nn.style_classifier import StyleClassifier

TINY = PRESETS["tiny"]


def export_tiny(directory: Path, *, float16: bool = False, format: Format = "torchscript") -> Path:
    """Export codec (old exporter: it takes 1 s, the new one 10 s) and denoiser."""
    directory.mkdir()
    export_codec(directory, CodecExport(TINY.stems, preset_codec(TINY, seed=0)), legacy=True)
    network = preset_denoiser(TINY, seed=0)
    missing = export_denoiser(directory, network, format=format, float16=float16)
    assert missing == []
    return directory


def export_hearing(directory: Path, format: Format) -> Path:
    """The default model's kinds of networks, small: a backbone, and a classifier of two styles."""
    directory.mkdir()
    export_codec(directory, CodecExport(TINY.stems, preset_codec(TINY, seed=0)), legacy=True)
    facts = dict(preset_denoiser(TINY, seed=0).artifact) | {
        "styles": ["funk", "house"],
        "condition_layout": [{"name": "grid", "channels": 16}, {"name": "style", "channels": 3}],
        "sampler": {"name": "dpmpp_2m", "steps": 4},
    }
    fields = {"stems": 4, "channels": facts["latent_channels"]}
    shape = {**fields, "conditions": 19, "width": 32, "dilations": [1, 0], "sigma_data": 0.4}
    facts["training"] = {"backbone": {k: v for k, v in shape.items() if k != "sigma_data"}}
    backbone = _random(build("backbone", shape))
    export_denoiser(directory, Network("backbone", shape, backbone, facts), format=format)
    classifier = build("style_classifier", {**fields, "styles": 2, "frame_s": 0.05})
    assert isinstance(classifier, StyleClassifier)
    export_style_classifier(directory, classifier, {}, condition_channels=19, format=format)
    return directory


def _random(module: torch.nn.Module) -> torch.nn.Module:
    """Some parameters start at 0 and would hide a wrong export."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        for parameter in module.parameters():
            parameter.normal_(0, 0.1)
    return module.eval()

"""A real artifact of the tiny preset with random weights, exported in seconds."""

from __future__ import annotations

from pathlib import Path

from stembridge.nn.exporting import CodecExport, export_codec
from stembridge.nn.exporting_torchscript import export_denoiser
from stembridge.nn.presets import PRESETS
from stembridge.nn.sources import preset_codec, preset_denoiser

TINY = PRESETS["tiny"]


def export_tiny(directory: Path, *, float16: bool = False) -> Path:
    """Export codec (old exporter: it takes 1 s, the new one 10 s) and denoiser."""
    directory.mkdir()
    export_codec(directory, CodecExport(TINY.stems, preset_codec(TINY, seed=0)), legacy=True)
    missing = export_denoiser(directory, preset_denoiser(TINY, seed=0), float16=float16)
    assert missing == []
    return directory

"""Which network of the shipped model learnt from what, and whose work that is."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatch
from typing import Any

from stembridge.dataset.kit_build import entries
from stembridge.dataset.sources import BILLBOARD, GROOVE, Download, sources
from stembridge.runtime.manifest import Manifest

_AUTHORS = {
    "DrumGizmo.MuldjordKit": "Lars Muldjord",
    "GregSullivan.E-Pianos": "Greg Sullivan",
    "SplendidGrandPiano": "AKAI",
}
_FONTS = "SoundFonts"
_ALL = "instruments, SoundFonts, Groove MIDI, Billboard"
_BAND = "songs of the band, a third of the composer"
_AGAIN = f"{_BAND}; then fresh ones, most of the composer"

LEARNED = (
    ("codecs", "encoder-*.onnx decoder-*.onnx", "songs of the composer", _FONTS),
    ("style classifier", "style.*", "songs of the composer", _FONTS),
    ("denoiser", "denoiser.* denoiser-8bit.onnx weights.*", _BAND, _ALL),
    ("chord ears", "chord_ears.onnx", _BAND, _ALL),
    ("note readers", "notes-bass.onnx notes-drums.onnx", _BAND, _ALL),
    ("note readers", "notes-guitar.onnx notes-piano.onnx", _AGAIN, _ALL),
)
"""Network, its files, the songs it learns from, what they are played on and drawn from."""


def learned_table(manifest: Manifest) -> list[str]:
    """Rows of a Markdown table: the networks that a model has, and what they learned from."""
    rows = ["| network | files | learned from | material |", "|---|---|---|---|"]
    for network, files, songs, material in LEARNED:
        patterns = files.split()
        if any(fnmatch(name, pattern) for name in manifest.files for pattern in patterns):
            named = ", ".join(f"`{pattern}`" for pattern in patterns)
            rows += [f"| {network} | {named} | {songs} | {material} |"]
    return rows


def credit_lines(manifest: Manifest) -> list[str]:
    """Credits of a run on a kit's songs, told by its number of songs per split; else nothing."""
    data: Mapping[str, Any] = manifest.training.get("data") or {}
    if "train" not in data:
        return []
    trained = [source for source in sources() if not source.held_out]
    played = {entry.library for entry in entries() if not entry.held_out}
    real = [s for s in trained if s.name in played and not s.package]
    fonts = [source for source in trained if source.package]
    return [
        f"- Up to {data['train']} songs of about 24 s, composed by this project's own composers: "
        "no recording of music and no title, artist or melody of anybody's is in them.",
        f"- Chords, metres and forms of McGill Billboard: {_named(_source(BILLBOARD))}.",
        "- Drum performances of the [Groove MIDI Dataset]"
        "(https://magenta.tensorflow.org/datasets/groove) by Google LLC: "
        f"{_named(_source(GROOVE))}, timing rounded, zones merged, cut to 24 bars, its test split "
        "and three drummers left out.",
        f"- Instruments: {_listed(real)}. SoundFonts: {_listed(fonts)}. None of their samples are "
        "in the weights.",
        "",
        *learned_table(manifest),
        "",
    ]


def _source(name: str) -> Download:
    return next(source for source in sources() if source.name == name)


def _listed(rows: list[Download]) -> str:
    return ", ".join(_named(row) for row in rows)


def _named(source: Download) -> str:
    author = _AUTHORS.get(source.name)
    by = f" by {author}" if author else ""
    return f"[{source.name}]({source.address}){by} ({source.licence})"

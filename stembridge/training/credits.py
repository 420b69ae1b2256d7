"""Whose work a model of the band's songs learnt from, as lines of its card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stembridge.dataset.kit_build import entries

_AUTHORS = {
    "DrumGizmo.MuldjordKit": "Lars Muldjord",
    "GregSullivan.E-Pianos": "Greg Sullivan",
    "SplendidGrandPiano": "AKAI",
}


def credit_lines(data: Mapping[str, Any]) -> list[str]:
    """Credits of a run on a kit's songs, told by its number of songs per split; else nothing."""
    if "train" not in data:
        return []
    used = {entry.library: entry.licence for entry in entries() if not entry.held_out}
    named = [f"{_named(library)} ({licence})" for library, licence in used.items()]
    return [
        f"- Up to {data['train']} songs of about 24 s, composed by this project's own composers: "
        "no recording of music and no title, artist or melody of anybody's is in them.",
        "- Chords, metres and forms of McGill Billboard (CC0-1.0).",
        "- Drum performances of the [Groove MIDI Dataset]"
        "(https://magenta.tensorflow.org/datasets/groove) by Google LLC "
        "([CC-BY-4.0](https://creativecommons.org/licenses/by/4.0/); timing rounded, zones "
        "merged, cut to 24 bars), its test split and three drummers left out.",
        f"- Played on {', '.join(named)}. None of their samples are in the weights.",
    ]


def _named(library: str) -> str:
    author = _AUTHORS.get(library)
    return library if author is None else f"{library} by {author}"

"""Derived data that the composer draws from (README.md beside this), and how it is made."""

from __future__ import annotations

from pathlib import Path
from zipfile import is_zipfile

import numpy as np

from stembridge.dataset import charts, grooves
from stembridge.dataset.billboard import read_billboard
from stembridge.dataset.groove_midi import read_groove_midi
from stembridge.errors import NoSuchFileError


def write_material(groove: Path, billboard: Path, out: Path | None = None) -> list[Path]:
    """Writes both packed files; returns their paths.

    Args:
        groove: zip of the Groove MIDI Dataset.
        billboard: zip of McGill Billboard with `salami_chords.txt` files.
        out: folder; the package's own if None.

    Raises:
        NoSuchFileError: one of them is not there, or no zip file.
    """
    for path in (groove, billboard):
        if not is_zipfile(path):
            raise NoSuchFileError(
                f"'{path}' is not a zip file; README, Training, says where it is."
            )
    home = out or Path(__file__).parent
    home.mkdir(parents=True, exist_ok=True)
    paths = [home / Path(name).name for name in (charts.PACKED, grooves.PACKED)]
    paths[0].write_bytes(charts.pack(read_billboard(billboard)))
    np.savez_compressed(paths[1], **grooves.pack(read_groove_midi(groove)))  # type: ignore[arg-type]
    return paths

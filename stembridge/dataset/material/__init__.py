"""Derived data that the composer draws from (README.md beside this), and how it is made."""

from __future__ import annotations

import tarfile
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
        billboard: zip, tar file or folder of McGill Billboard with `salami_chords.txt` files.
        out: folder; the package's own if None.

    Raises:
        NoSuchFileError: one of them is not there, or is something else.
    """
    if not is_zipfile(groove):
        raise NoSuchFileError(
            f"'{groove}' is not a zip file; stembridge/training/README.md says where it is."
        )
    try:
        found = read_billboard(billboard)
    except (OSError, tarfile.TarError) as error:
        raise NoSuchFileError(f"'{billboard}' cannot be read as charts ({error}).") from error
    if not found:
        raise NoSuchFileError(f"'{billboard}' has no salami_chords.txt in it.")
    home = out or Path(__file__).parent
    home.mkdir(parents=True, exist_ok=True)
    paths = [home / Path(name).name for name in (charts.PACKED, grooves.PACKED)]
    paths[0].write_bytes(charts.pack(found))
    np.savez_compressed(paths[1], **grooves.pack(read_groove_midi(groove)))  # type: ignore[arg-type]
    return paths

"""What was made of a song, kept in its folder so that nothing is made twice over a restart.

Only success is remembered. What lies in the folder may come from a stranger: links are refused,
the file is bounded, and it is trusted with nothing but a hash to compare.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from stembridge.errors import NoSuchFileError
from stembridge.safe_files import open_folder

MADE = "made"
MEMORY = ".stembridge.json"
_MOST_BYTES = 4096
_PIECE_BYTES = 2**20
_LONGEST_NAME = 200
"""Bytes; most file systems take 255, and stem and suffix want some."""


def target_name(song: str, stem: str, suffix: str = ".wav") -> str:
    """Name of the file that comes out for a stem."""
    short = song.encode("utf-8")[:_LONGEST_NAME].decode("utf-8", "ignore")
    return f"{short}_{stem}{suffix}"


def is_made(folder: Path, mark: str, names: Iterable[str]) -> bool:
    """Whether a song's results of this mark lie there, all of them.

    Args:
        folder: the song's.
        mark: hash of everything the results follow from.
        names: of the results.

    Raises:
        PathDeniedError, CreateFailedError: "made" is a link, or no folder.
    """
    made = folder / MADE
    if not os.path.lexists(made):
        return False
    with open_folder(made, make=False) as place:
        try:
            kept = json.loads(place.read(MEMORY, _MOST_BYTES))
        except (NoSuchFileError, ValueError, RecursionError):
            return False
    same = isinstance(kept, dict) and kept.get("mark") == mark
    return same and all((made / name).is_file() for name in names)


def keep(folder: Path, mark: str, results: Mapping[str, str]) -> list[Path]:
    """Copy results into a song's folder, and remember them.

    Args:
        folder: the song's.
        mark: hash of everything the results follow from.
        results: name -> path of the daemon's file.

    Raises:
        StembridgeError: they cannot be written, or would go through a link.
    """
    with open_folder(folder, make=False) as song, song.subfolder(MADE) as made:
        made.remove_parts()
        for name, path in results.items():
            made.write(name, _pieces(Path(path)))
        made.write(MEMORY, (json.dumps({"mark": mark}).encode(),))
    return [folder / MADE / name for name in results]


def _pieces(path: Path) -> Iterator[bytes]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise NoSuchFileError(f"The take '{path}' is gone: {error.strerror}.") from error
    with contextlib.closing(file):
        while piece := file.read(_PIECE_BYTES):
            yield piece

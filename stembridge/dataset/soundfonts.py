"""Which SoundFonts render which split, and where Debian puts them.

FluidR3 GM (MIT licence, package `fluid-soundfont-gm`) and MuseScore General (MIT, package
`musescore-general-soundfont`) render training songs; TimGM6mb (GPL-2, package
`timgm6mb-soundfont`) is never trained on: it is the held-out SoundFont of the evaluation, and
small enough for tests.
"""

from __future__ import annotations

from pathlib import Path

from stembridge.errors import MissingExtraError

FOLDERS = tuple(
    Path(root) / "sounds" / kind for root in ("/usr/share", "/usr/local/share")
    for kind in ("sf2", "sf3")
)  # fmt: skip
TRAINING = "FluidR3_GM.sf2"
HELD_OUT = "TimGM6mb.sf2"


def find_soundfont(name: str) -> Path:
    """Path of an installed SoundFont.

    Raises:
        MissingExtraError: it is not installed; the sentence says how to get it.
    """
    for folder in FOLDERS:
        if (folder / name).is_file():
            return folder / name
    raise MissingExtraError(
        f"The SoundFont {name} is not installed. On Debian or Ubuntu: "
        "apt install fluidsynth fluid-soundfont-gm musescore-general-soundfont timgm6mb-soundfont."
    )

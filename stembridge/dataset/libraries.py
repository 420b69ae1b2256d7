"""Plays single notes of sample libraries (SFZ, by sfizz) and SoundFonts (by FluidSynth)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stembridge.dataset.render import Renderer
from stembridge.dataset.song import Note, Program
from stembridge.errors import MissingExtraError, NoSuchFileError

Audio = NDArray[np.float32]
PlayNote = Callable[[int, int, float, float], Audio]
"""(key, velocity, held s, rendered s) -> mono audio at RATE."""

RATE = 44100
_MENDED = "stembridge-mended.sfz"


def mended(path: Path, define: str) -> Path:
    """A copy of an SFZ file, beside it, with what it lacks on top.

    That is what must be defined, and that all samples are loaded at once: sfizz reads them from the
    disk while it plays, and a note that is rendered faster than that is cut off.
    """
    copy = path.with_name(f"{path.stem}-{_MENDED}")
    text = path.read_text(encoding="latin-1")
    defined = f"#define {define}\n" if define else ""
    copy.write_text(f"<control> hint_ram_based=1\n{defined}{text}", encoding="latin-1")
    return copy


def sfz_player(path: Path, cc: dict[str, int]) -> PlayNote:
    """Plays an SFZ instrument with controllers set.

    Raises:
        MissingExtraError: sfizz is not installed.
        NoSuchFileError: sfizz cannot play the file.
    """
    try:
        from pysfizz import Synth
    except ImportError as error:
        raise MissingExtraError(
            "Playing SFZ libraries needs sfizz: pip install 'stembridge[train]'."
        ) from error
    synth: Any = Synth(RATE, 1024)
    if not synth.load_sfz_file(str(path)):
        raise NoSuchFileError(f"sfizz cannot play '{path}': samples are missing, or it is damaged.")
    for number, value in cc.items():
        synth._synth.cc(0, int(number), int(value))

    def play(key: int, velocity: int, held_s: float, rendered_s: float) -> Audio:
        stereo = synth.render_note(key, velocity, held_s, rendered_s)
        synth._synth.all_sound_off()
        return np.asarray(stereo.mean(0), np.float32)

    return play


def soundfont_player(path: Path, program: tuple[int, int]) -> PlayNote:
    """Plays a bank and program of a SoundFont.

    Raises:
        MissingExtraError: FluidSynth is not installed.
    """
    renderer = Renderer(path, RATE)
    sound = Program(*program, timbre="")

    def play(key: int, velocity: int, held_s: float, rendered_s: float) -> Audio:
        note = Note(0.0, held_s, key, velocity)
        return renderer.render_part((note,), sound, 60.0, round(rendered_s * RATE))

    return play

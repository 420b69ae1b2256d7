"""Which instrument plays: a shipped one by the take's timbre, or the user's own file."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources
from pathlib import Path

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.errors import BadArgsError, BadAudioError, NoSuchFileError
from stembridge.players.sfz import read_sfz
from stembridge.players.shelf import Shelf
from stembridge.players.soundfont import SoundFont
from stembridge.players.zone import Instrument

USUAL = {"bass": "finger", "drums": "standard", "guitar": "clean", "piano": "grand"}
"""The timbre of a stem whose take was told none."""

DRUM_BANK = 128
_PROGRAM = re.compile(r"(?:(\d{1,3}):)?(\d{1,3})")


def shipped_folder() -> Path:
    """Where the shipped instruments lie."""
    return Path(str(resources.files("stembridge").joinpath("instruments")))


@lru_cache(maxsize=32)
def shipped(stem: str, timbre: str | None) -> Instrument:
    """The shipped instrument of a timbre; one of the stem's usual timbre where there is none."""
    folder = shipped_folder()
    names = (timbre, USUAL.get(stem), "grand")
    found = (folder / f"{role}-{name}.sfz" for name in names for role in (stem, "piano"))
    path = next((p for p in found if p.is_file()), None)
    if path is None:
        raise NoSuchFileError(f"The instruments are missing in '{folder}': install again.")
    return read_sfz(path).instrument


def own_instrument(stem: str, text: str, roots: AllowedRoots | None = None) -> Instrument:
    """The user's instrument: `FILE.sfz`, `FILE.sf2` or `FILE.sf2:33` (or `:BANK:PROGRAM`).

    Args:
        stem: what it shall play.
        text: names it.
        roots: where it and its samples may lie; anywhere if left out.

    Raises:
        BadArgsError: the text names no such file.
        PathDeniedError, NoSuchFileError, BadAudioError: as `read_sfz` and `SoundFont`.
    """
    path, program = _split(text)
    try:
        changed = path.stat().st_mtime_ns
    except OSError as error:
        raise NoSuchFileError(f"There is no instrument '{path}' for the {stem}.") from error
    return _opened(stem, path, program, changed, roots or AllowedRoots.anywhere())


def instrument_path(text: str) -> Path:
    """The file that an instrument's text names.

    Raises:
        BadArgsError: it names none.
    """
    return _split(text)[0]


def _split(text: str) -> tuple[Path, str]:
    match = re.fullmatch(r"(.+\.(?:sf2|sf3|sfz))(?::(.*))?", text.strip(), re.IGNORECASE)
    if match is None:
        raise BadArgsError(
            f"An instrument is a file like bass.sfz, or a SoundFont with a program like "
            f'gm.sf2:33; it was "{text[:80]}".'
        )
    return Path(match[1]).expanduser(), match[2] or ""


@lru_cache(maxsize=4)
def _opened(stem: str, path: Path, program: str, _changed: int, roots: AllowedRoots) -> Instrument:
    if path.suffix.lower() == ".sfz":
        return read_sfz(path, Shelf(roots)).instrument
    font = SoundFont(path, Shelf(roots))
    presets = font.presets()
    if not presets:
        raise BadAudioError(f"'{path.name}' holds no instrument.")
    if not program:
        fitting = [key for key in sorted(presets) if (key[0] == DRUM_BANK) == (stem == "drums")]
        return font.instrument(*(fitting or sorted(presets))[0])
    match = _PROGRAM.fullmatch(program)
    if match is None:
        raise BadArgsError(
            f'After the SoundFont stands a program, like gm.sf2:33; it was "{program[:20]}".'
        )
    bank = int(match[1]) if match[1] else DRUM_BANK if stem == "drums" else 0
    return font.instrument(bank, int(match[2]))

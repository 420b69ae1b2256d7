"""A packed kit: real and General MIDI instruments as a few samples each, small enough to carry.

A kit is a folder: `kit.json` lists its instruments, each with its samples one after the other in
an Ogg Vorbis file of its own (mono). `kit_build` makes one out of sample libraries and
SoundFonts; `sampler` plays it with numpy alone. Loading costs a second or so an instrument's
minute and happens once a process: load before forking, and the children share it.

Conventions: pitches are MIDI numbers, fractional where an instrument is out of tune; positions
in the file are samples at `rate` Hz; for drums a "pitch" is General MIDI's drum.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from stembridge.errors import NoSuchFileError

Audio = NDArray[np.float32]
INDEX_NAME = "kit.json"


@dataclass(frozen=True)
class KitNote:
    """One recorded note.

    Attributes:
        pitch: what it sounds like, MIDI; fractional.
        velocity: how hard it was played.
        how: its touch, as `Note.how`.
        first, length: where it lies in the instrument's file.
        gain: restores its level relative to the instrument's loudest note.
    """

    pitch: float
    velocity: int
    how: str
    first: int
    length: int
    gain: float


@dataclass(frozen=True)
class KitInstrument:
    """What a kit knows of an instrument.

    Attributes:
        name: unique in the kit; also its file's name without ".ogg".
        stem: role that it plays.
        timbres: timbre (of `styles.TIMBRES`) -> amplifier ("" none, "crunch", "lead").
        library, licence: where it comes from.
        is_real: recorded from an instrument played by hand, not a General MIDI sound.
        rate: Hz.
        release_s: time to fade after a note is let go; 0 for drums, which ring out.
        levels: `[[velocity, dB]]`, rising: how loud a note is by how hard it is played.
        zones: its samples.
    """

    name: str
    stem: str
    timbres: dict[str, str]
    library: str
    licence: str
    is_real: bool
    rate: int
    release_s: float
    levels: tuple[tuple[float, float], ...]
    zones: tuple[KitNote, ...]


class Kit:
    """An opened kit."""

    def __init__(self, folder: Path) -> None:
        """Reads the index; sound is loaded when it is first played.

        Raises:
            NoSuchFileError: the folder is no kit.
        """
        if not (folder / INDEX_NAME).is_file():
            raise NoSuchFileError(
                f"'{folder}' is no kit of instruments (it has no {INDEX_NAME}); "
                "`stembridge train kit` makes one."
            )
        self.folder = folder
        self._sounds: dict[str, Audio] = {}

    @cached_property
    def instruments(self) -> dict[str, KitInstrument]:
        """By name."""
        entries = json.loads((self.folder / INDEX_NAME).read_text())
        return {entry["name"]: _instrument(entry) for entry in entries}

    def load(self) -> None:
        """Loads every instrument now, for processes to share."""
        for name in self.instruments:
            self.sound(name)

    def sound(self, name: str) -> Audio:
        """All samples of an instrument, one after the other, `[n_samples]`."""
        if name not in self._sounds:
            self._sounds[name] = soundfile.read(self.folder / f"{name}.ogg", dtype="float32")[0]
        return self._sounds[name]

    def for_timbre(self, stem: str, timbre: str) -> tuple[list[KitInstrument], list[KitInstrument]]:
        """Real instruments, and General MIDI ones, that have a timbre of a stem."""
        able = [i for i in self.instruments.values() if i.stem == stem and timbre in i.timbres]
        return [i for i in able if i.is_real], [i for i in able if not i.is_real]


def _instrument(entry: dict) -> KitInstrument:
    zones = tuple(KitNote(*zone) for zone in entry["zones"])
    levels = tuple((float(v), float(db)) for v, db in entry["levels"])
    return KitInstrument(**{**entry, "zones": zones, "levels": levels})


def write_index(folder: Path, instruments: list[KitInstrument]) -> None:
    """Writes `kit.json`; a zone is written as the list of its fields."""
    entries = [
        {**asdict(i), "zones": [list(asdict(zone).values()) for zone in i.zones]}
        for i in instruments
    ]
    (folder / INDEX_NAME).write_text(json.dumps(entries))

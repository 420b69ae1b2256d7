"""SFZ files as instruments: the opcodes that say which sample is played, and how.

Source: sfzformat.com. Read are headers global, master, group, region and control, `#define` and
`#include`; samples in WAV, FLAC, OGG, AIFF or MP3. Other opcodes are left out; `unread` names them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from stembridge.errors import BadAudioError, NoSuchFileError
from stembridge.players.shelf import Shelf
from stembridge.players.zone import OPEN_HZ, Envelope, Instrument, Recording, Zone

_MAX_BYTES, _MAX_DEPTH, _MAX_FILES = 8 << 20, 8, 256
_MAX_REGIONS, _MAX_OPCODES, _LONGEST_NAME = 8192, 512, 64
_NOTE = re.compile(r"([a-gA-G])([#b]?)(-?\d{1,2})")
_STEPS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_OPCODE = re.compile(r"(?<!\S)([A-Za-z_]\w*)=")  # its value goes on to the next one
_READ = """
    sample key lokey hikey lovel hivel pitch_keycenter tune transpose pitch_keytrack offset end
    loop_mode loopmode loop_start loopstart loop_end loopend volume amplitude pan amp_veltrack
    cutoff ampeg_delay ampeg_attack ampeg_hold ampeg_decay ampeg_sustain ampeg_release group
    off_by seq_length seq_position lorand hirand trigger default_path
"""
READ = frozenset(_READ.split())

Opcodes = dict[str, str]


@dataclass(frozen=True)
class Sfz:
    """An instrument, and what of its file was not understood."""

    instrument: Instrument
    unread: tuple[str, ...]


def read_sfz(path: Path, shelf: Shelf | None = None) -> Sfz:
    """Reads an SFZ file; its samples are read when they are played.

    Args:
        path: the file.
        shelf: opens it and what it names; anything may be read if left out.

    Raises:
        NoSuchFileError: it, or every sample it names, is not there.
        PathDeniedError: it may not be read.
        BadAudioError: it holds no region that plays, or is larger than instruments are.
    """
    shelf = shelf or Shelf()
    regions = list(_regions(_Text(shelf, path).whole))
    unread = sorted({name for region in regions for name in region} - READ)
    recordings: dict[Path, Recording | None] = {}
    zones: list[Zone] = []
    for region in regions:
        if region.get("trigger", "attack") in ("attack", "first") and "sample" in region:
            zones += _zone(region, path.parent, recordings, shelf)
    if regions and not zones:
        raise NoSuchFileError(f"The samples that '{path.name}' names are not there.")
    if not zones:
        raise BadAudioError(f"'{path.name}' holds no <region> that plays a sample.")
    return Sfz(Instrument(path.stem, tuple(zones)), tuple(unread))


class _Text:
    """The text of a file with everything it includes and defines put in."""

    def __init__(self, shelf: Shelf, path: Path) -> None:
        self._shelf, self._name = shelf, path.name
        self._files = self._size = 0
        self._defined: dict[str, str] = {}
        self.whole = self._read(path, 0)

    def _read(self, path: Path, depth: int) -> str:
        with self._shelf.open(path) as file:
            text = file.read(_MAX_BYTES + 1).decode("utf-8", "replace")
        self._files += 1
        self._count(len(text))
        text = re.sub(r"//[^\n]*|/\*.*?(?:\*/|\Z)", "", text, flags=re.DOTALL)
        defined = self._defined | dict(re.findall(r"#define\s+\$(\w+)\s+(\S*)", text))
        self._defined = defined
        text = re.sub(r"#define[^\n]*", "", text)

        def value(match: re.Match[str]) -> str:
            word = match[1]
            for end in range(min(len(word), _LONGEST_NAME), 0, -1):  # the longest name that fits
                if word[:end] in defined:
                    self._count(len(defined[word[:end]]))
                    return defined[word[:end]] + word[end:]
            return match[0]

        def included(match: re.Match[str]) -> str:
            inner = _beside(path.parent, match[1], path.parent) if depth < _MAX_DEPTH else None
            return "" if inner is None else self._read(inner, depth + 1)

        text = re.sub(r"\$(\w+)", value, text) if defined else text
        return re.sub(r'#include\s+"([^"\n]+)"', included, text)

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > _MAX_BYTES or self._files > _MAX_FILES:
            raise BadAudioError(
                f"'{self._name}' is larger than instruments are: more than {_MAX_BYTES >> 20} MB "
                f"of text or {_MAX_FILES} files, with what it includes and defines."
            )


def _beside(folder: Path, name: str, within: Path) -> Path | None:
    """The file that an instrument in `folder` names, if it is there and lies `within` a folder."""
    path = Path(os.path.normpath(folder / name.replace("\\", "/")))
    try:
        inside = path.resolve().is_relative_to(within.resolve())
        return path if inside and path.is_file() else None
    except (OSError, RuntimeError, ValueError):  # a circle of links; a name that no disk can have
        return None


def _regions(text: str) -> Iterator[Opcodes]:
    """Opcodes of every region with those of the headers it lies under."""
    under: dict[str, Opcodes] = {"control": {}, "global": {}, "master": {}, "group": {}}
    order, count = list(under), 0
    for header, body in re.findall(r"<(\w+)>([^<]*)", text):
        opcodes = dict(pair for line in body.splitlines() for pair in _opcodes(line))
        count += header == "region"
        if len(opcodes) > _MAX_OPCODES or count > _MAX_REGIONS:
            raise BadAudioError(
                f"The instrument is larger than instruments are: more than {_MAX_REGIONS} regions, "
                f"or {_MAX_OPCODES} opcodes in one."
            )
        if header == "region":
            yield {k: v for name in order for k, v in under[name].items()} | opcodes
        elif header in under:
            under[header] = opcodes
            for inner in order[order.index(header) + 1 :]:
                under[inner] = {}


def _opcodes(line: str) -> Iterator[tuple[str, str]]:
    found = list(_OPCODE.finditer(line))
    ends = [*(match.start() for match in found[1:]), len(line)]
    for match, end in zip(found, ends, strict=False):
        yield match[1].lower(), line[match.end() : end].strip()


def _recording(
    region: Opcodes, folder: Path, recordings: dict[Path, Recording | None], shelf: Shelf
) -> Recording | None:
    """A region's sample, each opened once; None for one that is not there."""
    name = region.get("default_path", "") + region["sample"]
    asked = folder / name
    if asked not in recordings:
        # An instrument may use what lies beside it, as libraries do, and nothing farther away.
        path = _beside(folder, name, folder.resolve().parent)
        recordings[asked] = (
            None
            if path is None
            else Recording(path.name, partial(shelf.recording, path, path.name))
        )
    return recordings[asked]


def _zone(
    region: Opcodes, folder: Path, recordings: dict[Path, Recording | None], shelf: Shelf
) -> Iterator[Zone]:
    """The zone of a region whose sample is there."""
    recording = _recording(region, folder, recordings, shelf)
    if recording is None:
        return
    key = region.get("key")
    keys = [_pitch(region.get(o, key or d)) for o, d in (("lokey", "0"), ("hikey", "127"))]
    number = partial(_number, region)
    mode = region.get("loop_mode", region.get("loopmode", "no_loop"))
    start = int(number("loop_start", number("loopstart", -1)))
    end = int(number("loop_end", number("loopend", -1)))
    loop = (start, end + 1) if mode.startswith("loop_") and end > start >= 0 else None
    last = int(number("end", 0))
    yield Zone(
        recording=recording,
        keys=(keys[0], keys[1]),
        velocities=(max(1, int(number("lovel", 1))), int(number("hivel", 127))),
        root=_pitch(region.get("pitch_keycenter", key or "60")),
        tune_cents=number("tune", 0) + 100 * number("transpose", 0),
        key_cents=number("pitch_keytrack", 100),
        first=max(0, int(number("offset", 0))),
        last=last + 1 if last > 0 else None,
        loop=loop,
        loop_ends=mode == "loop_sustain",
        gain_db=number("volume", 0) + 20 * np.log10(max(number("amplitude", 100), 1e-3) / 100),
        pan=float(np.clip(number("pan", 0) / 100, -1, 1)),
        velocity_track=number("amp_veltrack", 100) / 100,
        cutoff_hz=number("cutoff", OPEN_HZ),
        envelope=_envelope(region),
        one_shot=mode == "one_shot",
        group=int(number("group", 0)),
        off_by=int(number("off_by", 0)),
        turn=_turn(region),
    )


def _turn(region: Opcodes) -> tuple[int, int]:
    """Which of how many recordings that take turns; chance takes turns, too."""
    if "lorand" in region or "hirand" in region:
        low, high = _number(region, "lorand", 0), _number(region, "hirand", 1)
        turns = max(1, round(1 / max(1e-3, high - low)))
        return min(turns - 1, round(low * turns)), turns
    turns = max(1, int(_number(region, "seq_length", 1)))
    return min(turns, max(1, int(_number(region, "seq_position", 1)))) - 1, turns


def _envelope(region: Opcodes) -> Envelope:
    def number(name: str, default: float) -> float:
        return max(0.0, _number(region, f"ampeg_{name}", default))

    sustain = number("sustain", 100) / 100
    sustain_db = min(100.0, -20 * float(np.log10(max(sustain, 1e-5))))
    times = (number(name, 0) for name in ("delay", "attack", "hold", "decay"))
    delay_s, attack_s, hold_s, decay_s = times
    release_s = number("release", 0.02)
    return Envelope(delay_s, attack_s, hold_s, decay_s, sustain_db, release_s)


def _number(region: Mapping[str, str], name: str, default: float) -> float:
    try:
        value = float(region.get(name, default))
    except ValueError:
        return default
    return value if np.isfinite(value) and abs(value) < 1e9 else default


def _pitch(text: str) -> int:
    """MIDI number of "60" or "c#4" (c4 is 60)."""
    match = _NOTE.fullmatch(text.strip())
    if match:
        accidental = {"#": 1, "b": -1, "": 0}[match[2]]
        return _STEPS[match[1].lower()] + accidental + 12 * (int(match[3]) + 1)
    try:
        return int(np.clip(float(text), -1000, 1000))
    except ValueError:  # no number at all, or "nan"
        return 60

"""SFZ files as instruments: the opcodes that say which sample is played, and how.

Source: sfzformat.com. Read are headers global, master, group, region and control, `#define` and
`#include`; samples in WAV, FLAC, OGG, AIFF or MP3. Other opcodes are left out; `unread` names them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.errors import BadAudioError, NoSuchFileError
from stembridge.players.zone import OPEN_HZ, Envelope, Instrument, Recording, Zone

_MAX_BYTES, _MAX_DEPTH = 8 << 20, 8
_NOTE = re.compile(r"([a-gA-G])([#b]?)(-?\d+)")
_STEPS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_OPCODE = re.compile(r"([A-Za-z_]\w*)=(.*?)(?=\s+[A-Za-z_]\w*=|\s*$)")
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


def read_sfz(path: Path) -> Sfz:
    """Reads an SFZ file; its samples are read when they are played.

    Raises:
        NoSuchFileError: it, or every sample it names, is not there.
        BadAudioError: it holds no region that plays.
    """
    regions = list(_regions(_text(path, 0)))
    unread = sorted({name for region in regions for name in region} - READ)
    recordings: dict[Path, Recording] = {}
    zones: list[Zone] = []
    for region in regions:
        if region.get("trigger", "attack") in ("attack", "first") and "sample" in region:
            zones += _zone(region, path.parent, recordings)
    if regions and not zones:
        raise NoSuchFileError(f"The samples that '{path.name}' names are not there.")
    if not zones:
        raise BadAudioError(f"'{path.name}' holds no <region> that plays a sample.")
    return Sfz(Instrument(path.stem, tuple(zones)), tuple(unread))


def _text(path: Path, depth: int) -> str:
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise NoSuchFileError(f"There is no instrument '{path}'.") from error
    text = re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL)
    defined = dict(re.findall(r"#define\s+\$(\w+)\s+(\S*)", text))
    text = re.sub(r"#define[^\n]*", "", text)
    for name in sorted(defined, key=len, reverse=True):
        text = text.replace(f"${name}", defined[name])

    def included(match: re.Match[str]) -> str:
        inner = (path.parent / match[1].replace("\\", "/")).resolve()
        if depth >= _MAX_DEPTH or not inner.is_relative_to(path.parent.resolve()):
            return ""
        return _text(inner, depth + 1)

    return re.sub(r'#include\s+"([^"\n]+)"', included, text)


def _regions(text: str) -> Iterator[Opcodes]:
    """Opcodes of every region with those of the headers it lies under."""
    under: dict[str, Opcodes] = {"control": {}, "global": {}, "master": {}, "group": {}}
    order = list(under)
    for header, body in re.findall(r"<(\w+)>([^<]*)", text):
        opcodes = {
            name.lower(): value.strip()
            for line in body.splitlines()
            for name, value in _OPCODE.findall(line.strip())
        }
        if header == "region":
            yield {k: v for name in order for k, v in under[name].items()} | opcodes
        elif header in under:
            under[header] = opcodes
            for inner in order[order.index(header) + 1 :]:
                under[inner] = {}


def _zone(region: Opcodes, folder: Path, recordings: dict[Path, Recording]) -> Iterator[Zone]:
    """The zone of a region whose sample is there."""
    name = region.get("default_path", "") + region["sample"]
    path = folder / name.replace("\\", "/")
    # An instrument may use what lies beside it, as libraries do, and nothing farther away.
    if not path.is_file() or not path.resolve().is_relative_to(folder.resolve().parent):
        return
    recording = recordings.setdefault(path, Recording(path.name, partial(_read, path)))
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
        return int(float(text))
    except ValueError:
        return 60


def _read(path: Path) -> tuple[FloatArray, int]:
    import soundfile

    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, RuntimeError) as error:
        raise BadAudioError(f"The sample '{path.name}' cannot be read.") from error
    return np.ascontiguousarray(samples.T), int(rate)

"""SoundFont 2 files (and their Vorbis kin, .sf3) as instruments.

Source: SoundFont Technical Specification 2.04, chapters 7 to 9. Read are samples, loops, key and
velocity ranges, tuning, levels, pan, the low-pass at rest, the volume envelope and exclusive
classes; modulators, vibrato and filter envelopes are not.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stembridge.audio.buffer import FloatArray
from stembridge.errors import BadAudioError
from stembridge.players.shelf import Shelf
from stembridge.players.zone import Envelope, Instrument, Recording, Zone

_SAMPLE = np.dtype(
    [("name", "S20"), ("start", "<u4"), ("end", "<u4"), ("loop", "<u4"), ("loop_end", "<u4"),
     ("rate", "<u4"), ("root", "u1"), ("correction", "i1"), ("link", "<u2"), ("kind", "<u2")]
)  # fmt: skip
_PRESET = np.dtype(
    [("name", "S20"), ("preset", "<u2"), ("bank", "<u2"), ("bag", "<u2"), ("rest", "<u4", 3)]
)
_INST = np.dtype([("name", "S20"), ("bag", "<u2")])
_BAG = np.dtype([("gen", "<u2"), ("mod", "<u2")])
_GEN = np.dtype([("oper", "<u2"), ("amount", "<i2")])
_COMPRESSED = 0x10

# Generator numbers (8.1.2).
_START, _END, _LOOP, _LOOP_END, _START_COARSE = 0, 1, 2, 3, 4
_FILTER, _END_COARSE, _PAN = 8, 12, 17
_DELAY, _ATTACK, _HOLD, _DECAY, _SUSTAIN, _RELEASE = 33, 34, 35, 36, 37, 38
_INSTRUMENT, _KEYS, _VELOCITIES, _LOOP_COARSE, _ATTENUATION = 41, 43, 44, 45, 48
_LOOP_END_COARSE, _COARSE, _FINE, _SAMPLE_ID, _MODES, _SCALE, _CLASS, _ROOT = (
    50, 51, 52, 53, 54, 56, 57, 58
)  # fmt: skip
_DEFAULTS = {
    _FILTER: 13500, _DELAY: -12000, _ATTACK: -12000, _HOLD: -12000, _DECAY: -12000,
    _RELEASE: -12000, _SCALE: 100, _ROOT: -1,
}  # fmt: skip
_NOT_ADDED = {_INSTRUMENT, _KEYS, _VELOCITIES, _SAMPLE_ID, _MODES, _CLASS, _ROOT}
_ATTENUATION_SCALE = 0.4  # what sound fonts are written for: hardware's tenth of a dB was smaller

_LARGEST_TABLE, _DEEPEST = 16 << 20, 4
_MOST_ZONES, _MOST_GENERATORS = 8192, 64  # of a preset; of a zone, which has 60 kinds of them

Generators = dict[int, int]


@dataclass(frozen=True)
class _Tables:
    presets: NDArray[np.void]
    preset_bags: NDArray[np.void]
    preset_gens: NDArray[np.void]
    instruments: NDArray[np.void]
    bags: NDArray[np.void]
    gens: NDArray[np.void]
    samples: NDArray[np.void]


class SoundFont:
    """An open SoundFont file; recordings are read from it when they are played."""

    def __init__(self, path: Path, shelf: Shelf | None = None) -> None:
        """Reads the tables.

        Args:
            path: the file.
            shelf: opens it; anything may be read if left out.

        Raises:
            PathDeniedError, NoSuchFileError: it may not be read, or is not there.
            BadAudioError: it is no SoundFont, or damaged.
        """
        self._path, self._shelf = path, shelf or Shelf()
        try:
            with self._shelf.open(path) as file:
                self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._chunks = dict(_chunks(self._data))
            names = ("phdr", "pbag", "pgen", "inst", "ibag", "igen", "shdr")
            kinds = (_PRESET, _BAG, _GEN, _INST, _BAG, _GEN, _SAMPLE)
            tables = [self._table(n, k) for n, k in zip(names, kinds, strict=True)]
            self._tables = _Tables(*tables)
            first, size = self._chunks["smpl"]
            self._smpl = first, min(size, len(self._data) - first)
        except (OSError, ValueError, KeyError, struct.error) as error:
            raise BadAudioError(
                f"'{path.name}' is no SoundFont that can be read (.sf2 or .sf3): {error}."
            ) from error
        self._recordings: dict[int, Recording] = {}

    def _table(self, name: str, kind: np.dtype[np.void]) -> NDArray[np.void]:
        first, size = self._chunks[name]
        if size > _LARGEST_TABLE:
            raise ValueError(f"its table {name} is too large")
        return np.frombuffer(self._data, kind, size // kind.itemsize, first)

    def presets(self) -> dict[tuple[int, int], str]:
        """(bank, program) -> name of every preset."""
        return {
            (int(p["bank"]), int(p["preset"])): p["name"].decode("latin-1")
            for p in self._tables.presets[:-1]
        }

    def instrument(self, bank: int, program: int) -> Instrument:
        """One preset.

        Raises:
            BadAudioError: the file has no such preset, or a broken one.
        """
        tables = self._tables
        for index, preset in enumerate(tables.presets[:-1]):
            if (preset["bank"], preset["preset"]) == (bank, program):
                try:
                    zones = tuple(self._preset_zones(index))
                except (IndexError, KeyError) as error:
                    raise BadAudioError(f"'{self._path.name}' is damaged.") from error
                return Instrument(preset["name"].decode("latin-1"), zones)
        known = ", ".join(f"{b}:{p} {name}" for (b, p), name in sorted(self.presets().items())[:12])
        raise BadAudioError(
            f"'{self._path.name}' has no program {program} in bank {bank}; it has {known} …"
        )

    def _preset_zones(self, index: int) -> Iterator[Zone]:
        tables = self._tables
        first, stop = (int(tables.presets[index + i]["bag"]) for i in (0, 1))
        own = _zone_generators(tables.preset_bags, tables.preset_gens, first, stop, _INSTRUMENT)
        count = 0
        for outer in own:
            number = outer[_INSTRUMENT]
            low, high = (int(tables.instruments[number + i]["bag"]) for i in (0, 1))
            count += high - low
            if count > _MOST_ZONES:
                raise BadAudioError(f"'{self._path.name}' has too many zones in one preset.")
            inner_zones = _zone_generators(tables.bags, tables.gens, low, high, _SAMPLE_ID)
            for inner in inner_zones:
                keys, velocities = (_both(outer, inner, g) for g in (_KEYS, _VELOCITIES))
                if keys[0] <= keys[1] and velocities[0] <= velocities[1]:
                    yield self._zone(_added(outer, inner), keys, velocities)

    def _zone(self, gen: Generators, keys: tuple[int, int], velocities: tuple[int, int]) -> Zone:
        header = self._tables.samples[gen[_SAMPLE_ID]]
        start = 0 if header["kind"] & _COMPRESSED else int(header["start"])
        first = gen.get(_START, 0) + 32768 * gen.get(_START_COARSE, 0)
        loop = int(header["loop"]) - start + gen.get(_LOOP, 0) + 32768 * gen.get(_LOOP_COARSE, 0)
        loop_end = (
            int(header["loop_end"]) - start
            + gen.get(_LOOP_END, 0) + 32768 * gen.get(_LOOP_END_COARSE, 0)
        )  # fmt: skip
        mode = gen.get(_MODES, 0) & 3
        root = gen[_ROOT] if gen[_ROOT] >= 0 else int(header["root"])
        exclusive = gen.get(_CLASS, 0)
        cents = 100 * gen.get(_COARSE, 0) + gen.get(_FINE, 0) + int(header["correction"])
        return Zone(
            recording=self._recording(gen[_SAMPLE_ID]),
            keys=keys, velocities=velocities, root=root, tune_cents=cents,
            key_cents=gen[_SCALE], first=max(0, first),
            loop=(loop, loop_end) if mode in (1, 3) and loop_end > loop >= 0 else None,
            loop_ends=mode == 3,
            gain_db=-_ATTENUATION_SCALE * max(0, gen.get(_ATTENUATION, 0)) / 10,
            pan=float(np.clip(gen.get(_PAN, 0) / 500, -1, 1)),
            cutoff_hz=8.176 * 2 ** (gen[_FILTER] / 1200),
            envelope=_envelope(gen), group=exclusive, off_by=exclusive,
        )  # fmt: skip

    def _recording(self, number: int) -> Recording:
        if number not in self._recordings:
            name = f"{number} {self._tables.samples[number]['name'].decode('latin-1')}"
            self._recordings[number] = Recording(name, partial(self._read, number))
        return self._recordings[number]

    def _read(self, number: int) -> tuple[FloatArray, int]:
        header, (base, size) = self._tables.samples[number], self._smpl
        start, end, rate = int(header["start"]), int(header["end"]), int(header["rate"])
        name = f"{self._path.name}: {header['name'].decode('latin-1')}"
        compressed = bool(header["kind"] & _COMPRESSED)
        if not 0 <= start <= end <= size // (1 if compressed else 2):
            raise BadAudioError(f"The sample '{name}' is damaged.")
        if compressed:
            return self._shelf.recording(self._data[base + start : base + end], name)
        self._shelf.take(end - start, name)
        values = np.frombuffer(self._data, "<i2", end - start, base + 2 * start)
        return (values.astype(np.float32) / 32768.0)[None], rate


def _chunks(
    data: mmap.mmap, first: int = 12, end: int | None = None, depth: int = 0
) -> Iterator[tuple[str, tuple[int, int]]]:
    """Name -> (first byte, size) of all chunks, those inside lists too."""
    if first == 12 and (data[:4] != b"RIFF" or data[8:12] != b"sfbk"):
        raise ValueError("it does not begin like one")
    end = len(data) if end is None else end
    while first + 8 <= end:
        size = struct.unpack_from("<I", data, first + 4)[0]
        if data[first : first + 4] == b"LIST" and depth < _DEEPEST:
            yield from _chunks(data, first + 12, min(end, first + 8 + size), depth + 1)
        else:
            yield data[first : first + 4].decode("latin-1"), (first + 8, size)
        first += 8 + size + size % 2


def _zone_generators(
    bags: NDArray[np.void], gens: NDArray[np.void], first: int, stop: int, wanted: int
) -> Iterator[Generators]:
    """Generators of each zone, its list's global zone beneath; that one alone lacks `wanted`."""
    shared: Generators = {}
    for bag in range(first, stop):
        first_gen, stop_gen = int(bags[bag]["gen"]), int(bags[bag + 1]["gen"])
        span = slice(first_gen, min(stop_gen, first_gen + _MOST_GENERATORS))
        own = {int(g["oper"]): int(g["amount"]) for g in gens[span]}
        if wanted in own:
            yield shared | own
        elif bag == first:
            shared = own


def _both(outer: Generators, inner: Generators, generator: int) -> tuple[int, int]:
    """The range that both allow; a range's low byte is its lower end."""
    ranges = [gen[generator] & 0xFFFF for gen in (outer, inner) if generator in gen] or [127 << 8]
    low, high = max(r & 255 for r in ranges), min(r >> 8 for r in ranges)
    return (max(1, low), high) if generator == _VELOCITIES else (low, high)


def _added(outer: Generators, inner: Generators) -> Generators:
    """An instrument's generators with its preset's added to them."""
    total = _DEFAULTS | inner
    for generator, amount in outer.items():
        if generator not in _NOT_ADDED:
            total[generator] = total.get(generator, 0) + amount
    return total


def _envelope(gen: Generators) -> Envelope:
    def seconds(generator: int) -> float:
        return 0.0 if gen[generator] <= -12000 else float(2 ** (gen[generator] / 1200))

    delay_s, attack_s, hold_s, decay_s = (seconds(g) for g in (_DELAY, _ATTACK, _HOLD, _DECAY))
    sustain_db = max(0, gen.get(_SUSTAIN, 0)) / 10
    return Envelope(delay_s, attack_s, hold_s, decay_s, sustain_db, seconds(_RELEASE))

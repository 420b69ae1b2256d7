"""Notes of a Standard MIDI File, read leniently: what has no sound is stepped over, whatever it is.

mido refuses a file for a key signature or a lyric it cannot name. Here only notes, the pedal and
"all notes off" are looked at; everything else is as long as it says and is skipped.

Conventions: times are beats (quarter notes) from the file's start; channels 0..15.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

DRUM_CHANNEL = 9
_PEDAL, _ALL_SOUND_OFF, _RESET_CONTROLLERS, _ALL_NOTES_OFF = 64, 120, 121, 123
_DOWN = 64
_LENGTHS = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
_SYSTEM_LENGTHS = {0xF1: 1, 0xF2: 2, 0xF3: 1}


@dataclass(frozen=True)
class KeyPress:
    """A note that is no drum: start and end of its key in beats, and its MIDI pitch.

    `lost` says that its release is nowhere: the track or the next stroke of the key ended it.
    """

    start: float
    end: float
    pitch: int
    lost: bool = False


@dataclass
class MidiNotes:
    """What was read.

    Attributes:
        notes: of all tracks.
        pedals: (down, up) in beats of every time the pedal was held.
        broken_at: beat from which on a track cannot be read; None: all was.
    """

    notes: list[KeyPress] = field(default_factory=list)
    pedals: list[tuple[float, float]] = field(default_factory=list)
    broken_at: float | None = None


def read_notes(data: bytes) -> MidiNotes:
    """Read a file's bytes.

    Raises:
        ValueError: not a MIDI file, or one that counts film frames; the reason, for a sentence.
    """
    at = data.find(b"MThd", 0, 64)  # behind the header of an .rmi file
    if at < 0 or len(data) < at + 14:
        raise ValueError("it is not a MIDI file")
    length, _, _, division = struct.unpack_from(">IHHH", data, at + 4)
    if division & 0x8000 or not division:
        raise ValueError("it counts time in film frames, not in beats")
    found = MidiNotes()
    at += 8 + length
    tracks = 0
    while at + 8 <= len(data):
        kind, size = data[at : at + 4], struct.unpack_from(">I", data, at + 4)[0]
        at += 8
        if kind == b"MTrk":
            tracks += 1
            _TrackReader(data[at : at + size], division, cut=at + size > len(data)).read(found)
        at += size
    if not tracks:
        raise ValueError("it holds no tracks")
    return found


class _TrackReader:
    def __init__(self, data: bytes, ticks_per_beat: int, *, cut: bool) -> None:
        self._data, self._ticks, self._cut = data, ticks_per_beat, cut
        self._held: dict[tuple[int, int], float] = {}
        self._pedals: dict[int, float] = {}

    def read(self, found: MidiNotes) -> None:
        """Add this track's notes."""
        now = 0.0
        try:
            for now, status, values in self._events():
                self._take(found, now, status, values)
            broken = self._cut
        except IndexError:
            broken = True
        if broken:
            found.broken_at = min(now, now if found.broken_at is None else found.broken_at)
        for (_, pitch), start in self._held.items():
            found.notes.append(KeyPress(start, now, pitch, lost=True))
        found.pedals += [(down, now) for down in self._pedals.values()]

    def _events(self) -> Iterator[tuple[float, int, bytes]]:
        """(beat, status, data bytes) of channel messages, and of the track's end.

        Raises:
            IndexError: the data ends inside a message, or is none.
        """
        data, at, tick, running = self._data, 0, 0, 0
        while at < len(data):
            delta, at = _variable(data, at)
            tick += delta
            status = data[at]
            if status & 0x80:
                at += 1
            else:
                status = running
            if status in (0xFF, 0xF0, 0xF7):
                kind = data[at] if status == 0xFF else 0
                length, at = _variable(data, at + (status == 0xFF))
                at += length
                if kind == 0x2F:
                    yield tick / self._ticks, 0, b""
                    return
                continue
            if status >= 0xF0:
                at += _SYSTEM_LENGTHS.get(status, 0)
                continue
            running, length = status, _LENGTHS[status & 0xF0] if status else 0
            values = data[at : at + length]
            at += length
            if not length or len(values) < length or max(values) & 0x80:
                raise IndexError
            yield tick / self._ticks, status, values

    def _take(self, found: MidiNotes, now: float, status: int, values: bytes) -> None:
        kind, channel = status & 0xF0, status & 15
        if channel == DRUM_CHANNEL or kind not in (0x80, 0x90, 0xB0):
            return
        if kind == 0xB0:
            self._control(found, now, channel, values[0], values[1])
            return
        struck = kind == 0x90 and values[1] > 0
        self._end(found, now, [(channel, values[0])], lost=struck)
        if struck:
            self._held[channel, values[0]] = now

    def _control(self, found: MidiNotes, now: float, channel: int, number: int, value: int) -> None:
        if number == _ALL_SOUND_OFF or number >= _ALL_NOTES_OFF:
            self._end(found, now, [key for key in self._held if key[0] == channel])
        if number == _PEDAL and value >= _DOWN:
            self._pedals.setdefault(channel, now)
        elif number in (_PEDAL, _RESET_CONTROLLERS) and channel in self._pedals:
            found.pedals.append((self._pedals.pop(channel), now))

    def _end(
        self, found: MidiNotes, now: float, keys: list[tuple[int, int]], *, lost: bool = False
    ) -> None:
        for key in keys:
            start = self._held.pop(key, None)
            if start is not None:
                found.notes.append(KeyPress(start, now, key[1], lost))


def _variable(data: bytes, at: int) -> tuple[int, int]:
    """A number of variable length, and where it ends; at most four bytes."""
    value = 0
    for place in range(at, at + 4):
        value = value << 7 | data[place] & 0x7F
        if data[place] < 0x80:
            return value, place + 1
    raise IndexError


def by_cell(
    notes: list[KeyPress], cell_beats: float, length_beats: float
) -> dict[int, dict[int, int]]:
    """Cell -> pitch class -> lowest pitch, for pitch classes that fill half of the cell."""
    filled: dict[tuple[int, int], float] = defaultdict(float)
    lowest: dict[tuple[int, int], int] = {}
    for note in notes:
        last = min(note.end, length_beats)
        cell = int(note.start // cell_beats)
        while cell * cell_beats < last:
            low, high = max(note.start, cell * cell_beats), min(last, (cell + 1) * cell_beats)
            key = (cell, note.pitch % 12)
            filled[key] += high - low
            lowest[key] = min(note.pitch, lowest.get(key, 128))
            cell += 1
    cells: dict[int, dict[int, int]] = defaultdict(dict)
    for (cell, pitch_class), beats in filled.items():
        # A hair under one half, so that a note played a few ticks short still counts.
        if beats >= 0.48 * cell_beats:
            cells[cell][pitch_class] = lowest[cell, pitch_class]
    return cells

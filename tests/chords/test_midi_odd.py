"""Chord files as programs and players really write them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from stembridge.chords import chords_from_midi
from stembridge.errors import BadArgsError

CASES = Path(__file__).parents[1] / "data" / "cases"
AM_F_C_G = ((57, 60, 64), (53, 57, 60), (48, 52, 55), (55, 59, 62))
RIGHT = [(0.0, "Am"), (4.0, "F"), (8.0, "C"), (12.0, "G")]
TICKS = 480

Event = tuple[float, bytes]


def number(value: int) -> bytes:
    """A number of variable length."""
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(value & 0x7F | 0x80)
    return bytes(reversed(digits))


def track(events: list[Event], end: bytes = b"\x00\xff\x2f\x00") -> bytes:
    body, now = b"", 0
    for beat, data in sorted(events, key=lambda event: event[0]):
        body += number(round(beat * TICKS) - now) + data
        now = round(beat * TICKS)
    return chunk(b"MTrk", body + end)


def chunk(kind: bytes, body: bytes) -> bytes:
    return kind + len(body).to_bytes(4, "big") + body


HEAD = chunk(b"MThd", bytes((0, 1, 0, 1, TICKS >> 8, TICKS & 255)))


def note(start: float, end: float, pitch: int, channel: int = 0) -> list[Event]:
    return [(end, bytes((0x80 | channel, pitch, 0))), (start, bytes((0x90 | channel, pitch, 90)))]


def block(overlap: float = -0.05) -> list[Event]:
    """One chord a bar; each ends `overlap` beats after the next began."""
    return [
        event
        for bar, chord in enumerate(AM_F_C_G)
        for pitch in chord
        for event in note(4 * bar, 4 * bar + 4 + overlap, pitch)
    ]


@pytest.fixture
def heard(tmp_path: Path) -> Callable[[bytes], list[tuple[float, str]]]:
    def read(data: bytes) -> list[tuple[float, str]]:
        path = tmp_path / "chords.mid"
        path.write_bytes(data)
        return [(span.start_beats, span.symbol) for span in chords_from_midi(path, 16.0)]

    return read


@pytest.mark.parametrize("name", ["cc123.mid", "key8flats.mid"])
def test_files_that_once_failed(name: str) -> None:
    spans = chords_from_midi(CASES / name, 16.0)
    assert [(span.start_beats, span.symbol) for span in spans] == RIGHT


@pytest.mark.parametrize(
    "odd",
    [
        b"\xff\x59\x02\xf8\x00", b"\xff\x59\x02\x00\x05", b"\xff\x59\x00", b"\xff\x51\x00",
        b"\xff\x51\x03\x00\x00\x00", b"\xff\x54\x05\xff\x00\x00\x00\x00", b"\xff\x00\x01\x05",
        b"\xff\x20\x00", b"\xff\x21\x00", b"\xff\x58\x01\x04", b"\xff\x58\x04\x04\xff\x18\x08",
        b"\xff\x03\x04\xc3\xbc\xfc\x00", b"\xff\x7f\x81\x00" + bytes(128), b"\xff\x6e\x02ab",
        b"\xf0\x03\x7e\x7f\xf7", b"\xf7\x02\xf3\x01", b"\xf1\x05", b"\xfe",
        b"\xff\x05\x03\x80\x90\xff", b"\xff\x2e\x00",
    ],
)  # fmt: skip
def test_what_has_no_sound_is_stepped_over(odd: bytes, heard: Callable[[bytes], object]) -> None:
    odd_events = [(0.0, odd), (2.0, odd), (12.5, odd)]
    assert heard(HEAD + track([*odd_events, *block()])) == RIGHT


@pytest.mark.parametrize(
    "wrap",
    [
        lambda data: b"RIFF" + bytes(4) + b"RMIDdata" + bytes(4) + data,
        lambda data: HEAD + chunk(b"XFIH", b"Yamaha") + data[14:] + chunk(b"XFKM", b"\xff" * 9),
        lambda data: chunk(b"MThd", data[8:14] + b"\0\0") + data[14:] + b"\0\0\0",
        lambda data: data[:10] + b"\0\x07" + data[12:],
        lambda data: data.replace(b"\x00\xff\x2f\x00", b"\x00\xff\x2f\x00\x99\x99"),
    ],
)
def test_odd_files_around_the_notes(
    wrap: Callable[[bytes], bytes], heard: Callable[[bytes], object]
) -> None:
    assert heard(wrap(HEAD + track(block()))) == RIGHT


def test_a_file_cut_short_is_refused_only_if_it_matters(
    heard: Callable[[bytes], object], tmp_path: Path
) -> None:
    data = HEAD + track([*block(), *note(40, 41, 60), *note(42, 43, 60)])
    assert heard(data[:-9]) == RIGHT
    with pytest.raises(BadArgsError, match="damaged"):
        heard(data[: len(HEAD) + 60])


@pytest.mark.parametrize("ending", [(123, 0), (120, 0), (127, 0)])
def test_whatever_ends_notes_ends_them(
    ending: tuple[int, int], heard: Callable[[bytes], object]
) -> None:
    events = [event for event in block() if event[1][0] == 0x90]
    events += [(4 * bar + 3.95, bytes((0xB0, *ending))) for bar in range(4)]
    assert heard(HEAD + track(events)) == RIGHT


@pytest.mark.parametrize("overlap", [-1.0, 0.0, 0.1, 0.24, 0.5, 0.9])
def test_legato(overlap: float, heard: Callable[[bytes], object]) -> None:
    one_track_each = [
        track([e for p in AM_F_C_G[bar] for e in note(4 * bar, 4 * bar + 4 + overlap, p)])
        for bar in range(4)
    ]
    assert heard(HEAD + b"".join(one_track_each)) == RIGHT


@pytest.mark.parametrize("melody", [(74,), (76, 72), (71, 72, 74, 76), (81, 83)])
@pytest.mark.parametrize("length", [0.5, 1.0, 1.5])
def test_a_melody_above_held_chords(
    melody: tuple[int, ...], length: float, heard: Callable[[bytes], object]
) -> None:
    notes = [
        event
        for bar, (n, pitch) in product(range(4), enumerate(melody))
        for event in note(4 * bar + 0.75 * n + 0.75, 4 * bar + 0.75 * n + 0.75 + length, pitch, 3)
    ]
    drums = [event for eighth in range(32) for event in note(eighth / 2, eighth / 2 + 0.1, 36, 9)]
    assert heard(HEAD + track(block()) + track(notes) + track(drums)) == RIGHT


@pytest.mark.parametrize("melody", [(81, 83, 84, 86), (86, 77, 79, 81), (83, 84, 83, 81)])
@pytest.mark.parametrize("step", [0.5, 1.0])
def test_a_melody_that_begins_with_the_chord(
    melody: tuple[int, ...], step: float, heard: Callable[[bytes], object]
) -> None:
    notes = [
        event
        for n in range(round(16 / step))
        for event in note(n * step, n * step + 0.9 * step, melody[n % 4], 1)
    ]
    assert heard(HEAD + track(block()) + track(notes)) == RIGHT


SPREAD = ((57, 72, 64), (53, 57, 72), (60, 52, 67), (55, 71, 62))
"""The voices of one chord lie between those of the next."""


@pytest.mark.parametrize("overlap", [0.1, 0.3, 0.5, 0.9])
def test_legato_with_voices_that_cross(overlap: float, heard: Callable[[bytes], object]) -> None:
    notes = [
        event
        for bar, chord in enumerate(SPREAD)
        for pitch in chord
        for event in note(4 * bar, 4 * bar + 4 + overlap, pitch, bar)
    ]
    assert [name for _, name in heard(HEAD + track(notes))] == ["Am", "F", "C/E", "G"]


@pytest.mark.parametrize("lost", [(0, 2), (1, 0), (2, 1), (3, 0)])
def test_a_key_whose_release_is_lost_does_not_hang(
    lost: tuple[int, int], heard: Callable[[bytes], object]
) -> None:
    bar, voice = lost
    end = 4 * bar + 3.95, bytes((0x80, AM_F_C_G[bar][voice], 0))
    assert heard(HEAD + track([event for event in block() if event != end])) == RIGHT


PATTERNS = [
    ((0, 1, 2, 1, 0, 1, 2, 1), 0.5), ((0, 2, 1, 2), 0.5), ((0, 1, 2), 0.5), ((0, 1, 2, 1), 1.0),
    ((0, 1, 2), 1.0), ((0, 2, 1, 2, 0, 2, 1, 2) * 2, 0.25), ((2, 1, 0, 1), 1.0),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "step"), PATTERNS)
@pytest.mark.parametrize("pedal", [None, 0.0, 0.1, 0.2])
@pytest.mark.parametrize("length", [0.3, 0.95])
def test_broken_chords(
    pattern: tuple[int, ...],
    step: float,
    pedal: float | None,
    length: float,
    heard: Callable[[bytes], object],
) -> None:
    events: list[Event] = []
    for bar, chord in enumerate(AM_F_C_G):
        for n, index in enumerate(pattern):
            events += note(4 * bar + n * step, 4 * bar + (n + length) * step, chord[index])
        if pedal is not None:
            events.append((4 * bar + pedal, b"\xb0\x40\x7f"))
            events.append((4 * bar + 4 + pedal - 0.05, b"\xb0\x40\x00"))
    assert heard(HEAD + track(events)) == RIGHT


def test_a_broken_chord_held_by_fingers_begins_with_its_first_key(
    heard: Callable[[bytes], object],
) -> None:
    events = [
        event
        for bar, chord in enumerate(AM_F_C_G)
        for n, pitch in enumerate(chord)
        for event in note(4 * bar + 0.5 * n, 4 * bar + 3.9, pitch)
    ]
    assert heard(HEAD + track(events)) == RIGHT


def test_block_chords_under_a_pedal_that_is_never_lifted(heard: Callable[[bytes], object]) -> None:
    assert heard(HEAD + track([(0.0, b"\xb0\x40\x7f"), *block()])) == RIGHT


def test_two_chords_a_bar_stay_two(heard: Callable[[bytes], object]) -> None:
    events: list[Event] = []
    for half, chord in enumerate((*AM_F_C_G, *AM_F_C_G)):
        for n, index in enumerate((0, 1, 2, 1)):
            events += note(2 * half + 0.5 * n, 2 * half + 0.5 * n + 0.4, chord[index])
    names = ["Am", "F", "C", "G"] * 2
    assert heard(HEAD + track(events)) == [(2.0 * half, name) for half, name in enumerate(names)]

"""One chord: its symbol, its root and its pitch classes.

Conventions: pitch classes are 0..11 with C = 0; positions are beats (quarter notes) from the
request's first bar line. A span lasts until the next one starts; "N.C." is a span without notes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from stembridge.errors import BadArgsError

_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"": 0, "#": 1, "b": -1, "##": 2, "bb": -2}
_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
# Root, quality, bass.
_SYMBOL = re.compile(r"([A-G](?:##|bb|#|b)?)(.*?)(?:/([A-G](?:##|bb|#|b)?))?")
_NO_CHORD = {"n.c.", "nc", "n"}

# Quality -> intervals above the root in semitones. The spellings musicians type for the same
# chord stand side by side; the first of each row is how a recognised chord is written.
_QUALITIES: tuple[tuple[tuple[str, ...], tuple[int, ...]], ...] = (
    (("", "maj", "M", "major"), (0, 4, 7)),
    (("m", "min", "-", "minor"), (0, 3, 7)),
    (("5",), (0, 7)),
    (("dim", "o", "°", "mb5"), (0, 3, 6)),
    (("aug", "+"), (0, 4, 8)),
    (("sus2",), (0, 2, 7)),
    (("sus4", "sus"), (0, 5, 7)),
    (("6", "maj6", "M6"), (0, 4, 7, 9)),
    (("m6", "min6", "-6"), (0, 3, 7, 9)),
    (("69", "6/9"), (0, 2, 4, 7, 9)),
    (("7", "dom7"), (0, 4, 7, 10)),
    (("maj7", "M7", "Δ", "Δ7", "major7"), (0, 4, 7, 11)),
    (("m7", "min7", "-7"), (0, 3, 7, 10)),
    (("mmaj7", "mM7", "m(maj7)", "minmaj7"), (0, 3, 7, 11)),
    (("m7b5", "min7b5", "-7b5", "ø", "ø7", "m7(b5)"), (0, 3, 6, 10)),
    (("dim7", "o7", "°7"), (0, 3, 6, 9)),
    (("7sus4", "7sus"), (0, 5, 7, 10)),
    (("7#5", "aug7", "+7", "7+"), (0, 4, 8, 10)),
    (("7b5",), (0, 4, 6, 10)),
    (("7b9", "7(b9)"), (0, 1, 4, 7, 10)),
    (("7#9", "7(#9)"), (0, 3, 4, 7, 10)),
    (("add9", "add2"), (0, 2, 4, 7)),
    (("madd9", "m(add9)", "madd2"), (0, 2, 3, 7)),
    (("9", "dom9"), (0, 2, 4, 7, 10)),
    (("maj9", "M9", "Δ9"), (0, 2, 4, 7, 11)),
    (("m9", "min9", "-9"), (0, 2, 3, 7, 10)),
    (("9sus4", "9sus"), (0, 2, 5, 7, 10)),
    (("11",), (0, 2, 5, 7, 10)),
    (("m11", "min11", "-11"), (0, 2, 3, 5, 7, 10)),
    (("13",), (0, 2, 4, 7, 9, 10)),
    (("maj13", "M13"), (0, 2, 4, 7, 9, 11)),
    (("m13", "min13", "-13"), (0, 2, 3, 7, 9, 10)),
)
_INTERVALS = {spelling: intervals for spellings, intervals in _QUALITIES for spelling in spellings}
QUALITIES: dict[str, tuple[int, ...]] = {names[0]: steps for names, steps in _QUALITIES}
"""Canonical quality spelling -> intervals above the root, simplest first."""


@dataclass(frozen=True)
class ChordSpan:
    """A chord that sounds from `start_beats` until the next span.

    Attributes:
        start_beats: beats from the request's first bar line.
        pitch_classes: sorted, without repeats, 0..11; empty for "no chord".
        root: pitch class of the root, None where there is no chord or no name for it.
        symbol: as written ("F#m7b5/A"), for receipts and humans.
        confidence: how sure it is, 0 to 1; 1 for what a human wrote.
    """

    start_beats: float
    pitch_classes: tuple[int, ...]
    root: int | None
    symbol: str
    confidence: float = 1.0


def with_lengths(
    chords: Sequence[ChordSpan], length_beats: float
) -> Iterator[tuple[ChordSpan, float]]:
    """Chords over `length_beats`, each with how long it sounds, in beats."""
    ends = [*(chord.start_beats for chord in chords[1:]), length_beats]
    for chord, end in zip(chords, ends, strict=False):  # without chords there is still an end
        yield chord, end - chord.start_beats


def parse_chord(symbol: str, start_beats: float = 0.0) -> ChordSpan:
    """Read one chord symbol such as "F#m7b5/A", "Bb", "N.C.".

    A slash bass joins the pitch classes; the root stays the chord's own.

    Raises:
        BadArgsError: no such chord.
    """
    written = symbol.strip()
    text = written.replace("♭", "b").replace("♯", "#").replace("\u2212", "-")
    if text.lower() in _NO_CHORD:
        return ChordSpan(start_beats, (), None, "N.C.")
    match = _SYMBOL.fullmatch(text)
    if match is None or match[2] not in _INTERVALS:
        raise BadArgsError(
            f'"{written[:40]}" is not a chord symbol; chords look like Am, F#m7b5, Bbmaj7 or C/E.'
        )
    root = _pitch_class(match[1])
    sounding = {(root + step) % 12 for step in _INTERVALS[match[2]]}
    if match[3]:
        sounding.add(_pitch_class(match[3]))
    return ChordSpan(start_beats, tuple(sorted(sounding)), root, written)


def _pitch_class(name: str) -> int:
    return (_LETTERS[name[0]] + _ACCIDENTALS[name[1:]]) % 12


def transposed(chord: ChordSpan, semitones: int) -> ChordSpan:
    """A chord that was read from text, so many semitones higher; its place stays."""
    match = _SYMBOL.fullmatch(chord.symbol)
    if chord.root is None or match is None:
        return chord
    root, bass = ((_pitch_class(n) + semitones) % 12 if n else None for n in match.group(1, 3))
    slash = "" if bass is None else f"/{_NAMES[bass]}"
    higher = sorted((pitch_class + semitones) % 12 for pitch_class in chord.pitch_classes)
    symbol = f"{_NAMES[root or 0]}{match[2]}{slash}"
    return ChordSpan(chord.start_beats, tuple(higher), root, symbol)


def name_chord(pitch_classes: Iterable[int], bass: int) -> ChordSpan:
    """Name a set of pitch classes; the bass note is tried as root first, and then as foreign.

    A set without a name keeps its pitch classes, with no root.
    """
    sounding = tuple(sorted(set(pitch_classes)))
    for root in (bass, *(pc for pc in sounding if pc != bass)):
        quality = _quality(sounding, root)
        if quality is not None:
            slash = "" if root == bass else f"/{_NAMES[bass]}"
            return ChordSpan(0.0, sounding, root, f"{_NAMES[root]}{quality}{slash}")
    upper = tuple(pc for pc in sounding if pc != bass)
    for root in upper if len(upper) > 2 else ():
        quality = _quality(upper, root)
        if quality is not None:
            return ChordSpan(0.0, sounding, root, f"{_NAMES[root]}{quality}/{_NAMES[bass]}")
    return ChordSpan(0.0, sounding, None, "+".join(_NAMES[pc] for pc in sounding))


def _quality(pitch_classes: tuple[int, ...], root: int) -> str | None:
    steps = tuple(sorted((pc - root) % 12 for pc in pitch_classes))
    return next((name for name, intervals in QUALITIES.items() if intervals == steps), None)

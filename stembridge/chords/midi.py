"""Chords from a Standard MIDI File: block chords by the half beat, broken ones by pedal or bar."""

from __future__ import annotations

from math import ceil, floor
from pathlib import Path

from stembridge.chords.midi_file import KeyPress, MidiNotes, by_cell, read_notes
from stembridge.chords.midi_voices import chord_notes
from stembridge.chords.progression import check_spans
from stembridge.chords.symbols import ChordSpan, name_chord
from stembridge.errors import BadArgsError, NoSuchFileError

_CELL_BEATS = 0.5
_CELLS_PER_BEAT = 2
_MAX_MIDI_BYTES = 1_000_000
_LATE_BEATS = 0.1
"""A key may be struck so much before its beat."""

_TAIL_BEATS = 1.0
"""Of a file cut short nothing but the last releases are missing."""

_LONGEST_PEDAL_BARS = 2
_WHOLE = 3
"""Pitch classes that make a chord beyond doubt."""

Chord = dict[int, int]
"""Pitch class -> lowest pitch that sounds it."""


def chords_from_midi(
    path: str | Path, length_beats: float, beats_per_bar: float = 4.0
) -> tuple[ChordSpan, ...]:
    """Read the chords of a MIDI file's first `length_beats` beats.

    All tracks count except channel 10 (drums). In bars where three or more pitch classes are held
    at once, time is cut into half beats; a pitch class belongs to a cell if it sounds for at least
    half of it. A cell with fewer than two pitch classes (a passing note, a gap), with two of the
    chord before (a key released early) or with new ones above a chord that is held (a melody) goes
    on with that chord. Elsewhere chords are broken: all notes under one pedal, or of a bar or its
    half, make one.

    Raises:
        NoSuchFileError: the file is not there.
        BadArgsError: not a MIDI file, a damaged one, or one without chords.
    """
    found = _read(Path(path), length_beats)
    found.notes = chord_notes(found.notes, _make_a_chord)
    blocks = by_cell(found.notes, _CELL_BEATS, length_beats)
    broken: list[tuple[float, Chord]] = []
    held: list[tuple[float, Chord]] = []
    for bar in range(ceil(length_beats / beats_per_bar - 1e-9)):
        first, end = bar * beats_per_bar, min((bar + 1) * beats_per_bar, length_beats)
        cells = range(floor(first * _CELLS_PER_BEAT), ceil(end * _CELLS_PER_BEAT))
        if any(len(blocks[cell]) >= _WHOLE for cell in cells if cell in blocks):
            held += _held_chords(found.notes, {c: blocks[c] for c in cells if c in blocks}, held)
        else:
            broken += _broken_chords(found, first, end) or [
                (cell * _CELL_BEATS, blocks[cell])
                for cell in cells
                if len(blocks.get(cell, ())) > 1
            ]
    spans = _spans(sorted(held + broken, key=lambda one: one[0]))
    if not spans:
        raise BadArgsError(f'"{Path(path).name}" holds no chords in its first beats.')
    return check_spans(spans, length_beats)


def _read(path: Path, length_beats: float) -> MidiNotes:
    if not path.is_file():
        raise NoSuchFileError(f'There is no MIDI file "{path}". Look at its spelling and folder.')
    try:
        if path.stat().st_size > _MAX_MIDI_BYTES:
            raise BadArgsError(f'"{path.name}" is too big for a chord file.')
        found = read_notes(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BadArgsError(
            f'"{path.name}" is not a readable MIDI file: {error}. Export it again.'
        ) from error
    if found.broken_at is not None and found.broken_at < length_beats - _TAIL_BEATS:
        raise BadArgsError(
            f'"{path.name}" is damaged: a track cannot be read from beat {found.broken_at:g} on. '
            "Export it again."
        )
    return found


def _held_chords(
    notes: list[KeyPress], cells: dict[int, Chord], before: list[tuple[float, Chord]]
) -> list[tuple[float, Chord]]:
    """Chords of a bar in which keys are held together."""
    chords: list[tuple[float, Chord]] = []
    waiting: list[int] = []
    for cell, every in cells.items():
        sounding = _without_held_over(notes, cell, every)
        last = (chords or before or [(0.0, {})])[-1][1]
        few = len(sounding) < _WHOLE
        if len(sounding) < 2 or (few and sounding.keys() <= last.keys()):
            waiting.append(cell)
            continue
        if _is_melody(notes, cell, sounding, last):
            continue
        if few and any(sounding.keys() < later.keys() for at, later in cells.items() if at > cell):
            waiting.append(cell)  # the chord is being built
            continue
        start = cell
        while start - 1 in waiting and cells[start - 1].keys() <= sounding.keys():
            start -= 1
        # What only went on with the chord before is not drawn into the new one.
        if few or all(cells[at].keys() <= last.keys() for at in range(start, cell)):
            start = cell if last else start
        chords.append((start * _CELL_BEATS, sounding))
        waiting.clear()
    return chords


def _is_melody(notes: list[KeyPress], cell: int, sounding: Chord, last: Chord) -> bool:
    """Whether a cell only adds notes above a chord that is held on."""
    added = sounding.keys() - last.keys()
    if len(last) < _WHOLE or not added or not last.keys() <= sounding.keys():
        return False
    begin = cell * _CELL_BEATS - _LATE_BEATS
    struck = {note.pitch for note in notes if begin <= note.start < begin + _CELL_BEATS}
    above = min(sounding[one] for one in added) > max(last.values())
    return above and struck.isdisjoint(last.values())


def _without_held_over(notes: list[KeyPress], cell: int, sounding: Chord) -> Chord:
    """What is struck in a cell and what is held below it: a melody that rings on is no chord."""
    begin = cell * _CELL_BEATS - _LATE_BEATS
    struck = {note.pitch for note in notes if begin <= note.start < begin + _CELL_BEATS}
    fresh = {one: pitch for one, pitch in sounding.items() if pitch in struck}
    if not _is_named(fresh):
        return sounding
    return {one: pitch for one, pitch in sounding.items() if pitch <= max(fresh.values())}


def _broken_chords(found: MidiNotes, first: float, end: float) -> list[tuple[float, Chord]]:
    """Chords of a bar whose notes come one after the other."""
    middle = (first + end) / 2
    windows = [
        (max(_to_cell(down), first), min(_to_cell(up), end))
        for down, up in sorted(found.pedals)
        if up - down <= _LONGEST_PEDAL_BARS * (end - first)
    ]
    for choice in (windows, [(first, middle), (middle, end)], [(first, end)]):
        chords = [
            (start, chord)
            for start, stop in choice
            if start < stop and (chord := _struck(found.notes, start, stop)) and _is_named(chord)
        ]
        wanted = [one for one in choice if _struck(found.notes, *one)]
        if chords and len(chords) == len([one for one in wanted if one[0] < one[1]]):
            return chords
    return []


def _to_cell(beat: float) -> float:
    return floor(beat / _CELL_BEATS + 0.5) * _CELL_BEATS


def _struck(notes: list[KeyPress], start: float, stop: float) -> Chord:
    """What is struck between two moments, or a little before."""
    chord: Chord = {}
    for note in notes:
        if -_LATE_BEATS <= note.start - start < stop - start - _LATE_BEATS:
            chord[note.pitch % 12] = min(note.pitch, chord.get(note.pitch % 12, 128))
    return chord


def _make_a_chord(pitches: set[int]) -> bool:
    return _is_named({pitch % 12: pitch for pitch in sorted(pitches, reverse=True)})


def _is_named(chord: Chord) -> bool:
    return len(chord) >= _WHOLE and _named(chord).root is not None


def _named(chord: Chord) -> ChordSpan:
    """Its name; a highest note without which it has one is melody."""
    bass = min(chord, key=lambda pitch_class: chord[pitch_class])
    named = name_chord(chord, bass)
    for left_out in sorted(chord, key=lambda one: -chord[one]):
        rest = name_chord(chord.keys() - {left_out}, bass)
        if named.root is None and len(chord) > _WHOLE and rest.root is not None:
            return rest
    return named


def _spans(chords: list[tuple[float, Chord]]) -> list[ChordSpan]:
    spans: list[ChordSpan] = []
    for start, chord in chords:
        span = _named(chord)
        if spans and (
            spans[-1].pitch_classes == span.pitch_classes or spans[-1].start_beats >= start
        ):
            continue
        spans.append(ChordSpan(start, span.pitch_classes, span.root, span.symbol))
    return spans

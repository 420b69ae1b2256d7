"""Chords from a Standard MIDI File: what sounds in each half beat, named where it has a name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from stembridge.chords.progression import check_spans
from stembridge.chords.symbols import ChordSpan, name_chord
from stembridge.errors import BadArgsError, NoSuchFileError

_CELL_BEATS = 0.5
_DRUM_CHANNEL = 9
_MAX_MIDI_BYTES = 1_000_000

Note = tuple[float, float, int]
"""start_beats, end_beats, MIDI pitch."""


def chords_from_midi(path: str | Path, length_beats: float) -> tuple[ChordSpan, ...]:
    """Read the chords of a MIDI file's first `length_beats` beats.

    All tracks count except channel 10 (drums). Time is cut into half beats; a pitch class belongs
    to a cell if it sounds for at least half of it, and a cell with fewer than two pitch classes
    (a passing melody note, a gap) or with two of the chord before (a key released early) goes on
    with that chord. Arpeggios shorter than the cell are not understood: give block chords.

    Raises:
        NoSuchFileError: the file is not there.
        BadArgsError: not a MIDI file, or one without chords.
    """
    cells = _cells(_notes(Path(path)), length_beats)
    spans: list[ChordSpan] = []
    for cell in range(max(1, int(-(-length_beats // _CELL_BEATS)))):
        sounding = cells.get(cell, {})
        before = spans[-1].pitch_classes if spans else ()
        if len(sounding) < 2 or (len(sounding) < 3 and set(sounding) <= set(before)):
            continue
        span = name_chord(sounding.keys(), min(sounding, key=lambda pc: sounding[pc]))
        start = cell * _CELL_BEATS
        if before != span.pitch_classes:
            spans.append(ChordSpan(start, span.pitch_classes, span.root, span.symbol))
    if not spans:
        raise BadArgsError(f'"{Path(path).name}" holds no chords in its first beats.')
    return check_spans(spans, length_beats)


def _cells(notes: list[Note], length_beats: float) -> dict[int, dict[int, int]]:
    """Cell -> pitch class -> lowest pitch, for the pitch classes that fill half of the cell."""
    filled: dict[tuple[int, int], float] = defaultdict(float)
    lowest: dict[tuple[int, int], int] = {}
    for start, end, pitch in notes:
        last = min(end, length_beats)
        cell = int(start // _CELL_BEATS)
        while cell * _CELL_BEATS < last:
            low, high = max(start, cell * _CELL_BEATS), min(last, (cell + 1) * _CELL_BEATS)
            key = (cell, pitch % 12)
            filled[key] += high - low
            lowest[key] = min(pitch, lowest.get(key, 128))
            cell += 1
    cells: dict[int, dict[int, int]] = defaultdict(dict)
    for (cell, pitch_class), beats in filled.items():
        # A hair under one half, so that a note played a few ticks short still counts.
        if beats >= 0.48 * _CELL_BEATS:
            cells[cell][pitch_class] = lowest[cell, pitch_class]
    return cells


def _notes(path: Path) -> list[Note]:
    import mido

    if not path.is_file():
        raise NoSuchFileError(f'There is no MIDI file "{path}".')
    try:
        if path.stat().st_size > _MAX_MIDI_BYTES:
            raise BadArgsError(f'"{path.name}" is too big for a chord file.')
        midi = mido.MidiFile(str(path))
    # mido reports a broken file with whatever its parser stumbled over.
    except (OSError, EOFError, ValueError, IndexError, KeyError, TypeError) as error:
        raise BadArgsError(f'"{path.name}" is not a readable MIDI file ({error}).') from error
    if midi.ticks_per_beat <= 0:
        raise BadArgsError(f'"{path.name}" counts time in film frames, not in beats.')
    return [note for track in midi.tracks for note in _track_notes(track, midi.ticks_per_beat)]


def _track_notes(track: Iterable[object], ticks_per_beat: int) -> list[Note]:
    notes: list[Note] = []
    held: dict[tuple[int, int], int] = {}
    tick = 0
    for message in track:
        tick += getattr(message, "time", 0)
        kind = getattr(message, "type", "")
        if kind not in {"note_on", "note_off"}:
            continue
        key = (getattr(message, "channel", 0), getattr(message, "note", 0))
        if key in held:
            notes.append((held.pop(key) / ticks_per_beat, tick / ticks_per_beat, key[1]))
        if kind == "note_on" and getattr(message, "velocity", 0) > 0 and key[0] != _DRUM_CHANNEL:
            held[key] = tick
    return notes + [(t / ticks_per_beat, tick / ticks_per_beat, key[1]) for key, t in held.items()]

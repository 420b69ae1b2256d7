"""Chord symbols and progressions, read from text or from a MIDI file."""

from stembridge.chords.midi import chords_from_midi
from stembridge.chords.progression import check_spans, parse_progression
from stembridge.chords.symbols import ChordSpan, name_chord, parse_chord

__all__ = [
    "ChordSpan",
    "check_spans",
    "chords_from_midi",
    "name_chord",
    "parse_chord",
    "parse_progression",
]

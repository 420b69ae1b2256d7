"""Chord symbols and progressions, read from text, from a MIDI file or from audio."""

from stembridge.chords.estimate import estimate_chords
from stembridge.chords.midi import chords_from_midi
from stembridge.chords.progression import check_spans, parse_progression, progression_text
from stembridge.chords.symbols import ChordSpan, name_chord, parse_chord, transposed

__all__ = [
    "ChordSpan",
    "check_spans",
    "chords_from_midi",
    "estimate_chords",
    "name_chord",
    "parse_chord",
    "parse_progression",
    "progression_text",
    "transposed",
]

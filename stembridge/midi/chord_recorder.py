"""Chords from the keys held down: play four chords, and the next request has a progression.

A chord is what is held once no key has moved for 60 ms; keys that join it within a quarter of a
second belong to it, later ones make the next chord. Letting go adds nothing. While a transport
runs, chords keep their beat; without one, each is a bar.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from stembridge.children.messages import Anchor
from stembridge.chords import name_chord

SETTLE_S = 0.06
JOIN_S = 0.25
MAX_CHORDS = 32
MIN_NOTES = 2


@dataclass(frozen=True)
class _Heard:
    symbol: str
    at_s: float
    beat: float | None


class ChordRecorder:
    """Notes in, a progression as text out."""

    def __init__(self, beats_per_bar: float = 4.0) -> None:
        self._beats_per_bar = beats_per_bar
        self._held: set[int] = set()
        self._changed_s: float | None = None
        self._pressed_s = 0.0
        self._chords: list[_Heard] = []
        self._fresh = False

    def clear(self) -> None:
        """Start over with the next chord; what was recorded stays until then."""
        self._fresh = True

    def note_on(self, pitch: int, time_s: float) -> None:
        """A key went down."""
        if not self._held or time_s - self._pressed_s > JOIN_S:
            self._pressed_s = time_s
        self._held.add(pitch)
        self._changed_s = time_s

    def note_off(self, pitch: int) -> None:
        """A key came up."""
        self._held.discard(pitch)

    def turn(self, now_s: float, anchor: Anchor | None) -> str | None:
        """The progression if it has changed, else None."""
        if self._changed_s is None or now_s - self._changed_s < SETTLE_S:
            return None
        self._changed_s = None
        symbol = recognise(self._held)
        if symbol is None:
            return None
        beat = None
        if anchor is not None and anchor.running:
            beat = max(0.0, floor(anchor.beat_at(self._pressed_s) + 0.5))
        heard = _Heard(symbol, self._pressed_s, beat)
        before = self.progression
        self._append(heard)
        return self.progression if self.progression != before else None

    def _append(self, heard: _Heard) -> None:
        if self._fresh:
            self._chords.clear()
            self._fresh = False
        last = self._chords[-1] if self._chords else None
        if last is not None and (last.at_s == heard.at_s or _same_beat(last, heard)):
            self._chords[-1] = heard
            return
        if last is not None and (last.beat is None) != (heard.beat is None):
            self._chords.clear()  # the transport started or stopped: a new take of chords
        if last is not None and last.beat is not None and (heard.beat or 0.0) < last.beat:
            self._chords.clear()  # the song was put back
        self._chords.append(heard)
        del self._chords[:-MAX_CHORDS]

    @property
    def progression(self) -> str:
        """Text for `stembridge.chords.parse_progression`; "" without chords."""
        if not self._chords or self._chords[0].beat is None:
            return " ".join(chord.symbol for chord in self._chords)
        bar = self._beats_per_bar
        zero = floor(self._chords[0].beat / bar) * bar
        return " ".join(f"{c.symbol}@{(c.beat or 0.0) - zero:g}" for c in self._chords)


def _same_beat(one: _Heard, other: _Heard) -> bool:
    return one.beat is not None and one.beat == other.beat


def recognise(pitches: set[int]) -> str | None:
    """Name of the chord that `pitches` (MIDI numbers) form; None if they form none.

    A set without a name loses the note that, left out, gives it one: a passing or mistaken key.
    """
    classes = {pitch % 12 for pitch in pitches}
    if len(classes) < MIN_NOTES:
        return None
    bass = min(pitches) % 12
    named = name_chord(classes, bass)
    if named.root is not None:
        return named.symbol
    for left_out in sorted(classes - {bass}):
        rest = name_chord(classes - {left_out}, bass)
        if len(rest.pitch_classes) >= MIN_NOTES + 1 and rest.root is not None:
            return rest.symbol
    return None

"""Chords from the keys held down: play four chords, and the next request has a progression.

A chord is what sounds once nothing has changed for 60 ms. Keys struck together make one, and so
does a broken chord whose keys sound on, by finger or pedal. Letting go adds nothing, but where a
key of the chord before ends after the new one was struck, the new one is looked at again: legato
playing overlaps. A lone note above a chord that stands is melody. While a transport runs, chords
keep their beat; without one, each is a bar.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import floor

from stembridge.children.messages import Anchor
from stembridge.chords import name_chord
from stembridge.midi.keyboard import Keyboard

SETTLE_S = 0.06
PEDAL_POINT = 7
"""Semitones to the next key above from which on a bass that is held on is meant to stay."""

MAX_CHORDS = 32
MIN_NOTES = 2
WHOLE = 3
"""Pitch classes of a chord that is complete; fewer may be the start of a broken one."""


@dataclass(frozen=True)
class _Heard:
    symbol: str
    at_s: float
    beat: float | None


class ChordRecorder:
    """Notes in, a progression as text out.

    Attributes:
        keyboard: takes the MIDI messages.
    """

    def __init__(self, beats_per_bar: float = 4.0, channel: int = 0) -> None:
        """Prepare.

        Args:
            beats_per_bar: bar length in quarter notes.
            channel: the one chords are played on, 1..16; 0: all but the drums'.
        """
        self.keyboard = Keyboard(channel)
        self._beats_per_bar = beats_per_bar
        self._standing: set[int] = set()
        self._chords: list[_Heard] = []
        self._fresh = False

    def clear(self) -> None:
        """Start over with the next chord; what was recorded stays until then."""
        self._fresh = True

    def turn(self, now_s: float, anchor: Anchor | None) -> str | None:
        """The progression if it has changed, else None."""
        keyboard = self.keyboard
        if keyboard.changed_s is None or now_s - keyboard.changed_s < SETTLE_S:
            return None
        keyboard.changed_s = None
        before = self.progression
        pitches = self._chord()
        symbol = recognise(pitches)
        if symbol is None:
            return self.progression if self.progression != before else None
        self._standing = pitches
        lowest, *others = sorted(pitches)
        if others[0] - lowest >= PEDAL_POINT:
            keyboard.keys[lowest].pedal_point = True
        keyboard.open = _n_classes(pitches) < WHOLE
        beat = None
        if anchor is not None and anchor.running:
            beat = max(0.0, floor(anchor.beat_at(keyboard.group_at_s) + 0.5))
        self._append(_Heard(symbol, keyboard.group_at_s, beat))
        return self.progression if self.progression != before else None

    def _chord(self) -> set[int]:
        """The keys that make the chord of this moment; empty if they are not meant as one."""
        keyboard = self.keyboard
        latest = keyboard.latest()
        alone = _n_classes(latest) >= WHOLE and recognise(latest) is not None
        if not latest or (not alone and self._is_melody(latest)):
            return set()
        held = keyboard.held_on()
        if alone:
            held -= {p for p in keyboard.left_over() if not keyboard.keys[p].pedal_point}
        if len(latest) == MIN_NOTES and not held and any(keyboard.keys[p].melody for p in latest):
            return set()
        return latest | held

    def _is_melody(self, latest: set[int]) -> bool:
        """Whether a chord stands and the latest keys only repeat it or lie above it."""
        keys = self.keyboard.keys
        standing = self._standing & keys.keys()
        sung = self._standing - standing  # with the chord, above it, and over before it is
        stands = (
            _n_classes(standing) >= WHOLE
            and recognise(standing) is not None
            and min(sung, default=128) > max(standing)
            and any(pitch not in latest for pitch in standing)
        )
        if not stands:
            return False
        self._without_sung(standing)
        above = {pitch for pitch in latest if pitch > max(standing)}
        for pitch in above:
            keys[pitch].melody = True
        if {pitch % 12 for pitch in latest} <= {pitch % 12 for pitch in standing}:
            return True
        self.keyboard.open = self.keyboard.open and above != latest
        return above == latest

    def _without_sung(self, standing: set[int]) -> None:
        """What has ended above a chord that stands was melody, and no part of its name."""
        if standing != self._standing and self._chords:
            self._chords[-1] = replace(self._chords[-1], symbol=str(recognise(standing)))
            self._standing = standing

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


def _n_classes(pitches: set[int]) -> int:
    return len({pitch % 12 for pitch in pitches})


def recognise(pitches: set[int]) -> str | None:
    """Name of the chord that `pitches` (MIDI numbers) form; None if they form none.

    A set without a name loses the highest note that, left out, gives it one: melody struck with
    the chord, or a mistaken key.
    """
    if _n_classes(pitches) < MIN_NOTES:
        return None
    bass = min(pitches) % 12
    classes = {pitch % 12 for pitch in pitches}
    named = name_chord(classes, bass)
    if named.root is not None:
        return named.symbol
    for left_out in sorted(pitches, reverse=True):
        rest = name_chord(classes - {left_out % 12}, bass)
        if left_out % 12 != bass and len(rest.pitch_classes) >= WHOLE and rest.root is not None:
            return rest.symbol
    return None

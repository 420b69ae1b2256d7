"""What sounds on a keyboard: keys held, keys the pedal keeps, and groups of keys struck together.

Raw MIDI goes in. A sequencer may end its notes with "all notes off" or by stopping instead of with
note-offs; they count as much. Channel 10 is drums unless it was asked for.

Conventions: times are s of a monotonic clock, pitches MIDI numbers, channels 1..16.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

JOIN_S = 0.25
"""Keys struck within so long of a group's first belong to it."""

GROW_S = 1.5
"""A broken chord may take so long from key to key, while all its keys sound on."""

DRUM_CHANNEL = 10
_NOTE_OFF, _NOTE_ON, _CONTROL = 0x80, 0x90, 0xB0
_STOP, _RESET = 0xFC, 0xFF
_PEDAL, _ALL_SOUND_OFF, _RESET_CONTROLLERS, _ALL_NOTES_OFF = 64, 120, 121, 123
_PEDAL_DOWN = 64


@dataclass
class Key:
    """A key that sounds.

    Attributes:
        channel: it was struck on.
        group: number of the group it was struck in.
        down: whether a finger holds it; else the pedal does.
        melody: it was struck above a chord that stood, and is no part of chords.
        pedal_point: it is a bass far below the rest of its chord.
    """

    channel: int
    group: int
    down: bool = True
    melody: bool = False
    pedal_point: bool = False


@dataclass
class Keyboard:
    """Keys by pitch, in groups.

    Attributes:
        channel: the only one that counts; 0: all but the drums'.
        keys: what sounds.
        group: number of the latest group.
        group_at_s: when its first key was struck.
        open: whether the group still grows, being no chord yet.
        changed_s: when a key was struck, or one of an earlier group ended; None once looked at.
        torn_s: group -> when the first of its keys ended.
    """

    channel: int = 0
    keys: dict[int, Key] = field(default_factory=dict)
    group: int = 0
    group_at_s: float = 0.0
    open: bool = True
    changed_s: float | None = None
    torn_s: dict[int, float] = field(default_factory=dict)
    _struck_s: float = 0.0
    _pedals: set[int] = field(default_factory=set)

    def message(self, data: tuple[int, ...], time_s: float) -> None:
        """Take a raw message; what is none of a keyboard's is ignored."""
        if data in ((_STOP,), (_RESET,)):
            self._pedals.clear()
            self._end(list(self.keys), time_s)
        if len(data) != 3 or not self._counts((data[0] & 15) + 1):
            return
        channel, kind = (data[0] & 15) + 1, data[0] & 0xF0
        if kind == _CONTROL:
            self._control(channel, data[1], data[2], time_s)
        elif kind == _NOTE_ON and data[2] > 0:
            self.strike(data[1], time_s, channel)
        elif kind in (_NOTE_ON, _NOTE_OFF):
            self.release(data[1], time_s)

    def _counts(self, channel: int) -> bool:
        return channel == self.channel if self.channel else channel != DRUM_CHANNEL

    def strike(self, pitch: int, time_s: float, channel: int = 1) -> None:
        """A key went down."""
        joins = time_s - self.group_at_s <= JOIN_S
        grows = self.open and time_s - self._struck_s <= GROW_S
        latest = self.latest()
        # Below a melody that sings on, another chord begins.
        below = all(self.keys[one].melody for one in latest) and pitch < min(latest, default=0)
        if not latest or below or not (joins or grows):
            self.group += 1
            self.group_at_s = time_s
            self.open = True
        self._struck_s = self.changed_s = time_s
        self.keys[pitch] = Key(channel, self.group)

    def release(self, pitch: int, time_s: float) -> None:
        """A key came up, on whatever channel; its note goes on while its pedal is down."""
        key = self.keys.get(pitch)
        if key is None:
            return
        key.down = False
        if key.channel not in self._pedals:
            self._end([pitch], time_s)

    def latest(self) -> set[int]:
        """Pitches of the latest group that sound."""
        return {pitch for pitch, key in self.keys.items() if key.group == self.group}

    def held_on(self) -> set[int]:
        """Pitches of earlier groups that fingers hold and that are no melody."""
        return {
            pitch
            for pitch, key in self.keys.items()
            if key.group != self.group and key.down and not key.melody
        }

    def left_over(self) -> set[int]:
        """Pitches of groups that had begun to end before the latest was struck.

        Legato lets go later: their note-off was lost, or a finger stays on purpose.
        """
        return {
            pitch
            for pitch, key in self.keys.items()
            if self.torn_s.get(key.group, self.group_at_s) < self.group_at_s
        }

    def _control(self, channel: int, number: int, value: int, time_s: float) -> None:
        if number == _ALL_SOUND_OFF or number >= _ALL_NOTES_OFF:
            self._end([p for p, key in self.keys.items() if key.channel == channel], time_s)
        elif number == _PEDAL and value >= _PEDAL_DOWN:
            self._pedals.add(channel)
        elif number in (_PEDAL, _RESET_CONTROLLERS):
            self._pedals.discard(channel)
            kept = [p for p, k in self.keys.items() if k.channel == channel and not k.down]
            self._end(kept, time_s)

    def _end(self, pitches: Iterable[int], time_s: float) -> None:
        for pitch in pitches:
            group = self.keys.pop(pitch).group
            self.torn_s.setdefault(group, time_s)
            if group != self.group:
                self.changed_s = time_s
        living = {key.group for key in self.keys.values()}
        self.torn_s = {group: at_s for group, at_s in self.torn_s.items() if group in living}

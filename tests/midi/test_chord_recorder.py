"""Held keys become progressions that requests understand."""

from __future__ import annotations

import pytest

from stembridge.children.messages import Anchor
from stembridge.chords import parse_progression
from stembridge.midi.chord_recorder import MAX_CHORDS, ChordRecorder, recognise

AM, F, C, G = (57, 60, 64), (53, 57, 60), (48, 52, 55), (55, 59, 62)


class Player:
    """Presses chords, one a second."""

    def __init__(self, anchor: Anchor | None = None) -> None:
        self.recorder = ChordRecorder(4.0)
        self.anchor = anchor
        self.now_s = 100.0

    def chord(self, keys: tuple[int, ...], spread_s: float = 0.01) -> str | None:
        for key in keys:
            self.recorder.keyboard.strike(key, self.now_s)
            self.now_s += spread_s
        self.now_s += 0.2
        changed = self.recorder.turn(self.now_s, self.anchor)
        for key in keys:
            self.recorder.keyboard.release(key, self.now_s)
        self.now_s += 0.8 - len(keys) * spread_s
        return changed


def test_four_chords_are_a_progression() -> None:
    player = Player()
    for keys in (AM, F, C, G):
        player.chord(keys)
    assert player.recorder.progression == "Am F C G"
    assert len(parse_progression(player.recorder.progression, 4.0, 16.0)) == 4


def test_chords_keep_their_beat_while_the_transport_runs() -> None:
    # 60 bpm: one chord a second is one a beat; the first is played a little late on beat 9.
    player = Player(Anchor(100.0, 9.1, 60.0, True, "clock"))
    for keys in (AM, F, C):
        player.chord(keys)
    # Beats count from the bar line before the first chord (beat 8).
    assert player.recorder.progression == "Am@1 F@2 C@3"


def test_a_correction_on_the_same_beat_replaces() -> None:
    player = Player(Anchor(100.0, 0.0, 30.0, True, "clock"))
    player.chord(AM)
    player.anchor = Anchor(101.0, 0.0, 30.0, True, "clock")
    player.chord(F)
    assert player.recorder.progression == "F@0"


def test_rolled_chords_are_one_chord() -> None:
    player = Player()
    assert player.chord(AM, spread_s=0.05) == "Am"


def test_letting_go_adds_nothing() -> None:
    player = Player()
    player.chord(AM)
    assert player.recorder.turn(player.now_s, None) is None
    assert player.recorder.progression == "Am"


def test_clear_waits_for_the_next_chord() -> None:
    player = Player()
    player.chord(AM)
    player.recorder.clear()
    assert player.recorder.progression == "Am"
    player.chord(F)
    assert player.recorder.progression == "F"


def test_starting_the_transport_starts_a_new_take_of_chords() -> None:
    player = Player()
    player.chord(AM)
    player.anchor = Anchor(player.now_s, 0.0, 60.0, True, "clock")
    player.chord(F)
    assert player.recorder.progression == "F@0"


def test_old_chords_drop_out() -> None:
    player = Player()
    for n in range(MAX_CHORDS + 5):
        player.chord(AM if n % 2 else F)
    assert len(player.recorder.progression.split()) == MAX_CHORDS


@pytest.mark.parametrize(
    ("pitches", "name"),
    [
        ({57, 60, 64}, "Am"),
        ({52, 60, 67}, "C/E"),
        ({48, 52, 55, 58}, "C7"),
        ({48, 55}, "C5"),
        ({48}, None),
        ({48, 49}, None),
        ({48, 49, 50, 51}, None),
        ({48, 52, 54, 55}, "C"),
        ({36, 55, 59, 62}, "G/C"),
        ({57, 60, 64, 74}, "Am"),
    ],
)
def test_names(pitches: set[int], name: str | None) -> None:
    assert recognise(pitches) == name

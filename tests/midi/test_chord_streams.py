"""What sequencers and players really send: the progression must come out all the same."""

from __future__ import annotations

from typing import Any

import pytest

from stembridge.midi.mapping import MidiMapping
from stembridge.midi.process import MidiChild, _Arrived

AM_F_C_G = ((57, 60, 64), (53, 57, 60), (48, 52, 55), (55, 59, 62))
Event = tuple[float, tuple[int, ...]]
CHORD_S = 2.0


class NoLoop:
    def send(self, _message: Any) -> None: ...
    def wake(self, _message: Any) -> None: ...


def heard(events: list[Event], mapping: MidiMapping | None = None) -> str:
    """The last progression the MIDI child makes of (seconds, bytes), looking every 10 ms."""
    child = MidiChild(NoLoop(), mapping or MidiMapping(input="none"))  # type: ignore[arg-type]
    waiting = sorted(events, key=lambda event: event[0])
    now_s, progression = 0.0, ""
    for turn in range(round(100 * (waiting[-1][0] + 1.0))):
        now_s = turn / 100
        while waiting and waiting[0][0] <= now_s:
            child.handle(_Arrived(*waiting.pop(0)))
        progression = child._chords.turn(now_s, child._transport.anchor(now_s)) or progression
    return progression


def on(at_s: float, pitches: Any, channel: int = 0) -> list[Event]:
    return [(at_s, (0x90 | channel, pitch, 90)) for pitch in pitches]


def off(at_s: float, pitches: Any, channel: int = 0) -> list[Event]:
    return [(at_s, (0x80 | channel, pitch, 0)) for pitch in pitches]


def start(index: int) -> float:
    return 1 + CHORD_S * index


def played(length_s: float = 1.9, semitones: int = 0) -> list[Event]:
    return [
        event
        for n, keys in enumerate(AM_F_C_G)
        for event in on(start(n), [key + semitones for key in keys])
        + off(start(n) + length_s, [key + semitones for key in keys])
    ]


@pytest.mark.parametrize(
    "ending",
    [
        [(0xB0, 123, 0)], [(0xB0, 120, 0)], [(0xB0, 124, 0)], [(0xFC,), (0xFA,)], [(0xFF,)],
        [(0x90, pitch, 0) for pitch in range(40, 70)],
        [(0x81, pitch, 0) for pitch in range(40, 70)],
    ],
)  # fmt: skip
def test_whatever_ends_notes_ends_them(ending: list[tuple[int, ...]]) -> None:
    events = [e for n, keys in enumerate(AM_F_C_G) for e in on(start(n), keys)]
    events += [(start(n) + 1.9, data) for n in range(4) for data in ending]
    assert heard(events) == "Am F C G"


@pytest.mark.parametrize("lost", [(0, 0), (0, 2), (1, 0), (1, 1), (2, 0), (2, 2)])
def test_a_lost_note_off_does_not_hang(lost: tuple[int, int]) -> None:
    chord, key = lost
    gone = (start(chord) + 1.9, (0x80, AM_F_C_G[chord][key], 0))
    assert heard([event for event in played() if event != gone]) == "Am F C G"


@pytest.mark.parametrize("overlap_s", [0.01, 0.04, 0.1, 0.2, 0.35])
@pytest.mark.parametrize("semitones", [-5, 0, 7])
@pytest.mark.parametrize("keeps_common", [True, False])
def test_legato(overlap_s: float, semitones: int, keeps_common: bool) -> None:
    events = []
    for n, keys in enumerate(AM_F_C_G):
        following = AM_F_C_G[(n + 1) % 4] if n < 3 else ()
        kept = following if keeps_common else ()
        events += on(start(n), [key + semitones for key in keys])
        let_go = [key + semitones for key in keys if key not in kept]
        events += off(start(n + 1) + overlap_s, let_go)
    if not keeps_common:  # a key struck again while down must come up first
        for n in range(1, 4):
            common = set(AM_F_C_G[n]) & set(AM_F_C_G[n - 1])
            events += off(start(n) - 0.005, [key + semitones for key in common])
            events = [
                e for e in events
                if not (e[1][0] == 0x80 and e[1][1] - semitones in common
                        and e[0] == start(n) + overlap_s)
            ]  # fmt: skip
    names = {-5: "Em C G D", 0: "Am F C G", 7: "Em C G D"}
    assert heard(events) == names[semitones]


@pytest.mark.parametrize("length_s", [0.05, 0.2, 0.7, 1.3])
@pytest.mark.parametrize("melody", [(74,), (71, 72), (72, 74, 76), (76, 79)])
@pytest.mark.parametrize("channel", [0, 4])
def test_a_melody_above_a_held_chord(length_s: float, melody: Any, channel: int) -> None:
    notes = [
        event
        for n in range(4)
        for m, pitch in enumerate(melody)
        for event in on(start(n) + 0.4 + 0.45 * m, [pitch], channel)
        + off(start(n) + 0.4 + 0.45 * m + length_s, [pitch], channel)
    ]
    assert heard(played() + notes) == "Am F C G"


@pytest.mark.parametrize("late_s", [0.0, 0.12, 0.2])
@pytest.mark.parametrize("melody", [(81, 83, 84, 86), (86, 81, 88, 83), (83, 86, 83, 81)])
def test_a_dense_melody_that_begins_with_the_chord(late_s: float, melody: Any) -> None:
    notes = [
        event
        for n in range(4)
        for m in range(8)
        for event in on(start(n) + late_s + 0.22 * m, [melody[m % 4]], 2)
        + off(start(n) + late_s + 0.22 * m + 0.18, [melody[m % 4]], 2)
    ]
    assert heard(played() + notes) == "Am F C G"


def test_drums_play_no_chords_unless_asked_for() -> None:
    drums = [
        event
        for n in range(16)
        for event in on(1 + 0.5 * n, (36, 42), 9) + off(1.05 + 0.5 * n, (36, 42), 9)
    ]
    assert heard(played() + drums) == "Am F C G"
    on_ten = [(at_s, (data[0] | 9, *data[1:])) for at_s, data in played()]
    assert heard(on_ten, MidiMapping(input="none", chord_channel=10)) == "Am F C G"
    assert heard(played() + on_ten, MidiMapping(input="none", chord_channel=3)) == ""


def test_a_bass_held_below_all_chords_is_a_pedal_point() -> None:
    assert heard([*on(1, [36]), *off(8.9, [36]), *played()]) == "Am/C F/C C G/C"


@pytest.mark.parametrize("step_s", [0.03, 0.12, 0.24, 0.3, 0.5])
@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (0, 1, 2, 1), (0, 2, 1, 2, 0)])
@pytest.mark.parametrize("pedal_late_s", [-0.02, 0.08])
def test_a_broken_chord_under_the_pedal(step_s: float, order: Any, pedal_late_s: float) -> None:
    events: list[Event] = []
    for n, keys in enumerate(AM_F_C_G):
        change = start(n) + pedal_late_s
        events += [(change, (0xB0, 64, 0)), (change + 0.01, (0xB0, 64, 127))]
        for k, index in enumerate(order):
            if k * step_s < 1.7:
                at_s = start(n) + k * step_s
                events += on(at_s, [keys[index]]) + off(
                    at_s + 0.8 * max(step_s, 0.12), [keys[index]]
                )
    assert heard(events) == "Am F C G"


def test_block_chords_over_a_pedal_that_is_never_lifted() -> None:
    assert heard([(0.5, (0xB0, 64, 127)), *played()]) == "Am F C G"


def test_a_broken_chord_has_the_beat_of_its_first_key() -> None:
    clock: list[Event] = [(0.0, (0xFA,)), *((n / 48, (0xF8,)) for n in range(480))]
    keys = [(2.0, 57), (2.5, 60), (3.0, 64)]  # 120 bpm: the first on beat 4
    events = clock + [event for at_s, key in keys for event in on(at_s, [key])]
    assert heard(events + off(4.0, [57, 60, 64])) == "Am@0"

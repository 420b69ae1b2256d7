"""Pianos: two hands, broken chords, a tune over held ones."""

from __future__ import annotations

from stembridge.dataset.parts import Bar, Player
from stembridge.dataset.playing import (
    intervals_of,
    melody_of,
    note_at,
    row_of,
    steps_until,
    with_changes,
)
from stembridge.dataset.song import Note
from stembridge.dataset.theory import lead_voices, nearest_pitch, pitch_classes

_LEFT_HANDS = (
    "x.......x.......", "x...............", "x.....x.x.....x.", "x...x...x...x...",
    "x..x..x.....x...",
)  # fmt: skip
_RIGHT_HANDS = (
    "x.......x.......", "x...x...x...x...", "..x...x...x...x.", "x..x..x...x.....",
    "x.x.x.x.x.x.x.x.", "....x.......x...",
)  # fmt: skip


def two_hands(bar: Bar, player: Player) -> list[Note]:
    """Roots, fifths and octaves in the left hand, chords in the right, close to the last ones."""
    left, right = row_of(_LEFT_HANDS, bar, player), row_of(_RIGHT_HANDS[::-1], bar, player)
    notes = _left_hand(bar, player, left)
    right = with_changes(bar, right)
    for step in (i for i, mark in enumerate(right) if mark == "x"):
        root, quality = bar.chord_at(step)
        player.voicing = lead_voices(_upper(root, quality), player.voicing, player.centre)
        loud = 76 + (6 if step % 4 == 0 else 0) + player.rng.normal(0, 6)
        length = steps_until(right, step, "x") * (0.95 if player.figure[1] else 0.5)
        notes += [note_at(bar, step, length, pitch, loud + 2 * i) for i, pitch in
                  enumerate(player.voicing)]  # fmt: skip
    return notes


def rolling(bar: Bar, player: Player) -> list[Note]:
    """Broken chords in the left hand's eighths, held ones in the right."""
    notes = []
    for step in range(0, bar.steps, 2):
        root, quality = bar.chord_at(step)
        low = nearest_pitch(root, 43)
        ladder = (low, low + 7, low + 12, low + 12 + intervals_of(quality)[1], low + 12, low + 7)
        pitch = ladder[(step // 2) % (4 if player.figure[0] < 2 else 6)]
        notes.append(note_at(bar, step, 2.2, pitch, 66 + player.rng.normal(0, 5)))
    for first, root, quality in bar.chords:
        player.voicing = lead_voices(_upper(root, quality), player.voicing, player.centre)
        end = next((f for f, _, _ in bar.chords if f > first), bar.steps)
        notes += [note_at(bar, first, end - first, p, 72) for p in player.voicing]
    return notes


def melody(bar: Bar, player: Player) -> list[Note]:
    """A tune in the right hand over held chords in the left."""
    notes = melody_of(bar, player, 74)
    for first, root, quality in bar.chords:
        held = lead_voices(pitch_classes(root, quality)[:3], [], 52)
        end = next((f for f, _, _ in bar.chords if f > first), bar.steps)
        notes += [note_at(bar, first, end - first, pitch, 62) for pitch in held]
    return notes


def _left_hand(bar: Bar, player: Player, row: str) -> list[Note]:
    notes = []
    text = with_changes(bar, row)
    for index, step in enumerate(i for i, mark in enumerate(text) if mark == "x"):
        low = nearest_pitch(bar.chord_at(step)[0], 40)
        pitches = (low, low + 12) if player.figure[0] % 2 else (low + 7 * (index % 2),)
        length = steps_until(text, step, "x") * 0.9
        loud = 74 + player.rng.normal(0, 5)
        notes += [note_at(bar, step, length, pitch, loud) for pitch in pitches]
    return notes


def _upper(root: int, quality: str) -> tuple[int, ...]:
    """What a right hand plays of a chord: at most four tones, the root left to the left hand."""
    classes = pitch_classes(root, quality)
    return classes if len(classes) < 5 else classes[1:]

"""Guitars and basses: hands on strings.

Guitar: strummed chord shapes with up and down strokes, palm mutes, picked patterns, riffs, lead
lines. Bass: locked to the kick with ghost notes, slides and steps towards the next chord; eighths.
"""

from __future__ import annotations

from stembridge.dataset.parts import HIGHEST_BASS, LOWEST_BASS, Bar, Player
from stembridge.dataset.playing import (
    intervals_of,
    melody_of,
    note_at,
    row_of,
    steps_until,
    with_changes,
)
from stembridge.dataset.song import Note
from stembridge.dataset.theory import nearest_pitch, pitch_classes

_STRINGS = (40, 45, 50, 55, 59, 64)
_REACH = 4  # frets under a hand
_STROKE_STEPS = 0.03  # between neighbouring strings

# Strokes: D and U ring, d and u are the upper strings alone, x is a damped scratch.
_STRUMS = (
    "D...D.U...U.D.U.", "D...D...D...D.U.", "D.U.D.U.D.U.D.U.", "D..u..U.D.u.D.U.",
    "D...x.U...D.x.U.", "D.d.x.d.D.d.x.u.", "D.....D.....D...", "D.xxD.xUxxDUx.xU",
    "D.......D...D.U.", "..U...U...U...U.",
)  # fmt: skip
# Picked patterns: t the thumb's bass, a its fifth or octave, 1 2 3 the upper strings.
_PICKS = (
    "t.2.a.3.t.2.a.1.", "t.1.2.1.a.1.2.1.", "t.123.2.a.123.2.", "t...1.2.3...2.1.",
    "t.3.2.1.a.3.2.1.", "t..2..3.a..2..1.",
)  # fmt: skip
# Palm-muted rows: m damped, M let ring.
_PALMS = (
    "MmmmmmmmMmmmmmmm",
    "M.m.m.m.M.m.m.m.",
    "M.mmM.mmM.mmM.mm",
    "M.m.m.M.m.m.M.m.",
    "m.m.m.m.m.m.m.M.",
)
_RIFFS = ("x.x.x..xx.x.x...", "x..xx.x.x..xx.x.", "x.xxx...x.xxx.x.", "x...x.x.xx..x.x.")


# --- guitar -------------------------------------------------------------------------------------


def chord_shape(root: int, quality: str, position: int) -> list[int]:
    """Pitches of a chord as a hand holds it at a fret, lowest string first.

    The root is the lowest note, on one of the three low strings; every higher string takes the
    lowest tone of the chord within reach, open strings only at the nut.
    """
    classes = pitch_classes(root, quality)
    low = position if position else 0
    for lowest in range(3):
        frets = [f for f in range(low, low + _REACH + 1) if (_STRINGS[lowest] + f) % 12 == root]
        if frets:
            break
    else:
        lowest, frets = 0, [(root - _STRINGS[0]) % 12]
    shape = [_STRINGS[lowest] + frets[0]]
    for string in _STRINGS[lowest + 1 :]:
        tones = [string + f for f in range(low, low + _REACH + 1) if (string + f) % 12 in classes]
        if tones:
            shape.append(tones[0])
    return sorted(set(shape))


def _shape(bar: Bar, player: Player, step: int) -> list[int]:
    return chord_shape(*bar.chord_at(step), (0, 0, 3, 5)[player.figure[0]])


def strummed(bar: Bar, player: Player) -> list[Note]:
    """Down and up strokes over chord shapes; scratches are damped."""
    row, notes = row_of(_STRUMS, bar, player), []
    stroke = _STROKE_STEPS * (1 + player.rng.random() * 2)
    for step, mark in enumerate(row):
        if mark == ".":
            continue
        shape = _shape(bar, player, step)
        strings = shape if mark in "DUx" else shape[-4:]
        strings = strings[::-1][:5] if mark in "Uu" else strings
        loud = {"D": 92.0, "U": 80.0, "d": 70.0, "u": 66.0, "x": 62.0}[mark]
        loud += (6 if step % 4 == 0 else 0) + player.rng.normal(0, 5)
        how, length = ("mute", 0.8) if mark == "x" else ("", steps_until(row, step, "DUdux"))
        notes += [
            note_at(bar, step + i * stroke, length - i * stroke, pitch, loud - 1.5 * i, how)
            for i, pitch in enumerate(strings)
        ]
    return notes


def palm_muted(bar: Bar, player: Player) -> list[Note]:
    """Power chords under the heel of the hand, accents let ring; always so at a new chord."""
    row, notes = list(row_of(_PALMS, bar, player)), []
    for first, _, _ in bar.chords:
        row[first] = "M"
    text = "".join(row)
    for step, mark in enumerate(text):
        if mark == ".":
            continue
        low = nearest_pitch(bar.chord_at(step)[0], 44)
        low = low + 12 if low < 40 else low
        loud, how = (98.0, "") if mark == "M" else (84.0, "mute")
        length = steps_until(text, step, "mM") * (0.95 if mark == "M" else 0.7)
        pitches = (low, low + 7, low + 12) if mark == "M" else (low, low + 7)
        notes += [note_at(bar, step + i * 0.02, length, p, loud + player.rng.normal(0, 5), how)
                  for i, p in enumerate(pitches)]  # fmt: skip
    return notes


def picked(bar: Bar, player: Player) -> list[Note]:
    """Fingers on the upper strings, the thumb in the bass; strings ring on until the chord ends."""
    row, notes = row_of(_PICKS, bar, player), []
    changes = [first for first, _, _ in bar.chords] + [bar.steps]
    for step, mark in enumerate(row):
        shape = _shape(bar, player, step)
        if mark == "." and step not in changes:
            continue
        ring = next(change for change in changes if change > step) - step
        if mark in "t." or step in changes:
            pitch, loud = shape[0], 84.0
        elif mark == "a":
            pitch, loud = shape[min(1, len(shape) - 1)], 78.0
        else:
            pitch, loud = shape[-min(int(mark), len(shape))], 76.0
        notes.append(note_at(bar, step, min(ring, 8), pitch, loud + player.rng.normal(0, 6)))
    return notes


def riff(bar: Bar, player: Player) -> list[Note]:
    """A figure on the low strings, the same in every bar, moved to the chord."""
    row, notes = row_of(_RIFFS, bar, player), []
    for index, step in enumerate(i for i, mark in enumerate(row) if mark == "x"):
        root, quality = bar.chord_at(step)
        third = 3 if 3 in intervals_of(quality) else 4
        low = nearest_pitch(root, 46)
        low = low + 12 if low < 40 else low
        up = (0, 0, 7, 12, third, 7, 0, 10 if third == 3 else 7)[
            (index + player.figure[index % len(player.figure)]) % 8
        ]
        up = 0 if any(step == first for first, _, _ in bar.chords) else up
        length = steps_until(row, step, "x") * 0.9
        notes.append(note_at(bar, step, length, low + up, 90 + player.rng.normal(0, 6)))
    return notes


def lead(bar: Bar, player: Player) -> list[Note]:
    """A melody in the guitar's voice: chord tones on beats, scale steps between them."""
    return melody_of(bar, player, 69)


# --- bass ---------------------------------------------------------------------------------------


def locked(bar: Bar, player: Player) -> list[Note]:
    """Where the kick is, on the root; fifths and octaves, ghost notes, a step to the next chord."""
    row = with_changes(bar, bar.kick if bar.kick.strip(".") else "x.......x.......")
    hits = [i for i, mark in enumerate(row[: bar.steps]) if mark != "."]
    notes = []
    for index, step in enumerate(hits):
        root, quality = bar.chord_at(step)
        base = _bass(player, root)
        on_change = any(step == first for first, _, _ in bar.chords)
        turn = player.figure[index % len(player.figure)]
        fifth = intervals_of(quality)[2 % len(intervals_of(quality))]
        up = 0 if on_change or turn < 2 else (12 if turn == 2 else fifth)
        pitch = base + up if base + up <= HIGHEST_BASS + 7 else base
        gap = (hits[index + 1] if index + 1 < len(hits) else bar.steps) - step
        loud = 92 + (6 if step % 4 == 0 else 0) + player.rng.normal(0, 6)
        if on_change and player.rng.random() < 0.08:  # slid into from a tone below
            notes.append(note_at(bar, step - 0.4 if step else 0, 0.5, pitch - 2, loud - 15))
        notes.append(
            note_at(bar, step, gap * (0.6 if player.figure[0] == 0 else 0.93), pitch, loud)
        )
        if gap >= 3 and player.rng.random() < 0.3:
            notes.append(note_at(bar, step + gap - 1, 0.6, pitch, 50, "mute"))
    return notes + _approach(bar, player, hits)


def driving(bar: Bar, player: Player) -> list[Note]:
    """Eighths on the root that lean on the beats, with a fifth or third here and there."""
    notes = []
    for index, step in enumerate(range(0, bar.steps, 2)):
        root, quality = bar.chord_at(step)
        base = _bass(player, root)
        turn = player.figure[index % len(player.figure)]
        moves = turn == 3 and index % 4 == 3
        up = intervals_of(quality)[1 + index % 2] if moves else 0
        loud = 94 - 8 * (index % 2) + player.rng.normal(0, 5)
        notes.append(note_at(bar, step, 1.85, base + up, loud))
    return notes


def _bass(player: Player, pitch_class: int) -> int:
    pitch = nearest_pitch(pitch_class, player.centre)
    return pitch + 12 if pitch < LOWEST_BASS else pitch


def _approach(bar: Bar, player: Player, hits: list[int]) -> list[Note]:
    """A short note before the next bar, a half or whole tone or a fourth below its root."""
    last = bar.steps - 2
    if player.rng.random() > 0.25 or (hits and hits[-1] >= last):
        return []
    target = _bass(player, bar.next_root)
    away = int(player.rng.choice([-1, -2, -5, 1, 2]))
    pitch = target + away if target + away >= LOWEST_BASS else target - away
    return [note_at(bar, last, 1.6, pitch, 84 + player.rng.normal(0, 5))]

"""What all ways of playing share (`strings`, `keys`, `ways`): rows, notes, and melodies.

Every way is `play(bar, player) -> notes` for one bar, straight and unswung, like those of `parts`.
Rows are written on the sixteenth grid, a mark a step, "." nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from stembridge.dataset.parts import STEP, Bar, Player
from stembridge.dataset.song import Note
from stembridge.dataset.theory import pitch_classes

Way = Callable[[Bar, Player], list[Note]]

_MELODIES = (
    "x...x.x.x...x...", "x.x.x...x.x.....", "..x.x.x.x.......", "x.....x.x...x.x.",
    "x.......x...x...", "........x.x.x.x.",
)  # fmt: skip


def row_of(rows: Sequence[str], bar: Bar, player: Player) -> str:
    """The player's own row of some, as long as the bar."""
    """The player's row, as long as the bar."""
    row = rows[sum(player.figure) % len(rows)]
    return (row * 2)[: bar.steps]


def note_at(bar: Bar, step: float, length: float, pitch: int, loud: float, how: str = "") -> Note:
    """A note at a step; energy makes it louder."""
    velocity = int(np.clip(loud * (0.72 + 0.35 * bar.energy), 12, 127))
    return Note(bar.start + step * STEP, max(length, 0.2) * STEP, pitch, velocity, how)


def steps_until(row: str, step: int, marks: str) -> int:
    """Steps until the row's next mark, or the bar's end."""
    return next((i for i in range(step + 1, len(row)) if row[i] in marks), len(row)) - step


def with_changes(bar: Bar, row: str) -> str:
    """A row with a hit wherever a chord begins."""
    marks = list(row)
    for first, _, _ in bar.chords:
        marks[first] = "x"
    return "".join(marks)


def intervals_of(quality: str) -> tuple[int, ...]:
    """Semitones of a quality's tones above the root."""
    return pitch_classes(0, quality)


def melody_of(bar: Bar, player: Player, centre: int) -> list[Note]:
    """Steps through the scale around the chord; `player.voicing` keeps the last note."""
    row, notes = row_of(_MELODIES, bar, player), []
    last = player.voicing[0] if player.voicing else centre
    for step in (i for i, mark in enumerate(row) if mark == "x"):
        root, quality = bar.chord_at(step)
        classes = set(pitch_classes(root, quality))
        if step % 4:
            classes |= {
                (root + 2) % 12,
                (root + 9) % 12 if 4 in intervals_of(quality) else (root + 5) % 12,
            }
        around = [p for p in range(centre - 9, centre + 12) if p % 12 in classes]
        wish = last + player.rng.normal(0, 3) + 0.2 * (centre - last)
        last = min(around, key=lambda p: abs(p - wish))
        length = steps_until(row, step, "x") * 0.92
        notes.append(note_at(bar, step, length, last, 88 + player.rng.normal(0, 7)))
    player.voicing = [last]
    return notes

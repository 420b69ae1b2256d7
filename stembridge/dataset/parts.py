"""How each instrument plays: patterns and chords become notes.

Every player is `play(part: PartContext) -> list[Note]` for one bar, straight and unswung;
`compose` swings and humanises afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from stembridge.dataset.song import Note
from stembridge.dataset.styles import COMP_RHYTHMS
from stembridge.dataset.theory import lead_voices, nearest_pitch, pitch_classes

STEP = 0.25  # beats in a step of the sixteenth grid
KICK, SNARE, RIM, CLAP, HAT, OPEN_HAT, RIDE, CRASH = 36, 38, 37, 39, 42, 46, 51, 49
TOMS = (50, 47, 45, 41)
LOWEST_BASS, HIGHEST_BASS = 28, 52


@dataclass
class Bar:
    """One bar as the players see it.

    Attributes:
        start: beats of its bar line. steps: sixteenths in it.
        chords: (first step, root pitch class, quality), in order; the first starts at step 0.
        next_root: root of the chord that follows the bar.
        kick: the kick drum's row, for basses that follow it.
        energy: 0..1, from the song's form.
    """

    start: float
    steps: int
    chords: list[tuple[int, int, str]]
    next_root: int
    kick: str
    energy: float

    def chord_at(self, step: int) -> tuple[int, str]:
        """Root and quality of the chord at a step."""
        return next((r, q) for first, r, q in reversed(self.chords) if first <= step)


@dataclass
class Player:
    """What a player remembers between bars: its random source, register and last voicing."""

    rng: np.random.Generator
    pattern: str
    rhythm: str
    centre: float
    figure: tuple[int, ...]
    voicing: list[int]


def fit(row: str, steps: int) -> str:
    """A 16-step row made `steps` long, by cutting or repeating it from its start."""
    return (row * (1 + steps // len(row)))[:steps]


def _note(bar: Bar, step: float, length: float, pitch: int, velocity: float) -> Note:
    loud = int(np.clip(velocity * (0.8 + 0.25 * bar.energy), 20, 127))
    return Note(bar.start + step * STEP, max(length, 0.2) * STEP, pitch, loud)


def _hits(row: str) -> list[tuple[int, int]]:
    """(step, steps until the next hit or the bar's end) of every hit in a row."""
    at = [i for i, mark in enumerate(row) if mark != "."]
    return [(a, b - a) for a, b in pairwise([*at, len(row)])]


# --- bass ---------------------------------------------------------------------------------------


def _bass_pitch(player: Player, pitch_class: int) -> int:
    pitch = nearest_pitch(pitch_class, player.centre)
    while pitch < LOWEST_BASS:
        pitch += 12
    return pitch - 12 if pitch > HIGHEST_BASS else pitch


_BASS_ROWS = {
    "eighths": "x.x.x.x.x.x.x.x.",
    "root_fifth": "x.......x.......",
    "sustain": "x...............",
    "offbeat": "..x...x...x...x.",
    "octaves": "x.x.x.x.x.x.x.x.",
    "tumbao": "x.....x.....x...",
    "walking": "x...x...x...x...",
}


def _bass_row(bar: Bar, player: Player) -> str:
    if player.pattern == "kick":
        row = bar.kick if bar.kick.strip(".") else "x" + bar.kick[1:]
    elif player.pattern == "syncopated":
        row = fit(player.rhythm, bar.steps)
    else:
        row = fit(_BASS_ROWS[player.pattern], bar.steps)
    marks = list(row)
    for first, _, _ in bar.chords:
        if player.pattern not in ("offbeat", "tumbao"):
            marks[first] = "x"
    return "".join(marks)


def _bass_tone(bar: Bar, player: Player, index: int, step: int, last: bool) -> int:
    root, quality = bar.chord_at(step)
    base = _bass_pitch(player, root)
    tones = pitch_classes(root, quality)
    if player.pattern == "octaves":
        return base + 12 * (index % 2)
    if player.pattern == "root_fifth" and index % 2:
        return _bass_pitch(player, tones[2 % len(tones)])
    if player.pattern == "walking":
        if last:
            return _bass_pitch(player, bar.next_root) + (1 if player.rng.random() < 0.5 else -1)
        return _bass_pitch(player, tones[player.figure[index % 4] % len(tones)])
    if player.pattern == "tumbao" and last and step + 4 >= bar.steps:
        return _bass_pitch(player, bar.next_root)
    if player.pattern == "syncopated" and player.figure[index % len(player.figure)] == 2:
        return base + 12 if base + 12 <= HIGHEST_BASS + 7 else base
    if player.figure[index % len(player.figure)] == 3 and index and player.pattern == "kick":
        return _bass_pitch(player, tones[2 % len(tones)])
    return base


def play_bass(bar: Bar, player: Player) -> list[Note]:
    """One bar of bass in the player's pattern; the bass follows chord and, if so set, kick."""
    hits = _hits(_bass_row(bar, player))
    short = player.pattern in ("syncopated", "offbeat", "octaves") and player.figure[0] != 1
    notes = []
    for index, (step, gap) in enumerate(hits):
        pitch = _bass_tone(bar, player, index, step, step == hits[-1][0])
        length = gap * (0.55 if short else 0.92)
        accent = 6 if step % 4 == 0 else 0
        notes.append(_note(bar, step, length, pitch, 88 + accent + player.rng.normal(0, 4)))
    return notes


# --- chords on guitar and piano -----------------------------------------------------------------


def _voicing(bar: Bar, player: Player, step: int) -> list[int]:
    root, quality = bar.chord_at(step)
    player.voicing = lead_voices(pitch_classes(root, quality), player.voicing, player.centre)
    return player.voicing


def _block(bar: Bar, player: Player, row: str, hold: float, roll: float) -> list[Note]:
    marks = list(row)
    if player.pattern in ("half", "whole", "quarter", "arpeggio"):
        for first, _, _ in bar.chords:
            marks[first] = "x"
    notes = []
    for step, gap in _hits("".join(marks)):
        loud = 78 + (6 if step % 4 == 0 else 0) + player.rng.normal(0, 5)
        for voice, pitch in enumerate(_voicing(bar, player, step)):
            notes.append(_note(bar, step + voice * roll, gap * hold, pitch, loud - voice))
    return notes


def _arpeggio(bar: Bar, player: Player) -> list[Note]:
    spacing = 2 if player.figure[0] < 3 or player.centre > 65 else 1
    notes = []
    for index, step in enumerate(range(0, bar.steps, spacing)):
        voicing = _voicing(bar, player, step) if step % 4 == 0 or index == 0 else player.voicing
        ladder = [*voicing, voicing[0] + 12]
        pitch = ladder[player.figure[index % len(player.figure)] % len(ladder)]
        loud = 76 + (8 if step % 4 == 0 else 0) + player.rng.normal(0, 4)
        notes.append(_note(bar, step, spacing * 1.6, pitch, loud))
    return notes


def _waltz(bar: Bar, player: Player) -> list[Note]:
    row = ("....x...x..." * 2)[: bar.steps]
    notes = _block(bar, player, row, 0.7, 0.0)
    root, _ = bar.chord_at(0)
    return [_note(bar, 0, 3.5, nearest_pitch(root, player.centre - 12), 82), *notes]


def _power(bar: Bar, player: Player) -> list[Note]:
    notes = []
    for step, gap in _hits(fit(player.rhythm, bar.steps)):
        root, _ = bar.chord_at(step)
        low = nearest_pitch(root, 45)
        loud = 84 + (8 if step % 4 == 0 else 0) + player.rng.normal(0, 4)
        notes += [_note(bar, step, gap * 0.9, low + up, loud) for up in (0, 7, 12)]
    return notes


def _montuno(bar: Bar, player: Player) -> list[Note]:
    notes = []
    for index, (step, gap) in enumerate(_hits(fit("x..x.x.xx.x.x.x.", bar.steps))):
        voicing = _voicing(bar, player, step)
        pitches = [voicing[0], voicing[0] + 12] if index % 2 else voicing[1:]
        loud = 80 + player.rng.normal(0, 4)
        notes += [_note(bar, step, gap * 0.7, pitch, loud) for pitch in pitches]
    return notes


def play_chords(bar: Bar, player: Player, strum: float) -> list[Note]:
    """One bar of accompaniment on guitar or piano.

    Args:
        bar: where, which chords.
        player: what the player remembers.
        strum: delay between neighbouring strings in steps (0 for piano).
    """
    special: dict[str, Callable[[Bar, Player], list[Note]]] = {
        "arpeggio": _arpeggio, "waltz": _waltz, "power": _power, "montuno": _montuno,
    }  # fmt: skip
    if player.pattern in special:
        return special[player.pattern](bar, player)
    hold = {"sixteenth": 0.5, "offbeat": 0.5, "syncopated": 0.65}.get(player.pattern, 0.9)
    return _block(bar, player, fit(player.rhythm, bar.steps), hold, strum)


# --- drums --------------------------------------------------------------------------------------


def play_drums(
    bar: Bar, rows: tuple[str, str, str], player: Player, ride: bool, snare: int
) -> list[Note]:
    """One bar of drums from kick, snare and hat rows."""
    notes = []
    for step, _ in _hits(rows[0]):
        notes.append(_note(bar, step, 1, KICK, 100 + player.rng.normal(0, 4)))
    for step in (i for i, mark in enumerate(rows[1]) if mark != "."):
        ghost = rows[1][step] == "o"
        loud = (52 if ghost else 100) + player.rng.normal(0, 5)
        notes.append(_note(bar, step, 1, SNARE if ghost else snare, loud))
    for step in (i for i, mark in enumerate(rows[2]) if mark != "."):
        is_open = rows[2][step] == "o"
        pitch = RIDE if ride else (OPEN_HAT if is_open else HAT)
        loud = 70 + (12 if step % 4 == 0 else 0) - (6 if step % 2 else 0)
        notes.append(_note(bar, step, 1, pitch, loud + player.rng.normal(0, 4)))
    return notes


def fill(bar: Bar, rows: tuple[str, str, str], player: Player) -> list[Note]:
    """The pattern's first half, then snare and toms to the bar's end."""
    half = max(bar.steps - int(player.rng.choice([4, 4, 8])), bar.steps // 2)
    cut: tuple[str, str, str] = tuple(row[:half] + "." * (bar.steps - half) for row in rows)  # type: ignore[assignment]
    notes = play_drums(bar, cut, player, ride=False, snare=SNARE)
    spacing = int(player.rng.choice([1, 2]))
    for index, step in enumerate(range(half, bar.steps, spacing)):
        place = index * len(TOMS) * spacing // (bar.steps - half)
        pitch = SNARE if player.figure[0] == 0 else TOMS[min(place, 3)]
        notes.append(_note(bar, step, 1, pitch, 84 + 3 * index + player.rng.normal(0, 4)))
    return notes


def new_player(
    rng: np.random.Generator, pattern: str, centre: float, rhythms: Sequence[str] = ()
) -> Player:
    """A player with a register, a rhythm of its pattern and a figure of its own."""
    rows = rhythms or COMP_RHYTHMS.get(pattern, ("x.x.x.x.x.x.x.x.",))
    rhythm = rows[int(rng.integers(len(rows)))]
    figure = tuple(int(i) for i in rng.integers(0, 4, size=int(rng.choice([4, 8]))))
    return Player(rng, pattern, rhythm, centre, figure, [])

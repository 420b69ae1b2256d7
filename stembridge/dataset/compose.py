"""Composes one song from a seed: style, tempo, metre, form, chords, and four parts.

The same seed always gives the same song. Splits are by seed: see `song_seed`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from stembridge.chords import ChordSpan
from stembridge.dataset import parts
from stembridge.dataset.parts import Bar, Player, fit, new_player
from stembridge.dataset.song import STEMS, Note, Program, Song
from stembridge.dataset.styles import (
    COMP_RHYTHMS,
    DRUM_PATTERNS,
    HELD_OUT_PROGRAMS,
    METRES,
    PROGRAMS,
    STYLES,
    TIMBRES,
    Style,
)
from stembridge.dataset.theory import choose_progression, pitch_classes
from stembridge.musical_time import TimeSignature

# Songs of a split are numbered from these seeds on; a split never holds another's seed.
SPLITS = {"train": 0, "validation": 1_000_000, "test": 2_000_000}

# Styles are drawn with these weights; the rarer metres still make up a quarter of the songs.
_WEIGHTS = {"pop": 2.0, "rock": 1.5, "funk": 1.2, "house": 1.2, "hiphop": 1.0, "ballad": 1.0}


def song_seed(split: str, index: int) -> int:
    """Seed of song `index` of a split ("train", "validation" or "test")."""
    return SPLITS[split] + index


@dataclass
class Section:
    """One section: its bars and who plays how in it."""

    n_bars: int
    energy: float
    silent: set[str]


def pick(rng: np.random.Generator, items: tuple[str, ...]) -> str:
    """One of the items, each as likely as the others."""
    return items[rng.integers(len(items))]


def draw_style(rng: np.random.Generator, name: str | None) -> str:
    """The style of that name, or one drawn by how common it is."""
    if name is not None:
        return name
    weights = np.array([_WEIGHTS.get(style, 0.7) for style in STYLES])
    return list(STYLES)[rng.choice(len(STYLES), p=weights / weights.sum())]


def draw_sections(rng: np.random.Generator, n_bars: int) -> list[Section]:
    """Sections of four or eight bars that fill the song."""
    sections, left = [], n_bars
    while left > 0:
        bars = min(left, int(rng.choice([4, 4, 8])))
        silent = {stem for stem in STEMS if rng.random() < 0.05}
        silent = silent if len(silent) < 3 else set()
        sections.append(Section(bars, float(rng.uniform(0.3, 1.0)), silent))
        left -= bars
    return sections


def draw_chords(
    rng: np.random.Generator, style: Style, tonic: int, n_bars: int, steps: int
) -> list[list[tuple[int, int, str]]]:
    """Chords of every bar as (first step, root pitch class, quality)."""
    progression = choose_progression(rng, pick(rng, style.modes), style.sevenths)
    chords = [((tonic + root) % 12, quality) for root, quality in progression]
    bars_per_chord = float(rng.choice([1, 1, 1, 2, 0.5] if steps == 16 else [1, 1, 2]))
    bars = []
    for bar in range(n_bars):
        if bars_per_chord == 0.5:
            pair = [chords[(2 * bar + i) % len(chords)] for i in (0, 1)]
            bars.append([(i * steps // 2, *chord) for i, chord in enumerate(pair)])
        else:
            bars.append([(0, *chords[int(bar // bars_per_chord) % len(chords)])])
    return bars


def _swing(beat: float, share: float, unit: float) -> float:
    """Moves a straight position so that the first half of each pair takes `share` of it."""
    pair, inside = divmod(beat, unit)
    inside /= unit
    warped = inside * share / 0.5 if inside < 0.5 else share + (inside - 0.5) * (1 - share) / 0.5
    return (pair + warped) * unit


def humanise(
    notes: list[Note], rng: np.random.Generator, style: Style, share: float, bpm: float
) -> tuple[Note, ...]:
    """Swings the notes and spreads them by a few milliseconds; one offset for each chord hit."""
    jitter_beats = rng.uniform(0.001, 0.006) * bpm / 60
    shifts: dict[float, float] = {}
    result = []
    for note in sorted(notes, key=lambda n: (n.start_beats, n.pitch)):
        key = round(note.start_beats, 2)
        shift = shifts.setdefault(key, float(np.clip(rng.normal(0, jitter_beats), -0.03, 0.03)))
        start = max(0.0, _swing(note.start_beats, share, style.swing_unit_beats) + shift)
        result.append(replace(note, start_beats=start))
    return tuple(result)


def draw_programs(rng: np.random.Generator, style: Style) -> dict[str, Program]:
    """A sound for every stem, mostly one that the style prefers."""
    programs = {}
    for stem in STEMS:
        names = style.timbres.get(stem, TIMBRES[stem])
        names = names if rng.random() < 0.85 else TIMBRES[stem]
        timbre = pick(rng, names)
        choices = PROGRAMS[stem][timbre]
        bank, number = choices[rng.integers(len(choices))]
        programs[stem] = Program(bank, number, timbre)
    return programs


def program_of(stem: str, timbre: str) -> Program:
    """The first General MIDI sound of a timbre."""
    return Program(*PROGRAMS[stem][timbre][0], timbre)


def held_out_programs(seed: int) -> dict[str, Program]:
    """Programs for a song of a seed that no training song uses."""
    rng = np.random.default_rng([seed, 24])
    return {
        stem: Program(*choices[rng.integers(len(choices))], timbre="held-out")
        for stem, choices in HELD_OUT_PROGRAMS.items()
    }


def draw_rows(
    rng: np.random.Generator, style: Style, metre: str, steps: int
) -> tuple[str, str, str]:
    """Kick, snare and hat rows of a pattern that suits style and metre."""
    family = style.drums if metre == "4/4" else metre
    patterns = DRUM_PATTERNS[family]
    kick, snare, hat = (fit(row, steps) for row in patterns[rng.integers(len(patterns))])
    if rng.random() < 0.4:
        step = int(rng.integers(1, steps // 2)) * 2
        kick = kick[:step] + ("." if kick[step] != "." else "x") + kick[step + 1 :]
    return kick, snare, hat


def new_players(rng: np.random.Generator, style: Style) -> dict[str, Player]:
    """Who plays what in a style, each with a register and a figure of its own."""
    syncopated = COMP_RHYTHMS["syncopated"] + ("x..x..x...x.....", "x.....x...x..x..")
    bass = pick(rng, style.bass)
    guitar = pick(rng, style.guitar)
    rows = ("x.x.x.x.x.x.x.x.", "x...x...x...x...", "x.......x.x.....") if guitar == "power" else ()
    piano = pick(rng, style.piano)
    return {
        "bass": new_player(rng, bass, float(rng.uniform(33, 43)), syncopated),
        "drums": new_player(rng, "drums", 0.0),
        "guitar": new_player(rng, guitar, float(rng.uniform(52, 64)), rows),
        "piano": new_player(rng, piano, float(rng.uniform(56, 70))),
    }


def _play_bar(
    bar: Bar, players: dict[str, Player], rows: tuple[str, str, str], ride: bool, last: bool
) -> dict[str, list[Note]]:
    drummer = players["drums"]
    fills = last and drummer.rng.random() < 0.6
    snare = parts.SNARE if drummer.figure[1] else (parts.CLAP, parts.RIM)[drummer.figure[0] % 2]
    return {
        "bass": parts.play_bass(bar, players["bass"]),
        "drums": parts.fill(bar, rows, drummer)
        if fills
        else parts.play_drums(bar, rows, drummer, ride, snare),
        "guitar": parts.play_chords(bar, players["guitar"], strum=0.07),
        "piano": parts.play_chords(bar, players["piano"], strum=0.0),
    }


def _play_section(
    section: Section, bars: list[Bar], players: dict[str, Player], style: Style, metre: str
) -> dict[str, list[Note]]:
    rng = players["drums"].rng
    rows = draw_rows(rng, style, metre, bars[0].steps)
    ride = bool(rng.random() < style.ride)
    notes: dict[str, list[Note]] = {stem: [] for stem in STEMS}
    for i, bar in enumerate(bars):
        bar.kick, bar.energy = rows[0], section.energy
        played = _play_bar(bar, players, rows, ride, last=i == len(bars) - 1)
        for stem in set(STEMS) - section.silent:
            notes[stem] += played[stem]
    if rng.random() < 0.5 and "drums" not in section.silent:
        notes["drums"].append(Note(bars[0].start, 1.0, parts.CRASH, 96))
    return notes


def bars_of(chord_bars: list[list[tuple[int, int, str]]], steps: int) -> list[Bar]:
    """Bars as the players see them, with the chord that follows."""
    return [
        Bar(i * steps * parts.STEP, steps, chords, chord_bars[(i + 1) % len(chord_bars)][0][1],
            "", 0.5)
        for i, chords in enumerate(chord_bars)
    ]  # fmt: skip


def chord_spans(bars: list[Bar]) -> tuple[ChordSpan, ...]:
    """Chords of all bars as spans in beats."""
    return tuple(
        ChordSpan(bar.start + step * parts.STEP, pitch_classes(root, quality), root, quality)
        for bar in bars
        for step, root, quality in bar.chords
    )


def compose(
    seed: int,
    style_name: str | None = None,
    length_s: float = 24.0,
    *,
    metre: str | None = None,
    bpm: float | None = None,
    n_bars: int | None = None,
) -> Song:
    """Composes the song of a seed; what is left None is drawn from the seed.

    Args:
        seed: non-negative; fixes everything.
        style_name: a name of `styles.STYLES`.
        length_s: the song is the shortest whole number of bars at least this long.
        metre: a key of `styles.METRES`.
        bpm: tempo, quarter notes per minute.
        n_bars: length in bars, instead of `length_s`.
    """
    rng = np.random.default_rng([seed, 7])
    name = draw_style(rng, style_name)
    style = STYLES[name]
    drawn_metre, drawn_bpm = pick(rng, style.metres), round(float(rng.uniform(*style.bpm)), 1)
    metre, bpm = metre or drawn_metre, bpm or drawn_bpm
    time_signature = TimeSignature.parse(metre)
    steps = METRES[metre]
    n_bars = n_bars or int(np.ceil(length_s * bpm / 60 / time_signature.beats_per_bar))
    bars = bars_of(draw_chords(rng, style, int(rng.integers(12)), n_bars, steps), steps)
    players, share = new_players(rng, style), float(rng.uniform(*style.swing))
    notes: dict[str, list[Note]] = {stem: [] for stem in STEMS}
    first = 0
    for section in draw_sections(rng, n_bars):
        here = bars[first : first + section.n_bars]
        for stem, played in _play_section(section, here, players, style, metre).items():
            notes[stem] += played
        first += section.n_bars
    played_parts = {stem: humanise(notes[stem], rng, style, share, bpm) for stem in STEMS}
    return Song(seed, name, bpm, time_signature, n_bars, chord_spans(bars), played_parts,
                draw_programs(rng, style))  # fmt: skip

"""Songs of a band: chords from real charts, drumming by people, players who listen to the kick.

Beside `compose`, whose songs stay what they are: here the harmony and the form are most often an
excerpt of a chart (`charts`), the drum part a stretch of a performance with its own fills, feel
and velocity (`grooves`), and the others play to that drummer's kick and swing. What no chart or
performance suits (7/8, say) is drawn as `compose` draws it.

"train" songs draw from the train split of both; "held-out" songs only from songs and drummers
that training never had. The same split and seed always give the same song.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stembridge.dataset import parts
from stembridge.dataset.charts import BarChords, Chart, charts
from stembridge.dataset.compose import (
    Section,
    bars_of,
    chord_spans,
    draw_chords,
    draw_programs,
    draw_rows,
    draw_sections,
    draw_style,
    humanise,
    new_players,
    pick,
    program_of,
)
from stembridge.dataset.grooves import Groove, beats_for, fills_for
from stembridge.dataset.parts import Bar, Player
from stembridge.dataset.song import STEMS, Note, Song
from stembridge.dataset.styles import METRES, STYLES, Style
from stembridge.dataset.ways import AMPLIFIED, SUITS, WAYS
from stembridge.musical_time import TimeSignature

CHART_SHARE = 0.8
WAYS_SHARE = 0.75  # of players who play in a way of `ways`, not of `parts`
GROOVE_SHARE = 0.8
_SLOWEST, _FASTEST = 56.0, 190.0
_FILLED = 0.3  # share of sections whose last bar is another performance's fill


@dataclass(frozen=True)
class _Drummer:
    """A performance, where the song begins in it, and fills in its style."""

    groove: Groove
    first_bar: int
    fills: tuple[Groove, ...]


def compose_band(
    seed: int, split: str = "train", style_name: str | None = None, length_s: float = 24.0
) -> Song:
    """Composes the song of a seed.

    Args:
        seed: non-negative; fixes everything.
        split: "train" or "held-out"; says whose charts and performances are drawn from.
        style_name: a name of `styles.STYLES`; drawn if None.
        length_s: the song is the shortest whole number of bars at least this long.
    """
    rng = np.random.default_rng([seed, 70, len(split)])
    name, metre = _style_and_metre(rng, split, style_name)
    style = STYLES[name]
    signature, steps = TimeSignature.parse(metre), METRES[metre]
    drummer = _drummer(rng, split, name, metre)
    bpm = _tempo(rng, style, drummer)
    n_bars = int(np.ceil(length_s * bpm / 60 / signature.beats_per_bar))
    chords, sections = _harmony(rng, split, style, metre, n_bars)
    bars = bars_of(chords, steps)
    for index, bar in enumerate(bars):
        bar.kick = _kick_row(drummer, index, bar) if drummer else ""
    players = _players(rng, name, style)
    notes = _play(rng, bars, sections, players, style, metre, drummer)
    share = drummer.groove.swing if drummer else float(rng.uniform(*style.swing))
    played = {stem: humanise(notes[stem], rng, style, share, bpm) for stem in STEMS}
    if drummer:  # has a feel of its own
        played["drums"] = tuple(sorted(notes["drums"], key=lambda n: (n.start_beats, n.pitch)))
    programs = draw_programs(rng, style)
    if players["guitar"].pattern in AMPLIFIED:
        programs["guitar"] = program_of("guitar", pick(rng, AMPLIFIED[players["guitar"].pattern]))
    return Song(seed, name, bpm, signature, n_bars, chord_spans(bars), played, programs)


def _style_and_metre(rng: np.random.Generator, split: str, name: str | None) -> tuple[str, str]:
    """Held-out songs are in a metre, and most styles, that a held-out drummer plays."""
    drawn = draw_style(rng, name)
    if split == "train":
        return drawn, pick(rng, STYLES[drawn].metres)
    while True:
        played = tuple(m for m in STYLES[drawn].metres if beats_for(split, drawn, m))
        if played or name is not None:
            return drawn, pick(rng, played or STYLES[drawn].metres)
        drawn = draw_style(rng, None)


def _players(rng: np.random.Generator, name: str, style: Style) -> dict[str, Player]:
    """The style's players, most of whom play in one of the ways of `ways` instead."""
    players = new_players(rng, style)
    for stem, ways in SUITS[name].items():
        if ways and rng.random() < WAYS_SHARE:
            players[stem].pattern = pick(rng, ways)
    return players


def _drummer(rng: np.random.Generator, split: str, style: str, metre: str) -> _Drummer | None:
    suited = beats_for(split, style, metre)
    if not suited or _rather_not(rng, split, GROOVE_SHARE):
        return None
    groove = suited[rng.integers(len(suited))]
    n_bars = round(groove.beats / TimeSignature.parse(metre).beats_per_bar)
    first = 4 * int(rng.integers(max(1, n_bars // 4)))
    return _Drummer(groove, first, fills_for(split, groove.style) if metre == "4/4" else ())


def _rather_not(rng: np.random.Generator, split: str, share: float) -> bool:
    """Whether a song does without; held-out ones never do."""
    return bool(rng.random() >= share) and split == "train"


def _tempo(rng: np.random.Generator, style: Style, drummer: _Drummer | None) -> float:
    if drummer is None:
        return round(float(rng.uniform(*style.bpm)), 1)
    bpm = drummer.groove.bpm * rng.uniform(0.95, 1.05)
    return round(float(np.clip(bpm, _SLOWEST, _FASTEST)), 1)


def _harmony(
    rng: np.random.Generator, split: str, style: Style, metre: str, n_bars: int
) -> tuple[list[list[tuple[int, int, str]]], list[Section]]:
    """Chords of every bar as (first step, root pitch class, quality), and the sections."""
    tonic, steps = int(rng.integers(12)), METRES[metre]
    suited = [chart for chart in charts(split) if chart.metre == metre]
    if not suited or _rather_not(rng, split, CHART_SHARE):
        return draw_chords(rng, style, tonic, n_bars, steps), draw_sections(rng, n_bars)
    chart: Chart = suited[rng.integers(len(suited))]
    chords, form = chart.excerpt(rng, n_bars)
    return [_steps(bar, tonic, steps) for bar in chords], _sections_of(rng, form)


def _steps(bar: BarChords, tonic: int, steps: int) -> list[tuple[int, int, str]]:
    """A chart's bar on the sixteenth grid; a chord that only goes on is not said again."""
    placed: list[tuple[int, int, str]] = []
    for index, (degree, quality) in enumerate(bar):
        chord = ((tonic + degree) % 12, quality)
        if not placed or placed[-1][1:] != chord:
            placed.append((index * steps // len(bar), *chord))
    return placed


def _sections_of(rng: np.random.Generator, form: list[tuple[str, int]]) -> list[Section]:
    """Sections of the same letter are played with the same energy by the same people."""
    by_letter: dict[str, Section] = {}
    sections = []
    for letter, n_bars in form:
        if letter not in by_letter:
            [drawn, *_] = draw_sections(rng, 4)
            by_letter[letter] = drawn
        like = by_letter[letter]
        sections.append(Section(n_bars, like.energy, like.silent))
    return sections


def _bar_in(drummer: _Drummer, index: int, bar_beats: float) -> float:
    """Beat of the performance at which bar `index` of the song begins."""
    n_bars = max(1, round(drummer.groove.beats / bar_beats))
    return (drummer.first_bar + index) % n_bars * bar_beats


def _kick_row(drummer: _Drummer, index: int, bar: Bar) -> str:
    """The performance's kick on the sixteenth grid."""
    beats = bar.steps * parts.STEP
    hits = drummer.groove.stretch(_bar_in(drummer, index, beats), beats, 0.0)
    on = {round(hit.start_beats / parts.STEP) for hit in hits if hit.pitch == parts.KICK}
    return "".join("x" if step in on else "." for step in range(bar.steps))


def _play(
    rng: np.random.Generator,
    bars: list[Bar],
    sections: list[Section],
    players: dict[str, Player],
    style: Style,
    metre: str,
    drummer: _Drummer | None,
) -> dict[str, list[Note]]:
    notes: dict[str, list[Note]] = {stem: [] for stem in STEMS}
    first = 0
    for section in sections:
        rows, ride = draw_rows(rng, style, metre, bars[0].steps), bool(rng.random() < style.ride)
        filled = rng.random() < _FILLED
        for index in range(first, first + section.n_bars):
            bar = bars[index]
            last = index == first + section.n_bars - 1
            bar.kick, bar.energy = bar.kick or rows[0], section.energy
            played = _pitched(bar, players)
            if drummer:
                played["drums"] = _drummed(rng, drummer, index, bar, fills=last and filled)
            elif last and filled:
                played["drums"] = parts.fill(bar, rows, players["drums"])
            else:
                played["drums"] = parts.play_drums(bar, rows, players["drums"], ride, parts.SNARE)
            for stem in set(STEMS) - section.silent:
                notes[stem] += played[stem]
        first += section.n_bars
    return notes


def _pitched(bar: Bar, players: dict[str, Player]) -> dict[str, list[Note]]:
    played = {}
    for stem in ("bass", "guitar", "piano"):
        player = players[stem]
        if player.pattern in WAYS:
            played[stem] = WAYS[player.pattern](bar, player)
        elif stem == "bass":
            played[stem] = parts.play_bass(bar, player)
        else:
            played[stem] = parts.play_chords(bar, player, strum=0.07 if stem == "guitar" else 0.0)
    return played


def _drummed(
    rng: np.random.Generator, drummer: _Drummer, index: int, bar: Bar, fills: bool
) -> list[Note]:
    beats = bar.steps * parts.STEP
    if fills and drummer.fills:
        fill = drummer.fills[rng.integers(len(drummer.fills))]
        return fill.stretch(0.0, beats, bar.start)
    return drummer.groove.stretch(_bar_in(drummer, index, beats), beats, bar.start)

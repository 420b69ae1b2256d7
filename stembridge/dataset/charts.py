"""Chord charts of real songs: metre, tempo, form, and the chords of every section.

They come from McGill Billboard (CC0, https://ddmal.music.mcgill.ca/research/The_McGill_Billboard_Project_(Chord_Analysis_Dataset)/;
Burgoyne, Wild & Fujinaga, ISMIR 2011), read by `billboard`; titles, artists and entry numbers
are left behind. Charts of a song are held out together, so that no split knows another's songs.

Packed, a chart is a line of text, `SPLIT METRE BPM FORM SECTION=BARS;...`: bars between "|", in
each a chord every equal part of the bar, written as semitones above the tonic and a quality:

    train 4/4 118 ABAB A=0maj|0maj|5maj|7maj 7:7;B=9min7|5maj7
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

BarChords = tuple[tuple[int, str], ...]
"""Chords that share a bar equally: (semitones above the tonic, quality of `theory.QUALITIES`)."""

PACKED = "material/charts.txt.gz"


@dataclass(frozen=True)
class Chart:
    """One song's harmony.

    Attributes:
        split: "train" or "held-out".
        metre: "4/4", "3/4" or "6/8".
        bpm: quarter notes per minute.
        form: one letter a section, in the order they are played.
        sections: letter -> chords of its bars.
    """

    split: str
    metre: str
    bpm: float
    form: str
    sections: dict[str, tuple[BarChords, ...]]

    def excerpt(
        self, rng: np.random.Generator, n_bars: int
    ) -> tuple[list[BarChords], list[tuple[str, int]]]:
        """`n_bars` of the song from the beginning of some section on, round and round.

        Returns:
            chords of every bar; (letter, bars) of the sections they run through.
        """
        bars: list[BarChords] = []
        parts: list[tuple[str, int]] = []
        at = int(rng.integers(len(self.form)))
        while len(bars) < n_bars:
            letter = self.form[at % len(self.form)]
            taken = self.sections[letter][: n_bars - len(bars)]
            bars += taken
            parts.append((letter, len(taken)))
            at += 1
        return bars, parts


def to_line(chart: Chart) -> str:
    """The packed form of a chart."""
    sections = (f"{name}={'|'.join(map(_bar_text, bars))}" for name, bars in chart.sections.items())
    head = f"{chart.split} {chart.metre} {chart.bpm:.0f} {chart.form}"
    return f"{head} {';'.join(sections)}"


def from_line(line: str) -> Chart:
    """The inverse of `to_line`."""
    split, metre, bpm, form, rest = line.split(" ", 4)
    sections = dict(part.split("=", 1) for part in rest.split(";"))
    bars = {name: tuple(_bar(bar) for bar in text.split("|")) for name, text in sections.items()}
    return Chart(split, metre, float(bpm), form, bars)


def pack(charts: Iterable[Chart]) -> bytes:
    """Charts as gzipped text, the same bytes for the same charts."""
    return gzip.compress("\n".join(map(to_line, charts)).encode(), mtime=0)


def unpack(data: bytes) -> tuple[Chart, ...]:
    """The inverse of `pack`."""
    return tuple(map(from_line, gzip.decompress(data).decode().splitlines()))


@cache
def charts(split: str) -> tuple[Chart, ...]:
    """The shipped charts of "train" or "held-out"."""
    data = resources.files("stembridge.dataset").joinpath(PACKED).read_bytes()
    return tuple(chart for chart in unpack(data) if chart.split == split)


def _bar_text(bar: BarChords) -> str:
    return " ".join(f"{root}:{quality}" for root, quality in bar)


def _bar(text: str) -> BarChords:
    chords = (chord.split(":") for chord in text.split(" "))
    return tuple((int(root), quality) for root, quality in chords)

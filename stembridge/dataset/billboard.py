"""Reads McGill Billboard's `salami_chords.txt` files into charts.

A line is a time, perhaps a section ("B, verse,"), and bars between "|"; chords of a bar share it
equally, "." goes on with the one before. Bars of another metre than the song's and bars without
a known chord are left out: what stays is a song one could play from the chart.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile, is_zipfile

import numpy as np

from stembridge.dataset.charts import BarChords, Chart, from_line, to_line
from stembridge.dataset.theory import QUALITIES

HELD_OUT_PERCENT = 12
_BEATS = {"4/4": 4.0, "3/4": 3.0, "6/8": 3.0, "12/8": 6.0}
_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_LINE = re.compile(r"(\d[\d.e-]*)\t(.*)")
_SECTION = re.compile(r"\s*([A-Z]'*),")
_REPEATS = re.compile(r"x(\d+)")
_MOST_SECTIONS = 26
_NAME = "salami_chords.txt"

# Billboard's shorthands as the composer's qualities; what stands in brackets decides little and
# is looked at only where it is listed here.
_QUALITIES = {
    "maj": "maj", "min": "min", "7": "7", "min7": "min7", "maj7": "maj7", "sus4": "sus4",
    "sus2": "sus2", "maj6": "6", "min6": "min6", "9": "9", "min9": "min9", "maj9": "maj9",
    "dim": "dim", "dim7": "dim7", "hdim7": "m7b5", "aug": "aug", "11": "7sus4", "13": "9",
    "min11": "min9", "min13": "min9", "maj13": "maj9", "minmaj7": "min", "maj11": "maj7",
    "sus4(b7)": "7sus4", "sus4(b7,9)": "7sus4", "maj(9)": "add9", "aug(b7)": "7",
}  # fmt: skip
# A bare root or fifth is major where the scale has it so.
_MAJOR_DEGREES = {0, 3, 5, 7, 8, 10}


def read_billboard(path: Path) -> list[Chart]:
    """Charts of McGill Billboard, sorted by their contents, not by entry.

    An entry that cannot be played in one metre the composer knows is left out.

    Args:
        path: a zip or tar file with `salami_chords.txt` files in it, or a folder.
    """
    read = map(parse_chart, _texts(path))
    lines = {to_line(chart) for chart in read if chart is not None}
    return [from_line(line) for line in sorted(lines)]


def _texts(path: Path) -> Iterator[str]:
    """Every entry's text."""
    if path.is_dir():
        yield from (file.read_text(encoding="utf-8") for file in path.rglob(_NAME))
    elif is_zipfile(path):
        with ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith(_NAME)]
            yield from (archive.read(name).decode() for name in names)
    else:
        with tarfile.open(path) as tape:
            for member in tape:
                file = tape.extractfile(member) if member.name.endswith(_NAME) else None
                if file is not None:
                    yield file.read().decode()


def parse_chart(text: str) -> Chart | None:
    """One entry's chart; None where nothing playable is left."""
    facts = dict(re.findall(r"^# (\w+): (.*)$", text, re.MULTILINE)[::-1])  # the first of each
    metre = facts.get("metre", "").strip()
    if metre not in _BEATS:
        return None
    tonic = _pitch_class(facts["tonic"].strip())
    runs, bpms = _runs(text, metre, tonic)
    if sum(len(bars) for _, bars in runs) < 4 or not bpms:
        return None
    letters: dict[tuple[BarChords, ...], str] = {}
    form = ""
    for _, bars in runs:
        letter = letters.setdefault(tuple(bars), chr(ord("A") + len(letters)))
        if len(letters) > _MOST_SECTIONS:
            letters.popitem()
            break
        form += letter
    sections = {letter: bars for bars, letter in letters.items()}
    bpm = float(np.median(bpms))
    return Chart(_split(facts), "6/8" if metre == "12/8" else metre, bpm, form, sections)


def _split(facts: dict[str, str]) -> str:
    """By song, not by entry: one that was in the charts twice is in one split."""
    song = f"{facts.get('title', '')}|{facts.get('artist', '')}".lower().strip()
    held_out = int(hashlib.sha256(song.encode()).hexdigest(), 16) % 100 < HELD_OUT_PERCENT
    return "held-out" if held_out else "train"


def _runs(
    text: str, metre: str, tonic: int
) -> tuple[list[tuple[str, list[BarChords]]], list[float]]:
    """Sections with their bars, and the tempo of every line that tells it."""
    runs: list[tuple[str, list[BarChords]]] = []
    bpms: list[float] = []
    last: tuple[float, int] | None = None
    now = metre
    for line in text.splitlines():
        if line.startswith("# metre:"):
            now = line.split(":", 1)[1].strip()
        match = _LINE.match(line)
        if match is None:
            continue
        at_s, rest = float(match[1]), match[2]
        if last is not None and last[1] and at_s > last[0]:
            bpms.append(60 * _BEATS[metre] * last[1] / (at_s - last[0]))
        bars, n_written = _bars(rest, metre, tonic) if now == metre else ([], 0)
        last = (at_s, n_written)
        section = _SECTION.match(rest)
        if section or not runs:
            runs.append((section[1] if section else "", []))
        runs[-1][1].extend(bars)
    return [run for run in runs if run[1]], bpms


def _bars(rest: str, metre: str, tonic: int) -> tuple[list[BarChords], int]:
    """Playable bars of a line; how many bars are written in it."""
    if "|" not in rest:
        return [], 0
    written = rest[rest.index("|") + 1 : rest.rindex("|")].split("|")
    repeats = _REPEATS.search(rest[rest.rindex("|") :])
    written *= int(repeats[1]) if repeats else 1
    bars: list[BarChords] = []
    for text in written:
        chords = _chords(text.split(), tonic)
        if not chords:
            continue
        if metre == "12/8":  # two bars of 6/8
            half = -(-len(chords) // 2)
            bars += [chords[:half], chords[half:] or chords[-1:]]
        else:
            bars.append(_merged(chords))
    return bars, len(written)


def _chords(words: list[str], tonic: int) -> BarChords:
    """Chords of a bar; none where a beat's chord is not known or the bar has its own metre."""
    chords: list[tuple[int, str]] = []
    for word in words:
        if word in ("&pause", "->"):
            continue
        chord = chords[-1] if word == "." and chords else _chord(word, tonic)
        if chord is None:
            return ()
        chords.append(chord)
    return tuple(chords)


def _merged(chords: BarChords) -> BarChords:
    """A bar with one chord says it once."""
    if len(set(chords)) == 1:
        return chords[:1]
    if len(chords) == 4 and chords[0] == chords[1] and chords[2] == chords[3]:
        return chords[::2]
    return chords


def _chord(word: str, tonic: int) -> tuple[int, str] | None:
    root, colon, rest = word.partition(":")
    if not colon or not re.fullmatch("[A-G][b#]*", root):
        return None
    degree = (_pitch_class(root) - tonic) % 12
    shorthand = rest.split("/")[0]
    plain = shorthand.split("(")[0]
    quality = _QUALITIES.get(shorthand) or _QUALITIES.get(plain)
    if quality is None:
        quality = "maj" if degree in _MAJOR_DEGREES else "min"
    return (degree, quality) if quality in QUALITIES else None


def _pitch_class(name: str) -> int:
    return (_LETTERS[name[0]] + name.count("#") - name.count("b")) % 12

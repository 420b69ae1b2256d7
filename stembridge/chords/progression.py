"""Chord progressions as text.

Three forms are understood; commas and lone dashes between chords are ignored:

    Am F C G            one chord per bar, repeated until the request is full
    Am | F G | C | %    bars between bar lines, chords share their bar equally, % repeats
    Am@0 F@4 C@8.5      each chord with the beat where it starts
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from math import ceil, isfinite

from stembridge.chords.symbols import ChordSpan, parse_chord
from stembridge.errors import BadArgsError

_REPEAT = "%"
MAX_SPANS = 2048


def parse_progression(
    text: str, beats_per_bar: float, length_beats: float
) -> tuple[ChordSpan, ...]:
    """Read a progression in any of the three text forms of this module.

    Args:
        text: e.g. "Am F C G".
        beats_per_bar: bar length in beats.
        length_beats: length of the request; the first two forms repeat until it is full.

    Raises:
        BadArgsError: an unknown chord, starts that do not rise, more chords than the request holds.
    """
    if len(text) > 16 * MAX_SPANS:
        raise BadArgsError("The chord progression is too long.")
    text = re.sub(r"(?<!\S)[-–—](?!\S)|,", " ", text)
    if "@" in text:
        return _timed(text.replace("|", " ").split(), length_beats)
    bars = _bars(text)
    if not bars:
        raise BadArgsError("The chord progression is empty.")
    n_bars = ceil(length_beats / beats_per_bar - 1e-9)
    if len(bars) > n_bars:
        raise BadArgsError(
            f"The chord progression has {len(bars)} bars but the request lasts only {n_bars}. "
            "Ask for more bars, or leave some chords out."
        )
    return _merge(_spans_of_bars(bars, n_bars, beats_per_bar, length_beats))


def _bars(text: str) -> list[list[str]]:
    if "|" not in text:
        return [[symbol] for symbol in text.split()]
    # A leading and a trailing bar line enclose no bar.
    return [bar.split() for bar in text.strip().strip("|").split("|")]


def _spans_of_bars(
    bars: list[list[str]], n_bars: int, beats_per_bar: float, length_beats: float
) -> list[ChordSpan]:
    spans: list[ChordSpan] = []
    for bar in range(n_bars):
        chords = bars[bar % len(bars)]
        if not chords:
            raise BadArgsError(f"Bar {bar % len(bars) + 1} of the chord progression is empty.")
        for i, symbol in enumerate(chords):
            start = (bar + i / len(chords)) * beats_per_bar
            if symbol == _REPEAT and not spans:
                raise BadArgsError('The chord progression cannot begin with "%" (repeat).')
            if start < length_beats:
                name = spans[-1].symbol if symbol == _REPEAT else symbol
                spans.append(parse_chord(name, start))
        if len(spans) > MAX_SPANS:
            raise BadArgsError(f"The chord progression has more than {MAX_SPANS} chords.")
    return spans


def _timed(words: list[str], length_beats: float) -> tuple[ChordSpan, ...]:
    spans: list[ChordSpan] = []
    for word in words:
        symbol, _, start = word.rpartition("@")
        try:
            start_beats = float(start)
        except ValueError:
            start_beats = float("nan")
        if not symbol or not isfinite(start_beats):
            raise BadArgsError(
                f'"{word[:40]}" is not a chord with its beat; write them all like Am@0 F@4 C@8.5.'
            )
        spans.append(parse_chord(symbol, start_beats))
    return check_spans(spans, length_beats)


def check_spans(spans: list[ChordSpan], length_beats: float) -> tuple[ChordSpan, ...]:
    """Starts must rise strictly inside the request.

    Raises:
        BadArgsError: they do not, or there are too many.
    """
    if len(spans) > MAX_SPANS:
        raise BadArgsError(f"The chord progression has more than {MAX_SPANS} chords.")
    starts = [span.start_beats for span in spans]
    if any(later <= earlier for earlier, later in pairwise(starts)):
        raise BadArgsError("Each chord of the progression must start later than the one before it.")
    if starts and not (starts[0] >= 0 and starts[-1] < length_beats):
        raise BadArgsError(
            f"The chords must start within the request (beat 0 to {length_beats:g}); "
            f"they run from {starts[0]:g} to {starts[-1]:g}."
        )
    return tuple(spans)


def progression_text(chords: Iterable[ChordSpan]) -> str:
    """The third text form of chords, such as "Am@0 F@4"."""
    return " ".join(f"{chord.symbol}@{chord.start_beats:g}" for chord in chords)


def _merge(spans: list[ChordSpan]) -> tuple[ChordSpan, ...]:
    """Drop spans that only repeat the one before."""
    return tuple(
        span
        for i, span in enumerate(spans)
        if i == 0
        or (span.pitch_classes, span.symbol) != (spans[i - 1].pitch_classes, spans[i - 1].symbol)
    )

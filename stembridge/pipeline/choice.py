"""What a request leaves open, a band-mate chooses: the style it hears, an instrument that fits it.

A diffusion model that is told neither plays all of them a little: between slap and fretless bass
lies no bass. Where nothing of the context has a pitch it chooses chords as well: else the windows
of a long take would each find a key of their own. Styles are drawn by their chances, not taken by
the largest, so that with nothing to hear they vary from take to take, and with a whole band to hear
they do not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.chords import ChordSpan, parse_progression, transposed
from stembridge.conditions import Conditions
from stembridge.roles import is_pitched
from stembridge.runtime.manifest import Manifest
from stembridge.runtime.model import StemModel


@dataclass(frozen=True)
class Choice:
    """Style, instruments and chords of a take: told, heard, or chosen.

    Attributes:
        style: one of the model's styles; None is none in particular.
        timbres: stem -> one of the model's timbres; stems left out are free.
        chords: spans over the request; empty is none in particular.
        composed: whether the chords were chosen here.
    """

    style: str | None = None
    timbres: Mapping[str, str] = field(default_factory=dict)
    chords: tuple[ChordSpan, ...] = ()
    composed: bool = False


@dataclass(frozen=True)
class Bars:
    """Bars to be filled with chords, all in beats; a bar line of the session is at beat 0."""

    beats_per_bar: float
    length_beats: float
    start_beats: float = 0.0


def style_chances(
    model: StemModel,
    latents: FloatArray,
    sounding: Iterable[str],
    conditions: Callable[[], Conditions],
) -> FloatArray | None:
    """Chances [styles] of what sounds; None if the model hears no styles.

    Args:
        model: an open model.
        latents: [S, C, F].
        sounding: stems of them that are given and not silent; only these are heard.
        conditions: makes what is told anyway.
    """
    manifest = model.manifest
    if manifest.style_classifier is None:
        return None
    given = np.zeros((1, manifest.n_stems, latents.shape[-1]), np.float32)
    for stem in sounding:
        given[:, manifest.stem_index(stem)] = 1.0
    chances = model.style_chances(latents[None], given, conditions().frames)
    return None if chances is None else chances[0]


def choose(
    manifest: Manifest,
    chances: FloatArray | None,
    targets: Iterable[str],
    seed: int,
    told: Choice,
    bars: Bars | None = None,
) -> Choice:
    """Completes what was told; the same for the same arguments.

    Args:
        manifest: of the model.
        chances: of its styles, [styles] (`StemModel.style_chances`); None if it hears none.
        targets: stems to be made; only they get an instrument.
        seed: of the take, 0..2^64-1.
        told: what the request names, and the chords that were heard; it stays.
        bars: for chords, where they are not told, and none can be heard; None chooses none.
    """
    # One draw for every question, asked or not: no answer hangs on what else was told.
    draws = np.random.default_rng([seed & 0xFFFFFFFF, seed >> 32]).random(3 + manifest.n_stems)
    targets = tuple(targets)
    style = told.style
    if style is None and chances is not None:
        style = _drawn(manifest, chances, draws[0], told.timbres)
    usual = manifest.style_timbres.get(style or "", {})
    timbres = dict(told.timbres)
    for stem in targets:
        names = usual.get(stem, ())
        if stem not in timbres and names:
            timbres[stem] = names[int(draws[1 + manifest.stem_index(stem)] * len(names))]
    progressions = manifest.style_chords.get(style or "", ())
    if told.chords or not progressions or bars is None or not any(map(is_pitched, targets)):
        return Choice(style, timbres, told.chords)
    chords = _progression(progressions, bars, draws[-2], draws[-1])
    return Choice(style, timbres, chords, composed=True)


def _drawn(manifest: Manifest, chances: FloatArray, draw: float, timbres: Mapping[str, str]) -> str:
    """A style by its chances; only one that the told instruments play in, if there is any."""
    plays = [
        all(
            name in manifest.style_timbres.get(style, {}).get(stem, ())
            for stem, name in timbres.items()
        )
        for style in manifest.styles
    ]
    fitting = chances * plays if (chances * plays).any() else chances
    ends = np.cumsum(fitting, dtype=np.float64)
    index = np.searchsorted(ends, draw * ends[-1], side="right")
    return manifest.styles[min(int(index), len(manifest.styles) - 1)]


def _progression(
    progressions: Sequence[str], bars: Bars, which: float, key: float
) -> tuple[ChordSpan, ...]:
    """One of the progressions, in any key, again and again on the session's bars."""
    symbols = progressions[int(which * len(progressions))].split()
    first_bar, inside = divmod(bars.start_beats, bars.beats_per_bar)
    turn = int(first_bar) % len(symbols)
    length_beats = inside + bars.length_beats
    n_bars = ceil(length_beats / bars.beats_per_bar - 1e-9)
    text = " ".join([*symbols[turn:], *symbols[:turn]][:n_bars])
    spans = parse_progression(text, bars.beats_per_bar, length_beats)
    return tuple(
        replace(transposed(span, int(12 * key)), start_beats=max(0.0, span.start_beats - inside))
        for span in spans
    )

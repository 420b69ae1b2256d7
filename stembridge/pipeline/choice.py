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
from functools import lru_cache
from math import ceil

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.chords import ChordSpan, parse_progression, transposed
from stembridge.chords.key import key_of, tonic_of
from stembridge.conditions import Conditions
from stembridge.musical_time import TimeSignature
from stembridge.parts.playing import Playing
from stembridge.roles import is_pitched
from stembridge.runtime.manifest import Manifest
from stembridge.runtime.model import StemModel
from stembridge.words import STYLE_METRES, Wishes

NO_WISHES = Wishes()


@dataclass(frozen=True)
class Choice:
    """Style, instruments and chords of a take: told, heard, or chosen.

    Attributes:
        style: one of the model's styles; None is none in particular.
        timbres: stem -> one of the model's timbres; stems left out are free.
        chords: spans over the request; empty is none in particular.
        composed: whether the chords were chosen here.
        playing: stem -> how its notes are to be played.
    """

    style: str | None = None
    timbres: Mapping[str, str] = field(default_factory=dict)
    chords: tuple[ChordSpan, ...] = ()
    composed: bool = False
    playing: Mapping[str, Playing] = field(default_factory=dict)


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
    metre: TimeSignature | None = None,
) -> FloatArray | None:
    """Chances [styles] of what sounds; None if the model hears no styles.

    Styles that live in another metre have none: no waltz in 4/4 or 6/8.

    Args:
        model: an open model.
        latents: [S, C, F].
        sounding: stems of them that are given and not silent; only these are heard.
        conditions: makes what is told anyway.
        metre: of the request; None where it follows no grid.
    """
    manifest = model.manifest
    if manifest.style_classifier is None:
        return None
    given = np.zeros((1, manifest.n_stems, latents.shape[-1]), np.float32)
    for stem in sounding:
        given[:, manifest.stem_index(stem)] = 1.0
    chances = model.style_chances(latents[None], given, conditions().frames)
    return None if chances is None else _in_metre(chances[0], manifest.styles, metre)


def _in_metre(
    chances: FloatArray, styles: Sequence[str], metre: TimeSignature | None
) -> FloatArray:
    if metre is None:
        return chances
    within = chances * np.array([_lives_in(style, metre) for style in styles], chances.dtype)
    return within if within.any() else chances


def _lives_in(style: str, metre: TimeSignature) -> bool:
    """Whether bars of its own metre fill one of another; beats of three eighths are their own."""
    if style not in STYLE_METRES:
        return True
    own = TimeSignature.parse(STYLE_METRES[style])
    return metre.beats_per_bar % own.beats_per_bar == 0 and own.is_compound == metre.is_compound


def choose(
    manifest: Manifest,
    chances: FloatArray | None,
    targets: Iterable[str],
    seed: int,
    told: Choice,
    bars: Bars | None = None,
    wishes: Wishes = NO_WISHES,
) -> Choice:
    """Completes what was told; the same for the same arguments.

    Args:
        manifest: of the model.
        chances: of its styles, [styles] (`StemModel.style_chances`); None if it hears none.
        targets: stems to be made; only they get an instrument.
        seed: of the take, 0..2^64-1.
        told: what the request names, and the chords that were heard; it stays.
        bars: for chords, where they are not told, and none can be heard; None chooses none.
        wishes: of a prompt; they narrow what is chosen from.
    """
    # One draw for every question, asked or not: no answer hangs on what else was told.
    draws = np.random.default_rng([seed & 0xFFFFFFFF, seed >> 32]).random(3 + manifest.n_stems)
    targets = tuple(targets)
    style = told.style or wishes.style
    if style is None and chances is not None:
        style = _drawn(manifest, chances, draws[0], told.timbres, wishes)
    timbres = dict(told.timbres)
    for stem in targets:
        names = _fitting_timbres(manifest, style, stem, wishes)
        if stem not in timbres and names:
            timbres[stem] = names[int(draws[1 + manifest.stem_index(stem)] * len(names))]
    progressions = progressions_of(manifest, style, wishes.mode)
    if told.chords or not progressions or bars is None or not any(map(is_pitched, targets)):
        return Choice(style, timbres, told.chords, playing=wishes.playing)
    chords = _progression(progressions, bars, draws[-2], draws[-1], wishes.tonic)
    return Choice(style, timbres, chords, composed=True, playing=wishes.playing)


def _drawn(
    manifest: Manifest,
    chances: FloatArray,
    draw: float,
    timbres: Mapping[str, str],
    wishes: Wishes,
) -> str:
    """A style by its chances; only one that the told instruments play in, if there is any."""
    wanted = {**wishes.timbres, **{stem: (name,) for stem, name in timbres.items()}}
    plays = [
        all(
            set(names) & set(manifest.style_timbres.get(style, {}).get(stem, ()))
            for stem, names in wanted.items()
        )
        for style in manifest.styles
    ]
    allowed = [style not in wishes.avoided_styles for style in manifest.styles]
    for fits in (np.multiply(plays, allowed), allowed):
        if (chances * fits).any():
            chances = chances * fits
            break
    ends = np.cumsum(chances, dtype=np.float64)
    index = np.searchsorted(ends, draw * ends[-1], side="right")
    return manifest.styles[min(int(index), len(manifest.styles) - 1)]


def _fitting_timbres(
    manifest: Manifest, style: str | None, stem: str, wishes: Wishes
) -> Sequence[str]:
    """Instruments to choose from: of those asked for the usual ones; of the usual no refused."""
    usual = manifest.style_timbres.get(style or "", {}).get(stem, ())
    if asked := wishes.timbres.get(stem):
        return [name for name in asked if name in usual] or asked
    refused = wishes.avoided_timbres.get(stem)
    if not refused:
        return usual
    others = [name for name in manifest.timbres.get(stem, ()) if name not in refused]
    return [name for name in usual if name not in refused] or others


def progressions_of(manifest: Manifest, style: str | None, mode: str | None) -> Sequence[str]:
    """The style's progressions; of a mode where one is asked for, then of any style if need be."""
    own = manifest.style_chords.get(style or "", ())
    if mode is None or not own:
        return own
    every = dict.fromkeys(text for texts in manifest.style_chords.values() for text in texts)
    return (
        [text for text in own if _mode(text) == mode]
        or [text for text in every if _mode(text) == mode]
        or own
    )


@lru_cache(maxsize=512)
def _key(progression: str) -> str:
    """Of a progression as a manifest writes it, one chord per bar."""
    length = 4.0 * len(progression.split())
    return key_of(parse_progression(progression, 4.0, length), length) or "C"


def _mode(progression: str) -> str:
    return "minor" if _key(progression).endswith("m") else "major"


def _progression(
    progressions: Sequence[str], bars: Bars, which: float, key: float, tonic: int | None = None
) -> tuple[ChordSpan, ...]:
    """One of the progressions, in any key or that of a tonic, again on the session's bars."""
    progression = progressions[int(which * len(progressions))]
    up = int(12 * key) if tonic is None else (tonic - tonic_of(_key(progression))) % 12
    symbols = progression.split()
    first_bar, inside = divmod(bars.start_beats, bars.beats_per_bar)
    turn = int(first_bar) % len(symbols)
    length_beats = inside + bars.length_beats
    n_bars = ceil(length_beats / bars.beats_per_bar - 1e-9)
    text = " ".join([*symbols[turn:], *symbols[:turn]][:n_bars])
    spans = parse_progression(text, bars.beats_per_bar, length_beats)
    return tuple(
        replace(transposed(span, up), start_beats=max(0.0, span.start_beats - inside))
        for span in spans
    )

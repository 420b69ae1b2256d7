"""What the denoiser is told: of every latent frame the grid, the chords, the style; and more.

Conventions: frame conditions are float32 `[K, F]`, K channels by F latent frames. Their channels
are the blocks of a layout (name, number of channels) in order; an artifact's manifest states its
own layout. Every block starts with a flag channel: 0 means "not known" and then the whole block
is 0, which is also what drop-out in training shows the network. A beat is a quarter note.

`Conditions` carries them from whoever tells to the network, together with whatever does not follow
the frames; samplers hand it through, and windows take their part of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stembridge.chords import ChordSpan
from stembridge.musical_time import TimeSignature

Array = NDArray[np.float32]

# Periods of the grid's sines in beats; the bar and the four-bar phrase are added to them.
GRID_PERIODS_BEATS = (0.25, 1 / 3, 0.5, 1.0, 2.0)
GRID_CHANNELS = 1 + 1 + 2 * (len(GRID_PERIODS_BEATS) + 2)
CHORD_CHANNELS = 1 + 12 + 12
LABELS = "labels"  # of a model of mixtures: which of the four stems sound (GMSDI)
EMBEDDING = "embedding"  # what it is to sound like: numbers of words or of a sound
MIXTURE = "mixture"  # its latents, told to a model of its stems (MSG-LD)
HEARD = "heard"  # a mixture by all encoders: flag, flags of the stems in it, their latents


@dataclass(frozen=True)
class Conditions:
    """Everything a denoiser is told of a batch.

    Attributes:
        frames: `[B or 1, K, F]`, see the module.
        tokens: `[B or 1, N, E]` of the whole piece, such as a text's; None where there are none.
        harmony: whether a pitch is named in every frame. Windows of a long piece can then be made
            together, since nothing else keeps their keys from wandering apart.
    """

    frames: Array
    tokens: Array | None = None
    harmony: bool = False

    @property
    def n_frames(self) -> int:
        """F."""
        return int(self.frames.shape[-1])

    def unknown(self) -> Conditions:
        """The same shapes, telling nothing: every flag and value is 0."""
        tokens = None if self.tokens is None else self.tokens * 0.0
        return replace(self, frames=self.frames * 0.0, tokens=tokens)

    def window(self, place: range | NDArray[np.intp]) -> Conditions:
        """Those of a window's frames; tokens belong to every window."""
        at = slice(place.start, place.stop) if isinstance(place, range) else place
        return replace(self, frames=np.ascontiguousarray(self.frames[..., at]))

    def windows(self, places: Sequence[NDArray[np.intp]]) -> Conditions:
        """Those of several windows of one length, as one batch: all items of the first, then on."""
        frames = np.concatenate([self.frames[..., at] for at in places])
        tokens = None if self.tokens is None else np.concatenate([self.tokens] * len(places))
        return replace(self, frames=frames, tokens=tokens)

    def stretched(self, batch: int, n_frames: int) -> Conditions:
        """For `batch` items, the last frame repeated until there are `n_frames`."""
        tokens = self.tokens
        if tokens is not None:
            tokens = np.broadcast_to(tokens, (batch, *tokens.shape[1:]))
        return replace(self, frames=stretched(self.frames, batch, n_frames), tokens=tokens)


def stretched(array: Array, batch: int, n_frames: int) -> Array:
    """The array `[1 or B, ..., F]` with B items, its last frame repeated until `n_frames`."""
    missing = n_frames - array.shape[-1]
    if missing > 0:
        array = np.concatenate([array, np.repeat(array[..., -1:], missing, axis=-1)], axis=-1)
    return np.broadcast_to(array, (batch, *array.shape[1:]))


@dataclass(frozen=True)
class Layout:
    """Which condition blocks a model takes, in order.

    Attributes:
        blocks: (name, channels) pairs; names are "grid", "chords", "style", "timbre", "heard".
        styles: style names, in the order of the style block's one-hot channels.
        timbres: stem name -> timbre names, in the order of the timbre block.
    """

    blocks: tuple[tuple[str, int], ...]
    styles: tuple[str, ...] = ()
    timbres: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def channels(self) -> int:
        """Total number of condition channels K."""
        return sum(channels for _, channels in self.blocks)

    def slices(self) -> dict[str, slice]:
        """Where each block lies on the channel axis."""
        result, start = {}, 0
        for name, channels in self.blocks:
            result[name] = slice(start, start + channels)
            start += channels
        return result


def full_layout(
    styles: Sequence[str], timbres: Mapping[str, Sequence[str]], *, latent_channels: int = 0
) -> Layout:
    """The layout of the default model: grid, chords, style, timbre, and what is heard.

    Args:
        styles: names.
        timbres: stem -> names.
        latent_channels: C, for a model that hears mixtures; 0 leaves that block out.
    """
    n_timbres = sum(len(names) for names in timbres.values())
    heard = (HEARD, 1 + len(timbres) * (1 + latent_channels))
    return Layout(
        blocks=(
            ("grid", GRID_CHANNELS),
            ("chords", CHORD_CHANNELS),
            ("style", 1 + len(styles)),
            ("timbre", n_timbres),
            *((heard,) if latent_channels else ()),
        ),
        styles=tuple(styles),
        timbres=tuple((stem, tuple(names)) for stem, names in timbres.items()),
    )


def heard_block(latents: Array, holds: Sequence[bool]) -> Array:
    """The block of a mixture `[1 + S + S·C, F]`.

    Args:
        latents: the mixture by the encoder of each stem, `[S, C, F]`.
        holds: for each stem, whether it is in the mixture.
    """
    n_stems, channels, n_frames = latents.shape
    flags = np.array([1.0, *holds], np.float32)[:, None].repeat(n_frames, 1)
    return np.concatenate([flags, latents.reshape(n_stems * channels, n_frames)])


def frame_beats(
    n_frames: int, hop: int, model_rate: int, bpm: float, start_beats: float = 0.0
) -> NDArray[np.float64]:
    """Position in beats of the centre of every latent frame, `[F]`."""
    centres_s = (np.arange(n_frames) + 0.5) * hop / model_rate
    beats: NDArray[np.float64] = start_beats + centres_s * bpm / 60.0
    return beats


def grid_block(beats: NDArray[np.float64], bpm: float, time_signature: TimeSignature) -> Array:
    """Flag, log tempo, and sine/cosine of the phase in each grid period, `[16, F]`."""
    bar = time_signature.beats_per_bar
    phases = [2 * math.pi * beats / period for period in (*GRID_PERIODS_BEATS, bar, 4 * bar)]
    rows = [np.ones_like(beats), np.full_like(beats, math.log2(bpm / 110.0))]
    rows += [wave(phase) for phase in phases for wave in (np.sin, np.cos)]
    return np.stack(rows).astype(np.float32)


def chord_block(beats: NDArray[np.float64], chords: Sequence[ChordSpan]) -> Array:
    """Flag, twelve pitch classes and one-hot root of the chord sounding at each frame, `[25, F]`.

    What ears are not sure of is told as quietly as they are unsure (`ChordSpan.confidence`).
    Chords must be sorted by `start_beats`; frames before the first one are "not known".
    """
    block = np.zeros((CHORD_CHANNELS, len(beats)), np.float32)
    index = _sounding(beats, chords)
    for i, chord in enumerate(chords):
        at = index == i
        block[0, at] = chord.confidence
        for pitch_class in chord.pitch_classes:
            block[1 + pitch_class, at] = chord.confidence
        if chord.root is not None:
            block[13 + chord.root, at] = chord.confidence
    return block


def _sounding(beats: NDArray[np.float64], chords: Sequence[ChordSpan]) -> NDArray[np.intp]:
    """Number of the chord that sounds at each of the beats; -1 before the first one."""
    starts = np.array([chord.start_beats for chord in chords])
    return np.searchsorted(starts, beats, side="right") - 1


def names_pitches(layout: Layout, beats: NDArray[np.float64], chords: Sequence[ChordSpan]) -> bool:
    """Whether a model of this layout is told a pitch in every frame (see `Conditions.harmony`)."""
    mute = {i for i, chord in enumerate(chords) if not chord.pitch_classes and chord.root is None}
    heard = set(_sounding(beats, chords).tolist())
    return "chords" in layout.slices() and not heard & {-1, *mute}


def _style_vector(layout: Layout, style: str | None, channels: int) -> Array:
    vector = np.zeros(channels, np.float32)
    if style in layout.styles:
        vector[0] = vector[1 + layout.styles.index(style)] = 1.0
    return vector


def _timbre_vector(layout: Layout, timbres: Mapping[str, str], channels: int) -> Array:
    names = [(stem, name) for stem, stem_names in layout.timbres for name in stem_names]
    vector = np.array([timbres.get(stem) == name for stem, name in names], np.float32)
    return vector.reshape(channels)


def frame_conditions(
    layout: Layout,
    n_frames: int,
    *,
    hop: int,
    model_rate: int,
    bpm: float,
    time_signature: TimeSignature,
    start_beats: float = 0.0,
    chords: Sequence[ChordSpan] = (),
    style: str | None = None,
    timbres: Mapping[str, str] | None = None,
    use_grid: bool = True,
) -> Array:
    """All conditions of a stretch of music as one array `[K, F]`.

    Args:
        layout: what the model takes, from its manifest.
        n_frames: number of latent frames F.
        hop: samples per latent frame at the model's rate.
        model_rate: Hz.
        bpm: tempo, quarter notes per minute.
        time_signature: for the phase in the bar.
        start_beats: session position of frame 0, a bar line being at 0.
        chords: chord spans whose `start_beats` count from frame 0.
        style: a name of `layout.styles`, or None for "any".
        timbres: stem -> timbre name; stems left out are free.
        use_grid: False tells the network nothing about tempo and metre.
    """
    local = frame_beats(n_frames, hop, model_rate, bpm)
    out = np.zeros((layout.channels, n_frames), np.float32)
    for name, at in layout.slices().items():
        channels = at.stop - at.start
        if name == "grid" and use_grid:
            out[at] = grid_block(local + start_beats, bpm, time_signature)
        elif name == "chords":
            out[at] = chord_block(local, chords)
        elif name == "style":
            out[at] = _style_vector(layout, style, channels)[:, None]
        elif name == "timbre":
            out[at] = _timbre_vector(layout, timbres or {}, channels)[:, None]
    return out

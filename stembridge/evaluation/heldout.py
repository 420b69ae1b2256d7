"""The held-out songs, what the model makes of them, and what the codec alone would.

A song is one model window from its first bar line on. For every stem the model hears the other
three and the grid; chords are told only if asked, or if the model serves with those it hears.
Style and instrument are never told: the model chooses them, as in serving. It never chooses
chords here: some other stem always plays some.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from stembridge.audio.loudness import is_silent
from stembridge.chords import ChordSpan
from stembridge.conditions import frame_conditions
from stembridge.dataset.annotated import AnnotatedSong
from stembridge.dataset.song import STEMS
from stembridge.diffusion.guidance import classifier_free
from stembridge.diffusion.inpaint import Known
from stembridge.diffusion.noise import FrameNoise
from stembridge.diffusion.samplers import SAMPLERS
from stembridge.diffusion.schedule import karras_sigmas
from stembridge.diffusion.windows import sample_in_windows
from stembridge.pipeline.choice import Choice, choose, style_chances
from stembridge.pipeline.context import heard_chords
from stembridge.pipeline.settings import layout_of, tells_chords
from stembridge.runtime.model import StemModel

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Setting:
    """How stems are generated in an evaluation.

    Attributes:
        sampler, steps, guidance: as in a request; None takes the artifact's habit.
        chords: tell the model the true chords.
        grid: tell it tempo and metre.
        ceiling_only: generate nothing; measure only what the codec makes of the true stems.
        choose: let the model choose style and instrument as serving does, where it can.
    """

    sampler: str | None = None
    steps: int | None = None
    guidance: float | None = None
    chords: bool = False
    grid: bool = True
    ceiling_only: bool = False
    choose: bool = True


def cut(song: AnnotatedSong, n_samples: int) -> AnnotatedSong:
    """The first `n_samples` of a song; chords that begin later are dropped."""
    limit = n_samples / song.rate * (song.bpm or 120.0) / 60
    chords = tuple(chord for chord in song.chords if chord.start_beats < limit)
    return replace(song, audio=song.audio[:, :n_samples], chords=chords)


def encode_all(model: StemModel, songs: Sequence[AnnotatedSong]) -> Array:
    """Latents `[B, S, C, F]` of equally long songs."""
    # One at a time: the codec's memory grows with the batch, its speed does not.
    return np.stack(
        [
            np.concatenate(
                [model.encode(stem, song.audio[None, i]) for i, stem in enumerate(STEMS)]
            )
            for song in songs
        ]
    )


def decode_all(model: StemModel, stem: str, latents: Array) -> Array:
    """Audio `[B, n_samples]` of one stem's latents `[B, C, F]`."""
    return np.concatenate([model.decode(stem, one[None]) for one in latents])


def conditions_of(
    model: StemModel,
    song: AnnotatedSong,
    latents: Array,
    target: str,
    setting: Setting,
    seed: int = 0,
) -> Array:
    """Conditions `[K, F]` of a song whose stem `target` is to be made, under a setting.

    Args:
        model: the artifact.
        song: the song.
        latents: `[S, C, F]` of its stems; the target's are not listened to.
        target: stem.
        setting: what is told.
        seed: of what the model chooses.
    """
    use_grid = setting.grid and song.bpm is not None
    chords = song.chords if setting.chords else ()
    if use_grid and not setting.chords:
        chords = _heard_chords(model, song, target)
    told = partial(
        frame_conditions,
        layout_of(model.manifest),
        latents.shape[-1],
        hop=model.manifest.hop,
        model_rate=model.manifest.sample_rate,
        bpm=song.bpm or 120.0,
        time_signature=song.time_signature,
        chords=chords,
        use_grid=use_grid,
    )
    if not setting.choose:
        return told()
    sounding = [
        stem for stem, audio in zip(STEMS, song.audio, strict=True)
        if stem != target and not is_silent(audio)
    ]  # fmt: skip
    chances = style_chances(model, latents, sounding, told)
    choice = choose(model.manifest, chances, [target], seed, Choice())
    return told(style=choice.style, timbres=choice.timbres)


def _heard_chords(model: StemModel, song: AnnotatedSong, target: str) -> tuple[ChordSpan, ...]:
    """What serving hears in the other three stems, if the artifact asks for it."""
    context = {stem: song.audio[i] for i, stem in enumerate(STEMS) if stem != target}
    bpm = song.bpm or 120.0
    length_beats = song.audio.shape[1] / song.rate * bpm / 60
    return heard_chords(context, model.manifest, bpm, song.time_signature, length_beats)


def generate_latents(
    model: StemModel,
    latents: Array,
    conditions: Array,
    targets: Sequence[str],
    setting: Setting,
    seeds: Sequence[int],
) -> Array:
    """Latents `[B, S, C, F]` in which `targets` were made given the rest.

    Args:
        model: the artifact.
        latents: `[B, S, C, F]` of the true songs.
        conditions: `[B, K, F]`.
        targets: stems to generate.
        setting: sampler and so on.
        seeds: one per song.
    """
    manifest = model.manifest
    habit = manifest.sampler
    mask = np.ones((len(latents), len(STEMS), latents.shape[-1]), np.float32)
    for stem in targets:
        mask[:, STEMS.index(stem)] = 0.0
    steps = setting.steps or habit.steps
    guidance = habit.guidance if setting.guidance is None else setting.guidance
    return sample_in_windows(
        classifier_free(model.denoise, guidance),
        conditions,
        Known(latents, mask, manifest.context_mode, manifest.sigma_context),
        sampler=SAMPLERS[setting.sampler or habit.name],
        sigmas=karras_sigmas(steps, manifest.sigma_min, manifest.sigma_max, habit.rho),
        noise=FrameNoise(list(seeds), len(STEMS), manifest.latent_channels),
        window=manifest.window_frames,
        overlap=manifest.overlap_frames,
        multiple=manifest.frame_multiple,
        together=tells_chords(manifest, conditions),
    )

"""From given stems to new ones: encode, choose, sample, decode. The page to read first.

Everything here is in the model's own terms (its rate, its level, its stems) and knows no files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.chords import UNPITCHED
from stembridge.diffusion.guidance import classifier_free
from stembridge.diffusion.inpaint import Known
from stembridge.diffusion.noise import FrameNoise
from stembridge.diffusion.samplers import SAMPLERS
from stembridge.diffusion.windows import sample_in_windows
from stembridge.pipeline import codec
from stembridge.pipeline.choice import Bars, Choice, choose, style_chances
from stembridge.pipeline.context import Context
from stembridge.pipeline.events import Reporter
from stembridge.pipeline.level import level_stem
from stembridge.pipeline.settings import (
    Settings,
    conditions_for,
    settings_for,
    tells_chords,
    wishes_of,
)
from stembridge.request import GenerationRequest
from stembridge.runtime.model import StemModel


@dataclass(frozen=True)
class Take:
    """One variation.

    Attributes:
        variation: which, from 0.
        stems: stem -> audio [n_samples] at the model's rate and level.
        choice: style, instruments and chords it was made with.
    """

    variation: int
    stems: dict[str, FloatArray]
    choice: Choice


def generate(
    request: GenerationRequest, context: Context, model: StemModel, report: Reporter
) -> Iterator[Take]:
    """Make the takes of a request, each when it is asked for.

    The same request and model give the same samples; takes do not depend on how many are made.

    Raises:
        BadArgsError: the model lacks what is asked for.
        CancelledError: from `report`.
    """
    settings = settings_for(request, model.manifest)
    n_samples = context.samples.shape[-1]
    told = partial(conditions_for, request, model.manifest, n_samples)
    known = _given_latents(context, model, report)
    sounding = set(request.context_stems) - set(context.silent)
    chances = style_chances(model, known.latents[0], sounding, told)
    wishes, bars = wishes_of(request, context.chords), _bars_without_harmony(request, sounding)
    for variation in range(request.variations):
        seed = settings.seed + (variation << 32)
        choice = choose(model.manifest, chances, request.generate, seed, wishes, bars)
        latents = _sample(settings, told(choice), known, model, report, variation, seed)
        stems = _decoded(latents, request, context, model, report, variation)
        yield Take(variation, stems, choice)


def _given_latents(context: Context, model: StemModel, report: Reporter) -> Known:
    """Latents of the given stems and the mask that says which these are."""
    manifest = model.manifest
    n_samples = context.samples.shape[-1]
    n_frames = -(-n_samples // manifest.hop)
    latents = np.zeros((1, manifest.n_stems, manifest.latent_channels, n_frames), np.float32)
    mask = np.zeros((1, manifest.n_stems, n_frames), np.float32)
    for index, stem in enumerate(manifest.stems):
        if context.given[index]:
            audio, share = context.samples[index], index / manifest.n_stems
            latents[0, index] = codec.encode(model, stem, audio, partial(report, "encode", share))
            mask[0, index] = 1.0
    return Known(latents, mask, manifest.context_mode, manifest.sigma_context)


def _bars_without_harmony(request: GenerationRequest, sounding: set[str]) -> Bars | None:
    """The request's bars if its beats are known and nothing that sounds has a pitch."""
    if not request.use_grid or sounding - UNPITCHED:
        return None
    bar = request.time_signature.beats_per_bar
    return Bars(bar, request.length_beats, request.start_beats)


def _sample(
    settings: Settings,
    conditions: FloatArray,
    known: Known,
    model: StemModel,
    report: Reporter,
    variation: int,
    seed: int,
) -> FloatArray:
    """Latents [S, C, F] of one take."""
    manifest = model.manifest
    latents = sample_in_windows(
        classifier_free(model.denoise, settings.guidance),
        conditions[None],
        known,
        sampler=SAMPLERS[settings.sampler],
        sigmas=settings.sigmas,
        noise=FrameNoise([seed], manifest.n_stems, manifest.latent_channels),
        window=manifest.window_frames,
        overlap=manifest.overlap_frames,
        multiple=manifest.frame_multiple,
        together=tells_chords(manifest, conditions),
        callback=lambda step: report("sample", step.call / step.n_calls, variation),
    )
    take: FloatArray = latents[0]
    return take


def _decoded(
    latents: FloatArray,
    request: GenerationRequest,
    context: Context,
    model: StemModel,
    report: Reporter,
    variation: int,
) -> dict[str, FloatArray]:
    """Audio of the asked-for stems, at the loudness of their roles."""
    n_samples, n_stems = context.samples.shape[-1], len(request.generate)
    stems = {}
    for i, stem in enumerate(request.generate):
        check = partial(report, "decode", i / n_stems, variation)
        own = latents[model.manifest.stem_index(stem)]
        stems[stem] = level_stem(
            codec.decode(model, stem, own, n_samples, check), stem, model.manifest
        )
    return stems

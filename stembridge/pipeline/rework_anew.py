"""What the model makes anew of a take: latents, with everything else of it known.

Given stems and kept ones, bars before and after: all are known latents, so that what is made hears
them. Outside what is made anew every latent stays, and so does every sample of the model's own
sound.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.audio.loudness import amplitude
from stembridge.audio.windows import rising_ramp
from stembridge.context import Context
from stembridge.diffusion.inpaint import Known
from stembridge.diffusion.schedule import karras_sigmas
from stembridge.inference import Settings, codec, infer, shares
from stembridge.inference.of_stems import told_also
from stembridge.musical_time import beats_to_seconds
from stembridge.pipeline.chains import chains_of, chains_told
from stembridge.pipeline.events import Reporter
from stembridge.pipeline.hearing import with_other
from stembridge.pipeline.settings import conditions_for, settings_for
from stembridge.pipeline.take_state import TakeState
from stembridge.request import GenerationRequest, Rework
from stembridge.runtime.manifest import Manifest
from stembridge.runtime.model import StemModel

_SEAM_S = 0.01
Span = tuple[float, float]
"""Beats from and to."""


def latents_anew(
    old: TakeState,
    request: GenerationRequest,
    wish: Rework,
    span: Span | None,
    seed: int,
    context: Context,
    model: StemModel,
    report: Reporter,
    number: int,
) -> FloatArray:
    """Latents [S, C, F] with what is to be made anew made anew; all else is as it was.

    Args:
        old: the take that is worked on.
        request: its request, with what changes.
        wish: what is to be made anew.
        span: beats that it concerns; None for all.
        seed: of the noise.
        context: what is given.
        model: an open model.
        report: told about every step; may raise to stop.
        number: which of several attempts this is, from 0.
    """
    manifest, n_samples = model.manifest, context.samples.shape[-1]
    settings = settings_for(request, manifest)
    before = stretched(old.latents, -(-n_samples // manifest.hop))
    hearing = partial(report, "encode", variation=number)
    known = codec.hear(model, context.samples, context.given, hearing, loop=request.loop)
    given = known.mask[0] > 0
    latents = np.where(given[:, None], known.latents[0], before)
    start = None
    if wish.like is not None:
        if wish.like <= 0:
            return latents
        settings, start = _from_here(settings, wish.like, manifest), latents[None]
    mask = np.where(_free(given, request, wish, span, manifest), 0.0, 1.0).astype(np.float32)
    left = Known(latents[None], mask[None], manifest.context_mode, manifest.sigma_context)
    told = conditions_for(request, manifest, n_samples, old.choice)
    chains = chains_told(request, manifest, (), heard=old.heard is not None)
    words = chains_of(chains, manifest, old.heard)
    conditions, away = told_also(with_other(told, context, model, report), words)
    callback = shares(partial(report, "sample", variation=number))
    made: FloatArray = infer(
        model, conditions, left, settings, [seed], start=start, away=away, callback=callback
    )[0]
    return made


def _free(
    given: FloatArray,
    request: GenerationRequest,
    wish: Rework,
    span: Span | None,
    manifest: Manifest,
) -> FloatArray:
    """What is made anew, bool [S, F]."""
    free = np.zeros_like(given)
    first, stop = 0, given.shape[-1]
    if span is not None:
        frame_s = manifest.hop / manifest.sample_rate
        edges = [beats_to_seconds(beats, request.bpm) / frame_s for beats in span]
        first, stop = math.floor(edges[0]), min(stop, math.ceil(edges[1]))
    for stem in request.generate:
        if wish.more_bars or wish.concerns(stem):
            free[manifest.stem_index(stem), first:stop] = True
    return free


def _from_here(settings: Settings, strength: float, manifest: Manifest) -> Settings:
    """Settings that begin at a part of the noise: at a half, as much of it as of sound."""
    if strength >= 1:
        return settings
    least = manifest.sigma_min
    sigma = float(np.clip(math.tan(math.pi / 2 * strength), 2 * least, manifest.sigma_max))
    # A little noise ends where it would be little beside it.
    low = max(least, min(manifest.sampler.sigma_min or least, sigma / 10))
    sigmas = karras_sigmas(settings.steps, low, sigma, manifest.sampler.rho)
    return replace(settings, sigmas=tuple(sigmas))


def stretched(latents: FloatArray, n_frames: int) -> FloatArray:
    """Latents [S, C, F] cut, or filled with zeros, to `n_frames`."""
    held = latents[..., :n_frames]
    return np.pad(held, ((0, 0), (0, 0), (0, n_frames - held.shape[-1])))


def spliced(before: codec.Sound, after: codec.Sound, inside: FloatArray) -> FloatArray:
    """The old sound, exactly, but where `inside` is not 0; the new at the old one's gain."""
    new = after.audio * np.float32(amplitude(before.levelled_db - after.levelled_db))
    return before.audio + inside * (new - before.audio)


def inside(span: Span, request: GenerationRequest, n_samples: int, rate: int) -> FloatArray:
    """1 inside the beats, 0 outside, with short ramps that lie inside [n_samples]."""
    first, stop = (round(beats_to_seconds(beats, request.bpm) * rate) for beats in span)
    stop, shape = min(stop, n_samples), np.zeros(n_samples, np.float32)
    shape[first:stop] = 1.0
    ramp = rising_ramp(min(round(_SEAM_S * rate), (stop - first) // 2))
    if first > 0:
        shape[first : first + len(ramp)] = ramp
    if stop < n_samples:
        shape[stop - len(ramp) : stop] = ramp[::-1]
    return shape

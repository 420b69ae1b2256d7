"""How a request is sampled: its own wishes where it has some, the model's habits elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from stembridge.audio.buffer import FloatArray
from stembridge.chords import ChordSpan
from stembridge.conditions import Layout, frame_conditions
from stembridge.diffusion.samplers import DEFAULT_STEPS
from stembridge.diffusion.schedule import karras_sigmas
from stembridge.errors import BadArgsError
from stembridge.musical_time import frames_for_samples
from stembridge.pipeline.choice import Choice
from stembridge.pipeline.context import stem_index
from stembridge.request import GenerationRequest
from stembridge.runtime.manifest import Manifest


@dataclass(frozen=True)
class Settings:
    """What the sampler is run with.

    Attributes:
        sampler: name in `SAMPLERS`.
        steps: its number of steps.
        sigmas: its noise levels.
        guidance: 1 is none.
        seed: of the first take.
    """

    sampler: str
    steps: int
    sigmas: list[float]
    guidance: float
    seed: int


def settings_for(request: GenerationRequest, manifest: Manifest) -> Settings:
    """Resolve what the request leaves open.

    A request's guidance of 1 means "as the model is meant to be used".

    Raises:
        BadArgsError: a stem, style or timbre the model does not have.
    """
    _check_vocabulary(request, manifest)
    habit = manifest.sampler
    sampler = request.sampler or habit.name
    own_steps = habit.steps if sampler == habit.name else DEFAULT_STEPS[sampler]
    steps = request.steps or own_steps
    return Settings(
        sampler=sampler,
        steps=steps,
        sigmas=karras_sigmas(steps, manifest.sigma_min, manifest.sigma_max, habit.rho),
        guidance=request.guidance if request.guidance != 1.0 else habit.guidance,
        seed=request.seed,
    )


def layout_of(manifest: Manifest) -> Layout:
    """The manifest's condition layout in the terms of `stembridge.conditions`."""
    return Layout(
        blocks=tuple((block.name, block.channels) for block in manifest.condition_layout),
        styles=manifest.styles,
        timbres=tuple(manifest.timbres.items()),
    )


def conditions_for(
    request: GenerationRequest,
    manifest: Manifest,
    n_samples: int,
    choice: Choice | None = None,
) -> FloatArray:
    """The conditions [K, F] of the whole request; by default only what it names itself."""
    chosen = choice or wishes_of(request)
    return frame_conditions(
        layout_of(manifest),
        frames_for_samples(n_samples, manifest.hop),
        hop=manifest.hop,
        model_rate=manifest.sample_rate,
        bpm=request.bpm,
        time_signature=request.time_signature,
        start_beats=request.start_beats,
        chords=chosen.chords,
        style=chosen.style,
        timbres=chosen.timbres,
        use_grid=request.use_grid,
    )


def wishes_of(request: GenerationRequest, heard: tuple[ChordSpan, ...] = ()) -> Choice:
    """What a request names; chords `heard` stand in for none named."""
    return Choice(request.style, dict(request.timbres), request.chords or heard)


def tells_chords(manifest: Manifest, conditions: FloatArray) -> bool:
    """Whether conditions [..., K, F] name a pitch in every frame.

    Windows of a long request may then be made together: harmony holds them together.
    """
    block = layout_of(manifest).slices().get("chords")
    if block is None:
        return False
    return bool(conditions[..., block.start + 1 : block.stop, :].any(axis=-2).all())


def _check_vocabulary(request: GenerationRequest, manifest: Manifest) -> None:
    for stem in request.generate:
        stem_index(manifest, stem)
    if request.style is not None and request.style not in manifest.styles:
        known = ", ".join(manifest.styles) or "none"
        raise BadArgsError(f'The model has no style "{request.style}"; it has {known}.')
    for stem, timbre in request.timbres:
        names = manifest.timbres.get(stem, ())
        if timbre not in names:
            known = ", ".join(names) or "none"
            raise BadArgsError(f'The model has no {stem} timbre "{timbre}"; it has {known}.')

"""What a model is given to hear: stems, a mixture taken apart, and what sounds beside them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.conditions import HEARD, Conditions, heard_block
from stembridge.context import Context, load_context
from stembridge.errors import BadArgsError
from stembridge.pipeline.events import OnEvent, Reporter
from stembridge.request import GenerationRequest
from stembridge.roles import MIX, OTHER
from stembridge.runtime.model import StemModel
from stembridge.separation import stems_of
from stembridge.separation.masked import heard_latents, hears_mixtures
from stembridge.stages import Stage


def context_for(
    request: GenerationRequest, model: StemModel, roots: AllowedRoots, report: Reporter
) -> Context:
    """All clips of a request as a model hears them.

    Raises:
        StembridgeError: as `load_context`.
        BadArgsError: what sounds beside the stems is given, and the model hears only its stems.
    """
    if OTHER in request.context_stems and not hears_mixtures(model.manifest):
        raise BadArgsError(
            f"The model '{model.manifest.name}' hears only its own stems, and no other sound. Use "
            "the built-in model, or leave it out."
        )
    reading = partial(report, "read", 0.0)
    separating = partial(report, "separate")
    apart = partial(stems_of, model, tell=separating, steps=request.steps)
    return load_context(request, model.manifest, roots, reading, model.chord_chances, apart)


def reporter_for(request: GenerationRequest, on_event: OnEvent, takes: int) -> Reporter:
    """Who tells the progress of so many takes, and of what comes once before them."""
    once: dict[Stage, bool] = {
        "separate": MIX in request.context_stems,
        "like": request.like is not None,
    }
    return Reporter(on_event, takes, once=[stage for stage, comes in once.items() if comes])


def with_other(
    conditions: Conditions, context: Context, model: StemModel, report: Reporter
) -> Conditions:
    """Conditions that tell of what sounds beside the stems, if anything does.

    As in training, it is heard together with the stems that are given.
    """
    if context.other is None:
        return conditions
    n_samples = conditions.n_frames * model.manifest.hop
    mixture = np.zeros(n_samples, np.float32)
    heard = context.other + context.samples.sum(0)
    mixture[: heard.size] = heard[:n_samples]
    latents = heard_latents(model, mixture, lambda share: report("encode", 1.0))
    frames = conditions.frames.copy()
    frames[:, model.manifest.layout.slices()[HEARD]] = heard_block(latents, context.given)
    return replace(conditions, frames=frames)

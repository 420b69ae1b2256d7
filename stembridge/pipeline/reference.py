"""A request's reference: heard in the model's own terms, or told to it as the sound that it is.

A model that learned from an encoder's embeddings of sounds is told the file's; nothing of it is
heard apart then. Any other model is told what `likeness` hears.
"""

from __future__ import annotations

from collections.abc import Callable

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.audio.buffer import FloatArray
from stembridge.context.mono import find_downmix
from stembridge.context.probe import open_context
from stembridge.inference.codec import ignore_share
from stembridge.inference.told import heard_sound
from stembridge.pipeline.likeness import LONGEST_S, Likeness, hear_likeness
from stembridge.request import GenerationRequest
from stembridge.runtime.manifest import Manifest
from stembridge.runtime.model import StemModel


def hear_reference(
    request: GenerationRequest,
    model: StemModel,
    roots: AllowedRoots,
    tell: Callable[[float], None] = ignore_share,
) -> tuple[Likeness | None, FloatArray | None]:
    """What a request's reference is heard as, or the row `[E]` that the model is told of it.

    Args:
        request: names it.
        model: whose terms count.
        roots: the folders it may lie in.
        tell: told the share that is done; may raise to stop.

    Raises:
        NoSuchFileError, PathDeniedError, BadAudioError: the file is no sound that may be read.
        BadArgsError: the model is told sounds, and the environment does not name its encoder.
    """
    if not model.manifest.is_told_sounds or request.like is None:
        return hear_likeness(request, model, roots, tell), None
    tell(0.0)
    told = _told(request.like, model.manifest, roots)
    return (Likeness(request.like, silent=True) if told is None else None), told


def _told(path: str, manifest: Manifest, roots: AllowedRoots) -> FloatArray | None:
    """Of the middle of a file."""
    with open_context(path, roots) as file:
        longest = round(LONGEST_S * file.sample_rate)
        sound = file.read(max(0, file.n_samples - longest) // 2, longest)
    return heard_sound(manifest, find_downmix([sound], sound.n_channels)(sound), sound.sample_rate)

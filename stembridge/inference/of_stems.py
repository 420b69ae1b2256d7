"""A model of mixtures that is told what sounds in them (GMSDI), asked for stems.

It makes one sound of what it is told. Asked for stems, it makes each by a chain of its own that is
told that stem alone; a last chain, of their mixture, is told all that sounds, and they pull at each
other (`diffusion.chains.couple`). "bass+drums" is one chain of both, so any partition of the stems
can be asked for; a single chain with nothing given is what the model was trained to make.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from pydantic import PrivateAttr

from stembridge.conditions import Conditions
from stembridge.diffusion.inpaint import Known
from stembridge.diffusion.types import StepInfo
from stembridge.inference.infer import infer
from stembridge.inference.settings import Settings
from stembridge.roles import JOIN, members
from stembridge.runtime.manifest import Manifest
from stembridge.runtime.model import FloatArray, StemModel


@dataclass(frozen=True)
class Chain:
    """What one chain is told.

    Attributes:
        told: the conditions of every frame [K].
        avoided: those it is led away from [K]; None: from being told nothing.
    """

    told: FloatArray
    avoided: FloatArray | None = None


class _AskedManifest(Manifest):
    """A manifest with the stems of a request; it is the same artifact's."""

    _identity: str = PrivateAttr(default="")

    @classmethod
    def of(cls, manifest: Manifest, stems: tuple[str, ...]) -> Manifest:
        asked = cls.model_construct(**{**dict(manifest), "stems": stems})
        asked._identity = manifest.artifact_sha256
        return asked

    @property
    def artifact_sha256(self) -> str:
        return self._identity

    @property
    def is_told_stems(self) -> bool:
        return True  # though it names several now


class OfStems:
    """Implements `runtime.model.StemModel`: every stem goes through the one codec of the model."""

    def __init__(self, model: StemModel, generate: Sequence[str]) -> None:
        own = model.manifest
        groups = tuple(s for s in generate if JOIN in s and set(members(s)) <= set(own.makes))
        self._model, self._own = model, own.stems[0]
        self.manifest = _AskedManifest.of(own, (*own.makes, *groups))
        self.style_chances, self.chord_chances = model.style_chances, model.chord_chances
        self.denoise, self.read_notes, self.close = model.denoise, model.read_notes, model.close

    @property
    def device(self) -> str:
        """Where it runs."""
        return self._model.device

    def encode(self, stem: str, audio: FloatArray) -> FloatArray:
        """As the model does its mixture."""
        return self._model.encode(self._own, audio)

    def decode(self, stem: str, latents: FloatArray) -> FloatArray:
        """As the model does its mixture."""
        return self._model.decode(self._own, latents)


def of_stems(model: StemModel, generate: Sequence[str]) -> StemModel:
    """The model as one of stems, if it is of mixtures that are told what sounds in them."""
    return OfStems(model, generate) if model.manifest.is_told_stems else model


def infer_stems(
    model: StemModel,
    conditions: Conditions,
    known: Known,
    settings: Settings,
    seeds: list[int],
    made: Sequence[str],
    chains: Sequence[Chain],
    callback: Callable[[StepInfo], None] | None = None,
) -> FloatArray:
    """`infer` for any model: by chains, where it makes stems so; else it is told the only chain.

    Args:
        model: an open one; by chains, `of_stems`.
        conditions: what it is told, for models that make stems themselves.
        known: given latents.
        settings: how.
        seeds: one per item B.
        made: the stems of the chains, in their order.
        chains: of each of these, then of their mixture; or what a model of stems is told as well.
        callback: told before every network call; may raise to stop.

    Returns:
        Latents [B, S, C, F].
    """
    if not isinstance(model, OfStems):
        conditions, away = told_also(conditions, chains)
        return infer(model, conditions, known, settings, seeds, away=away, callback=callback)
    n_frames = conditions.n_frames
    told = tuple(throughout(chain.told, n_frames) for chain in chains)
    avoided = [chain.avoided for chain in chains]
    negatives = tuple(None if one is None else throughout(one, n_frames) for one in avoided)
    found = infer(
        model, conditions, known, settings, seeds, chains=told,
        negatives=negatives if any(one is not None for one in avoided) else (), callback=callback,
    )  # fmt: skip
    latents = np.repeat(known.latents * known.mask[:, :, None], len(seeds), axis=0)
    for i, stem in enumerate(made):
        latents[:, model.manifest.stem_index(stem)] = found[:, i]
    return latents


def told_also(
    conditions: Conditions, chains: Sequence[Chain]
) -> tuple[Conditions, FloatArray | None]:
    """Conditions of a model of stems with what else it is told; and what it is led away from."""
    away = None
    for chain in chains:
        frames = conditions.frames + chain.told[:, None]
        conditions, away = replace(conditions, frames=frames), chain.avoided
    return conditions, away


def throughout(vector: FloatArray, n_frames: int) -> Conditions:
    """The same in every frame."""
    return Conditions(np.repeat(vector[None, :, None], n_frames, axis=2))

"""Which ways there are to take a mixture apart, and which of them a model can go."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.errors import BadArgsError
from stembridge.runtime.manifest import Manifest
from stembridge.runtime.model import StemModel
from stembridge.separation.chains import (
    ALONE,
    Sampled,
    sampled,
    settings_for_chains,
)
from stembridge.separation.masked import Masked, hears_mixtures, is_told_mixtures, listen
from stembridge.separation.mixture import Mixture, Report, mixture_of
from stembridge.separation.parts import in_parts
from stembridge.stages import MASKED, TAKE, Shares, within


def method_for(manifest: Manifest, wanted: str | None) -> str:
    """The method that is wanted, or the one that suits the model.

    Raises:
        BadArgsError: the model cannot separate, or not in that way.
    """
    able = ["mask"] if hears_mixtures(manifest) or is_told_mixtures(manifest) else []
    if manifest.latents_add_up:
        able += ["dirac", *ALONE] if manifest.is_told_stems else ["dirac", "gaussian"]
    if len(manifest.makes) == 1:
        able = []  # a model of whole mixtures knows of no stem in them
    if not able:
        raise BadArgsError(
            f"The model '{manifest.name}' cannot take a mix apart: it was not trained to hear "
            "mixtures, and its latents do not add up as sounds do. Use the built-in model."
        )
    if wanted is not None and wanted not in able:
        need = {"mask": "a model that was trained to hear mixtures"}.get(wanted) or (
            "GMSDI's model" if wanted in ALONE else "a waveform model of several stems"
        )
        raise BadArgsError(
            f"The method '{wanted}' needs {need}, which '{manifest.name}' is not; it can do "
            f"{' and '.join(able)}."
        )
    return wanted or able[0]


def shares_of(manifest: Manifest, method: str) -> Shares:
    """When the stages of a method begin and end; where it samples, they are as in a take."""
    return MASKED if method == "mask" and hears_mixtures(manifest) else TAKE


def stems_of(
    model: StemModel,
    samples: FloatArray,
    tell: Callable[[float], None],
    steps: int | None = None,
) -> FloatArray:
    """A mixture `[n]` at the model's rate as its stems `[S, n]`, which add up to it.

    Args:
        model: open.
        samples: the mixture.
        tell: told the share that is done; may raise to stop.
        steps: of dirac and gaussian.

    Raises:
        BadArgsError: the model cannot separate.
    """
    method, mixture = method_for(model.manifest, None), mixture_of(samples, model.manifest)
    if mixture.silent:
        return np.zeros((len(model.manifest.makes), samples.size), np.float32)
    report = within(shares_of(model.manifest, method), tell)
    work = separator(model, mixture, method, report, steps=steps)
    made = [part.stems[:, 0] for part in in_parts(mixture.file, work)]
    return np.concatenate(made, axis=-1)


def separator(
    model: StemModel,
    mixture: Mixture,
    method: str,
    report: Report,
    *,
    seed: int = 0,
    steps: int | None = None,
) -> Masked | Sampled:
    """What takes a mixture apart; the network's part of it is done when this returns.

    Args:
        model: open.
        mixture: open.
        method: `method_for` the model.
        report: told of the work, also while parts are made; may raise to stop.
        seed: of the noise.
        steps: of dirac and gaussian.
    """
    if method == "mask":
        latents = listen(model, mixture.heard, seed, report)
        return Masked(model, mixture, latents, partial(report, "decode"))
    settings = settings_for_chains(model.manifest, method, steps)
    return sampled(model, mixture, settings, seed, report)

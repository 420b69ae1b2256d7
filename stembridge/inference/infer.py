"""Known latents, conditions, settings and noise to latents: the one place that samples a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from stembridge.conditions import Conditions
from stembridge.diffusion.guidance import classifier_free
from stembridge.diffusion.inpaint import Known
from stembridge.diffusion.noise import FrameNoise
from stembridge.diffusion.procedures import NEEDS, PROCEDURES, Sampling
from stembridge.diffusion.time_shift import time_shifted
from stembridge.diffusion.types import Denoiser, StepInfo
from stembridge.diffusion.windows import Windows
from stembridge.errors import BadArgsError
from stembridge.inference.settings import Settings
from stembridge.runtime.manifest import Manifest
from stembridge.runtime.model import FloatArray, StemModel

SHIFT_ABOVE = 2.0  # of the latents' deviation: what sounds when is decided there


def infer(
    model: StemModel,
    conditions: Conditions,
    known: Known,
    settings: Settings,
    seeds: list[int],
    *,
    start: FloatArray | None = None,
    mixture: FloatArray | None = None,
    chains: tuple[Conditions, ...] = (),
    negatives: tuple[Conditions | None, ...] = (),
    away: FloatArray | None = None,
    callback: Callable[[StepInfo], None] | None = None,
) -> FloatArray:
    """Sample a model.

    Args:
        model: an open one.
        conditions: what it is told, over all F frames.
        known: given latents [B or 1, S, C, F]; see `codec.hear`.
        settings: how, and by which procedure.
        seeds: one per item B; each fixes the noise of its take.
        start: latents to start from, for procedures that can (see `Sampling`, also below).
        mixture: latents of what is to be taken apart.
        chains: conditions of each chain of a network of single stems.
        negatives: conditions that each chain is guided away from, see `Sampling`.
        away: [K] that guidance leads away from, without chains; None: from being told nothing.
        callback: told before every network call; may raise to stop.

    Returns:
        Latents [B, S, C, F].

    Raises:
        BadArgsError: the procedure needs what is not there.
    """
    manifest, procedure = model.manifest, PROCEDURES[settings.procedure]
    sampling = Sampling(
        conditions,
        replace(known, resamples=settings.resamples),
        FrameNoise(seeds, len(chains) or manifest.n_stems, manifest.latent_channels),
        settings.sigmas,
        windows_of(manifest, conditions, loop=settings.loop),
        settings.sampler,
        settings.churn,
        settings.eta,
        start,
        mixture,
        chains,
        negatives,
        settings.guidance,
    )
    if lacking := procedure.lacking(sampling, manifest.latents_add_up):
        words = " and ".join(NEEDS[need] for need in lacking)
        raise BadArgsError(
            f"'{settings.procedure}' needs {words}, which the model '{manifest.name}' or the "
            "request does not give. Use another model or procedure."
        )
    shares = [] if chains else [settings.shift.get(stem, 1.0) for stem in manifest.stems]
    D = time_shifted(_denoiser(model), shares, SHIFT_ABOVE * manifest.sigma_data)
    # Chains with negatives guide it themselves.
    other = Conditions.unknown if away is None else partial(_only, away)
    D = D if negatives else classifier_free(D, settings.guidance, unconditional=other)
    made: FloatArray = procedure.run(D, sampling, callback)
    return made


def _only(vector: FloatArray, conditions: Conditions) -> Conditions:
    """Conditions that tell of nothing but a vector [K]."""
    return replace(conditions, frames=conditions.frames * 0.0 + vector[:, None])


def shares(report: Callable[[float], None]) -> Callable[[StepInfo], None]:
    """A callback that tells the share of the network calls that is done."""
    return lambda step: report(step.call / step.n_calls)


def windows_of(manifest: Manifest, conditions: Conditions, *, loop: bool = False) -> Windows:
    """How a model's windows share out a piece; together where harmony holds them together."""
    return Windows(
        manifest.window_frames,
        manifest.overlap_frames,
        manifest.frame_multiple,
        together=conditions.harmony,
        circular=loop,
        whole=manifest.whole_window,
    )


def _denoiser(model: StemModel) -> Denoiser:
    """The model as the diffusion functions call it."""

    def denoise(x: FloatArray, sigma: FloatArray, conditions: Conditions) -> FloatArray:
        more = () if conditions.tokens is None else (conditions.tokens,)
        return model.denoise(x, sigma, conditions.frames, *more)

    return denoise

"""How a model is sampled: somebody's own wishes where there are some, its habits elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from stembridge.diffusion.samplers import DEFAULT_STEPS
from stembridge.diffusion.schedule import karras_sigmas
from stembridge.runtime.manifest import Manifest


@dataclass(frozen=True)
class Settings:
    """What sampling is run with.

    Attributes:
        sampler: name in `SAMPLERS`.
        steps: its number of steps.
        sigmas: its noise levels.
        guidance: pull of the conditions; 1 is none beyond what was trained.
        procedure: name in `PROCEDURES`.
        loop: the end is to flow into the start.
    """

    sampler: str
    steps: int
    sigmas: tuple[float, ...]
    guidance: float
    procedure: str = "generate"
    loop: bool = False


def settings_of(
    manifest: Manifest,
    sampler: str | None = None,
    steps: int | None = None,
    guidance: float | None = None,
) -> Settings:
    """Settings for a model; None is its own habit.

    Steps that are not named are the model's for its own sampler, and another sampler's own.
    """
    habit = manifest.sampler
    sampler = sampler or habit.name
    steps = steps or (habit.steps if sampler == habit.name else DEFAULT_STEPS[sampler])
    sigmas = karras_sigmas(steps, manifest.sigma_min, manifest.sigma_max, habit.rho)
    return Settings(sampler, steps, tuple(sigmas), habit.guidance if guidance is None else guidance)

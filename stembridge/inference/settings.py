"""How a model is sampled: somebody's own wishes where there are some, its habits elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stembridge.diffusion.samplers import DEFAULT_STEPS
from stembridge.diffusion.schedule import ddim_sigmas, karras_sigmas
from stembridge.runtime.manifest import Manifest, SamplerDefaults


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
        churn, eta: amount of fresh noise, see `diffusion.samplers.solver`.
        resamples: how often each step is made, where something is given.
        shift: stem -> share of its noise that the network is told, see `diffusion.time_shift`.
    """

    sampler: str
    steps: int
    sigmas: tuple[float, ...]
    guidance: float
    procedure: str = "generate"
    loop: bool = False
    churn: float | None = None
    eta: float | None = None
    resamples: int = 1
    shift: Mapping[str, float] = field(default_factory=dict)


def settings_of(
    manifest: Manifest,
    sampler: str | None = None,
    steps: int | None = None,
    guidance: float | None = None,
    *,
    purpose: str = "generate",
) -> Settings:
    """Settings for a model; None is its own habit.

    Args:
        manifest: the model's; has a habit for some purposes, see `Manifest.habit`.
        sampler: another one has amounts of noise of its own, and its own steps if none are named.
        steps: of the sampler.
        guidance: pull of the conditions.
        purpose: "generate", "partial" (some stems are given), or a procedure.
    """
    habit = manifest.habit(purpose)
    own = sampler in (None, habit.name)
    name = sampler or habit.name
    steps = steps or (habit.steps if own else DEFAULT_STEPS[name])
    return Settings(
        name, steps, _sigmas(manifest, habit, steps, own),
        habit.guidance if guidance is None else guidance,
        procedure="generate" if purpose == "partial" else purpose,
        churn=habit.churn if own else None,
        eta=habit.eta if own else None,
        resamples=habit.resamples,
        shift=habit.shift if own else {},
    )  # fmt: skip


def _sigmas(manifest: Manifest, habit: SamplerDefaults, steps: int, own: bool) -> tuple[float, ...]:
    """The levels of a run: DDIM's, if that is the habit and its sampler is used, or Karras's."""
    if own and habit.schedule == "ddim":
        return tuple(ddim_sigmas(steps))
    low, high = habit.sigma_min or manifest.sigma_min, habit.sigma_max or manifest.sigma_max
    return tuple(karras_sigmas(steps, low, high, habit.rho))

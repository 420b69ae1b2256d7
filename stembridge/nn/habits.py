"""How a system of the papers is trained and sampled: numbers that belong to a preset.

What a manifest keeps of it is `Habit`, so that whoever serves or evaluates an artifact later uses
the setting that its paper used.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Uniform:
    """Noise levels of training, even between two."""

    low: float
    high: float


@dataclass(frozen=True)
class LogNormal:
    """Noise levels of training whose natural logarithm is normal."""

    mean: float
    deviation: float


@dataclass(frozen=True)
class Ddpm:
    """Noise levels of training: those of a DDPM's thousand steps, each as often."""


@dataclass(frozen=True)
class Learning:
    """How a denoiser learns; the optimiser is Adam, unless weights decay (AdamW).

    Attributes:
        noise: levels it learns to remove.
        learning_rate, betas, weight_decay: of the optimiser.
        batch: windows per step.
        steps: length of a run.
        warmup: steps of linear warm-up.
        ema: decay of the averaged weights; 0 exports the weights themselves.
        drop: probability that an item is told nothing of its condition.
    """

    noise: Uniform | LogNormal | Ddpm
    learning_rate: float
    batch: int
    steps: int
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.0
    warmup: int = 1
    ema: float = 0.0
    drop: float = 0.0


@dataclass(frozen=True)
class Habit:
    """How it is sampled for one purpose; None is the sampler's or the model's own.

    Attributes:
        sampler: name in `diffusion.SAMPLERS`.
        steps: of it.
        churn: fresh noise over the whole run (EDM's S_churn).
        eta: share of the noise that each step draws anew (DDIM's eta), for ancestral samplers.
        resamples: passes per step (RePaint's R; MSDM's correction steps where it separates).
        rho: how levels crowd towards 0.
        sigma_min, sigma_max: ends of the schedule.
        guidance: pull of the conditions.
        schedule: whose levels: Karras's, or those of DDIM.
    """

    sampler: str = "euler"
    steps: int = 150
    churn: float | None = None
    eta: float | None = None
    resamples: int = 1
    rho: float = 7.0
    sigma_min: float | None = None
    sigma_max: float | None = None
    guidance: float = 1.0
    schedule: Literal["karras", "ddim"] = "karras"

    def manifest_fields(self) -> dict[str, Any]:
        """As `SamplerDefaults` of a manifest."""
        fields = asdict(self)
        return {"name": fields.pop("sampler")} | fields

"""The few types the diffusion functions share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from stembridge.conditions import Conditions

Array: TypeAlias = Any
"""A numpy array or a torch tensor, float32; the functions only use what both understand."""

Denoiser: TypeAlias = Callable[[Array, Array, Conditions], Array]
"""D(x [B, S, C, F], sigma [B, S, F], conditions) -> denoised [B, S, C, F]."""

Noise: TypeAlias = Callable[[], Array]
"""Fresh unit Gaussian noise shaped like x, from the caller's seeded generator."""


@dataclass(frozen=True)
class StepInfo:
    """Where sampling stands, told before every network call.

    Attributes:
        call: network calls already made.
        n_calls: network calls in all.
        sigma: noise level of the coming call.
    """

    call: int
    n_calls: int
    sigma: float


Callback: TypeAlias = Callable[[StepInfo], None]
"""Progress; it may raise CancelledError, so a cancel takes effect within one network call."""


class Sampler(Protocol):
    """What `SAMPLERS` holds."""

    def __call__(
        self,
        D: Denoiser,
        x: Array,
        sigmas: list[float],
        conditions: Conditions,
        *,
        known: Any = None,
        noise: Noise | None = None,
        callback: Callback | None = None,
    ) -> Array:
        """Denoise x [B, S, C, F], which holds noise of level sigmas[0], down to sigmas[-1]."""
        ...

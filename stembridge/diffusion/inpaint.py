"""Hold given latents in place while the rest is sampled: whole stems, or stretches of time.

Two ways to show a network what is given:

    clean       the given latents are put in without noise, and `sigma` says so frame by frame.
                For networks trained with a noise level per stem (TD-Paint style).
    imputation  before every step the given latents are put in with fresh noise of the current
                level, and the network sees one level everywhere. Works with any network; this is
                what MSDM and MSLDM do, with `resamples` = 1. More resamples (RePaint, arXiv
                2201.09865) repeat each step after adding its noise back, so that the made part
                can adapt to the given one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import Literal

from stembridge.conditions import Conditions
from stembridge.diffusion.types import Array, Callback, Denoiser, Noise, StepInfo


@dataclass(frozen=True)
class Known:
    """What is given.

    Attributes:
        latents: [B, S, C, F]; values outside the mask are never looked at, but must be finite.
        mask: [B, S, F], exactly 1 where given and 0 where to be made.
        mode: how the network is shown it, see the module.
        sigma_context: level announced for given frames in clean mode.
        resamples: how often each step is made (R of RePaint's Algorithm 1).

    B may be 1 for a whole batch.
    """

    latents: Array
    mask: Array
    mode: Literal["clean", "imputation"] = "clean"
    sigma_context: float = 0.0
    resamples: int = 1


@dataclass(frozen=True)
class Step:
    """One step of a sampler: from `sigma` to `sigma_next`; `redo` if it will be made again."""

    sigma: float
    sigma_next: float
    redo: bool


class Hold:
    """One sampling run: applies what is known, calls the network, tells the progress.

    Samplers walk through `steps`, `put` the given latents into x, call `denoise`, and end each
    step with `again` and the run with `finish`.
    """

    def __init__(
        self,
        D: Denoiser,
        x: Array,
        conditions: Conditions,
        known: Known | None,
        noise: Noise | None,
        callback: Callback | None,
    ) -> None:
        self._D, self._conditions, self._known = D, conditions, known
        self._noise, self._callback = noise, callback
        self._zeros = x[:, :, 0] * 0.0  # [B, S, F], of x's own kind and on its device
        self._call = self._n_calls = 0
        self._epsilon: Array = 0.0
        self.repeats = 1 if known is None else known.resamples
        if known is not None:
            self._mask = known.mask[:, :, None]
            self._kept = 1.0 - self._mask
            self._given = self._mask * known.latents
            self._free = 1.0 - known.mask

    @property
    def _imputes(self) -> bool:
        return self._known is not None and self._known.mode == "imputation"

    def noise(self) -> Array:
        """Fresh noise like x."""
        if self._noise is None:
            raise ValueError("this sampler or this way of holding stems needs a source of noise")
        return self._noise()

    def steps(self, sigmas: list[float], calls_per_step: int = 1) -> Iterator[Step]:
        """The steps between the levels, each `resamples` times; never one from 0 downwards.

        `calls_per_step` counts the network calls of a step that does not end at 0, where every
        sampler makes one.
        """
        pairs = list(pairwise(sigmas))
        self._n_calls = self.repeats * sum(calls_per_step if low > 0 else 1 for _, low in pairs)
        for sigma, sigma_next in pairs:
            if self._imputes:
                self._epsilon = self._mask * self.noise()
            for repeat in range(self.repeats):
                yield Step(sigma, sigma_next, redo=repeat < self.repeats - 1)

    def put(self, x: Array, sigma: float) -> Array:
        """Return x with the given latents in place, noised to sigma if they are imputed."""
        if self._known is None:
            return x
        if self._imputes:
            return self._given + sigma * self._epsilon + self._kept * x
        return self._given + self._kept * x

    def denoise(self, x: Array, sigma: float) -> Array:
        """One network call at level sigma."""
        if self._callback is not None:
            self._callback(StepInfo(self._call, self._n_calls, sigma))
        self._call += 1
        if self._known is None or self._imputes:
            return self._D(x, self._zeros + sigma, self._conditions)
        levels = (self._zeros + sigma) * self._free + self._known.sigma_context * self._known.mask
        return self._D(self.put(x, sigma), levels, self._conditions)

    def again(self, x: Array, step: Step) -> Array:
        """Return x at sigma_next, noised back to sigma if the step is to be made again."""
        if not step.redo:
            return x
        return x + sqrt(step.sigma**2 - step.sigma_next**2) * self.noise()

    def finish(self, x: Array) -> Array:
        """Return x with the given latents exactly as they were given."""
        return x if self._known is None else self._given + self._kept * x

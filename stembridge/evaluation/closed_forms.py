"""Every procedure against the exact answer, on stems whose denoiser has a closed form.

Four jointly Gaussian stems, x ~ N(0, P) in every frame and channel, have

    D(x, sigma) = P (P + diag(sigma^2))^-1 x

so that samples of a procedure can be held against exact conditional means and covariances:

    partial       x_J given x_I:       P_JI P_II^-1 x_I,              P_JJ - P_JI P_II^-1 P_IJ
    separate      x given 1'x = y:     P 1 y / (1'P1),                P - P 1 1'P / (1'P1)
    extract       x_k given the sum of it and an independent rest:    v_k y / v,   v_k (v - v_k) / v
    coupled       product of the stems' priors and the mixture's:     (diag(1/v) + 11'/m)^-1
    ancestral     each step is linear: the variance of the recursion itself

Some are exact but for the steps' length, others only approximate: what is imputed bears noise of
its own, Dirac's constrained stem that of all others. Those are marked: their distance is a figure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stembridge.conditions import Conditions
from stembridge.diffusion import PROCEDURES, FrameNoise, Known, Sampling, Windows, karras_sigmas
from stembridge.diffusion.ancestral import split
from stembridge.diffusion.types import Denoiser

Array = NDArray[np.floating]

P = np.array(
    [[1.0, 0.5, 0.3, 0.2], [0.5, 0.8, 0.1, 0.3], [0.3, 0.1, 0.6, 0.4], [0.2, 0.3, 0.4, 0.9]]
)
"""Covariance of the stems."""
V = np.diag(P)
Y, GIVEN, MIXTURE_VARIANCE = 1.5, 0.9, 2.5
F = 64  # frames; as many channels make 4096 samples of one seed


@dataclass(frozen=True)
class ClosedFormRow:
    """One procedure and what came of it.

    Attributes:
        name: of the procedure and its setting.
        exact: whether only the steps' length keeps it from the exact answer.
        mean_off, mean_error: largest distance of a stem's mean, and Monte Carlo's standard error.
        covariance_off, covariance_error: the same of an entry of the covariance.
        sum_off: largest distance of a sample's sum from the mixture; None where there is none.
    """

    name: str
    exact: bool
    mean_off: float
    mean_error: float
    covariance_off: float
    covariance_error: float
    sum_off: float | None = None


def joint(covariance: Array) -> Denoiser:
    """D of stems that are correlated in every frame; every stem of a frame has its own sigma."""

    def denoise(x: Array, sigma: Array, conditions: Conditions) -> Array:
        noise = np.square(sigma[0]).T[:, :, None] * np.eye(len(covariance))  # [F, S, S]
        gain = covariance @ np.linalg.inv(covariance + noise)
        return np.einsum("fst,btcf->bscf", gain, x).astype(np.float32)

    return denoise


def single(variances: Sequence[float]) -> Denoiser:
    """A network of single stems: the condition's value says which of the variances is meant."""

    def denoise(x: Array, sigma: Array, conditions: Conditions) -> Array:
        v = variances[int(conditions.frames[0, 0, 0])]
        return (x * (v / (v + sigma[:, :, None] ** 2))).astype(np.float32)

    return denoise


def given_some(stems: Sequence[int], value: float, covariance: Array = P) -> tuple[Array, Array]:
    """Mean and covariance of the other stems where `stems` are `value`; theirs are exact zeros."""
    free = [k for k in range(len(covariance)) if k not in stems]
    gain = covariance[np.ix_(free, stems)] @ np.linalg.inv(covariance[np.ix_(stems, stems)])
    mean, left = np.full(len(covariance), value), np.zeros_like(covariance)
    mean[free] = gain @ np.full(len(stems), value)
    left[np.ix_(free, free)] = (
        covariance[np.ix_(free, free)] - gain @ covariance[np.ix_(stems, free)]
    )
    return mean, left


def given_sum(covariance: Array) -> tuple[Array, Array]:
    """Mean and covariance of the stems where their sum is Y."""
    share = covariance.sum(0) / covariance.sum()
    return share * Y, covariance - np.outer(covariance.sum(0), share)


def each_given_sum() -> tuple[Array, Array]:
    """The same for every stem by itself against an independent rest; no two know of each other."""
    return V / V.sum() * Y, np.diag(V * (V.sum() - V) / V.sum())


def of_product(given: float = 0.0, n_given: int = 0) -> tuple[Array, Array]:
    """Free stems under their priors times the mixture's, of which some stems are given."""
    v = V[n_given:]
    covariance: Array = np.linalg.inv(np.diag(1 / v) + 1 / MIXTURE_VARIANCE)
    mean: Array = -covariance.sum(1) * n_given * given / MIXTURE_VARIANCE
    return mean, covariance


def ancestral_variance(sigmas: Sequence[float], eta: float, v: float) -> float:
    """Of the sampler's own recursion on N(0, v)."""
    variance = sigmas[0] ** 2
    for sigma, sigma_next in pairwise(sigmas):
        down, up = split(sigma, sigma_next, eta)
        kept = v / (v + sigma**2)
        variance = (kept + down / sigma * (1 - kept)) ** 2 * variance + up**2
    return variance


@dataclass(frozen=True)
class ClosedForm:
    """A procedure to be held against an exact answer.

    Attributes:
        name: see `ClosedFormRow`.
        procedure: key of PROCEDURES.
        D: denoiser.
        mean, covariance: of the stems that are compared, the exact answer.
        changes: fields of the sampling.
        first: of the result's stems that are compared.
        exact: see `ClosedFormRow`.
        target: what the sum of the result's stems should be, if anything.
    """

    name: str
    procedure: str
    D: Denoiser
    mean: Array
    covariance: Array
    changes: dict[str, Any]
    first: int = 0
    exact: bool = True
    target: float | None = None


def measured(trial: ClosedForm, n_samples: int, seed: int) -> ClosedFormRow:
    """Samples a trial's procedure and compares."""
    channels = -(-n_samples // F)
    chains = trial.changes.get("chains", ())
    nothing = Known(np.zeros((1, 4, channels, F), np.float32), np.zeros((1, 4, F), np.float32))
    changes = dict(trial.changes)
    if "known" in changes:
        changes["known"] = changes["known"](nothing)
    if "mixture" in changes:
        changes["mixture"] = np.full((1, channels, F), Y, np.float32)
    told = Conditions(np.zeros((1, 1, F), np.float32))
    plain = Sampling(
        told, nothing, FrameNoise([seed], len(chains) or 4, channels), (), Windows(F, 0)
    )
    sampling = replace(plain, **changes)
    made = PROCEDURES[trial.procedure].run(trial.D, sampling, None)[0]
    samples = (
        made[trial.first : trial.first + len(trial.mean)]
        .reshape(len(trial.mean), -1)
        .astype(np.float64)
    )
    n, exact = samples.shape[1], trial.covariance
    found = np.cov(samples)
    spread = np.sqrt((np.outer(np.diag(exact), np.diag(exact)) + exact**2) / n)
    return ClosedFormRow(
        trial.name, trial.exact,
        float(np.abs(samples.mean(1) - trial.mean).max()),
        float(np.sqrt(np.diag(exact).max() / n)),
        float(np.abs(found - exact).max()), float(spread.max()),
        None if trial.target is None else float(np.abs(samples.sum(0) - trial.target).max()),
    )  # fmt: skip


def _flags(*values: int) -> tuple[Conditions, ...]:
    return tuple(Conditions(np.full((1, 1, F), value, np.float32)) for value in values)


def _first_given(
    mode: Literal["clean", "imputation"], resamples: int = 1, n: int = 1
) -> Callable[[Known], Known]:
    def known(nothing: Known) -> Known:
        latents, mask = nothing.latents.copy(), nothing.mask.copy()
        latents[:, :n], mask[:, :n] = GIVEN, 1.0
        return Known(latents, mask, mode, 0.0, resamples)

    return known


def trials(steps: int) -> list[ClosedForm]:
    """All of them, at so many steps."""
    return [*_generated(steps), *_completed(steps), *_separated(steps), *_coupled(steps)]


def _generated(steps: int) -> list[ClosedForm]:
    nothing, sigmas = np.zeros(4), karras_sigmas(steps, 0.005, 40.0)
    rows = [
        ClosedForm(f"generate, {name}", "generate", joint(P), nothing, P,
              {"sigmas": sigmas, "sampler": name, **more})
        for name, more in (
            ("heun", {}), ("dpmpp_2m", {}), ("adpm2", {}), ("euler", {"churn": 20.0}),
        )
    ]  # fmt: skip
    for eta in (0.0, 0.5, 1.0):
        v = np.diag([ancestral_variance(sigmas, eta, V[k]) for k in range(4)])
        changes = {"sigmas": sigmas, "sampler": "ancestral", "eta": eta}
        name = f"generate, ancestral, eta {eta:g} (variance of its own recursion)"
        rows.append(ClosedForm(name, "generate", joint(np.diag(V)), nothing, v, changes))
    return rows


def _completed(steps: int) -> list[ClosedForm]:
    mean, left = given_some([0], GIVEN)
    sigmas = karras_sigmas(steps, 0.005, 40.0)
    free, free_left = mean[1:], left[1:, 1:]
    ways = (
        ("clean, heun", "heun", _first_given("clean"), True),
        ("imputation, adpm2", "adpm2", _first_given("imputation"), False),
        ("imputation, euler churn 20, 1 resample", "euler", _first_given("imputation"), False),
        ("imputation, euler churn 20, 4 resamples", "euler", _first_given("imputation", 4), False),
    )
    return [
        ClosedForm(f"partial, {name}", "generate", joint(P), free, free_left,
              {"sigmas": sigmas, "sampler": sampler, "known": known}, 1, exact)
        for name, sampler, known, exact in ways
    ]  # fmt: skip


def _separated(steps: int) -> list[ClosedForm]:
    sigmas = karras_sigmas(steps, 1e-3, 5.0)
    changes = {"sigmas": sigmas, "mixture": True}
    weak = _flags(0, 1, 2, 3)
    against = (*V, *(V.sum() - V))
    eight = {**changes, "chains": _flags(*range(8))}
    return [
        ClosedForm("separate, Dirac", "separate_dirac", joint(P), *given_sum(P), changes,
              exact=False, target=Y),
        ClosedForm("separate, Gaussian", "separate_gaussian", joint(P), *given_sum(P), changes,
              exact=False, target=Y),
        ClosedForm("separate, weak Dirac (four networks)", "separate_dirac", single(tuple(V)),
              *given_sum(np.diag(V)), {**changes, "chains": weak}, exact=False, target=Y),
        ClosedForm("separate, weak Gaussian", "separate_gaussian", single(tuple(V)),
              *given_sum(np.diag(V)), {**changes, "chains": weak}, exact=False, target=Y),
        ClosedForm("GMSDI extractor (14)", "extract", single(against), *each_given_sum(), eight,
              exact=False),
        ClosedForm("GMSDI separator (13), drums constrained", "separate_dirac", single(tuple(V)),
              *given_sum(np.diag(V)), {**changes, "chains": weak, "leftover": 1}, exact=False,
              target=Y),
        ClosedForm("GMSDI ensemble", "ensemble", single(against), *each_given_sum(), eight,
              exact=False),
    ]  # fmt: skip


def _coupled(steps: int) -> list[ClosedForm]:
    sigmas = karras_sigmas(4 * steps, 1e-3, 10.0)
    network, chains = single((*V, MIXTURE_VARIANCE)), _flags(0, 1, 2, 3, 4)
    changes = {"sigmas": sigmas, "chains": chains}
    return [
        ClosedForm("GMSDI coupled, total (8-11)", "coupled", network, *of_product(), changes,
              exact=False),
        ClosedForm("GMSDI coupled, partial (12)", "coupled", network, *of_product(GIVEN, 1),
              {**changes, "chains": chains[1:], "known": _first_given("clean", n=1)},
              0, exact=False),
    ]  # fmt: skip


def closed_forms(n_samples: int = 4096, steps: int = 100, seed: int = 0) -> list[ClosedFormRow]:
    """The whole table."""
    return [measured(trial, n_samples, seed) for trial in trials(steps)]


def as_text(rows: Sequence[ClosedFormRow]) -> str:
    """The table as aligned text."""
    head = f"{'procedure':58} {'mean off':>9} {'(MC)':>7} {'cov off':>9} {'(MC)':>7} {'sum off':>9}"
    lines = [head]
    for row in rows:
        total = "" if row.sum_off is None else f"{row.sum_off:9.1e}"
        mark = "" if row.exact else " ~"
        lines.append(
            f"{row.name + mark:58} {row.mean_off:9.4f} {row.mean_error:7.4f} "
            f"{row.covariance_off:9.4f} {row.covariance_error:7.4f} {total:>9}"
        )
    lines.append(
        "~ approximate by its making; the others but for the steps' length. MC: one standard"
    )
    lines.append("error of the samples; the largest of all stems is shown.")
    return "\n".join(lines)

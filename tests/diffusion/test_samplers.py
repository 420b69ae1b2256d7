"""Against exact answers: for N(0, sd^2) data the ODE's solution is
x(sigma) = x(sigma_0) sqrt((sd^2 + sigma^2) / (sd^2 + sigma_0^2))."""

from itertools import pairwise
from math import sqrt

import numpy as np
import pytest
from closed_forms import counted, white

from stembridge.diffusion import (
    DEFAULT_STEPS,
    SAMPLERS,
    karras_sigmas,
    sample_dpmpp_2m,
    sample_euler,
    sample_heun,
)
from stembridge.request import SAMPLER_NAMES

SD = 0.4
CONDITIONS = np.zeros((1, 0, 5))


def euler_ode(*args, **kwargs):
    return sample_euler(*args, s_churn=0.0, **kwargs)


def error(sampler, n):
    """Error at sigma_min, where the exact solution is known, with n steps from 3."""
    sigmas = karras_sigmas(n + 1, 0.02, 3.0)[:-1]
    x = np.random.default_rng(1).normal(size=(2, 4, 3, 5)) * 3.0
    exact = x * sqrt((SD**2 + sigmas[-1] ** 2) / (SD**2 + sigmas[0] ** 2))
    return np.abs(sampler(white(SD), x, sigmas, CONDITIONS) - exact).max()


@pytest.mark.parametrize(
    ("sampler", "order"), [(euler_ode, 1), (sample_heun, 2), (sample_dpmpp_2m, 2)]
)
def test_order_of_convergence(sampler, order):
    errors = [error(sampler, n) for n in (80, 160, 320)]
    measured = np.log2(np.array(errors[:-1]) / errors[1:])
    assert measured == pytest.approx([order, order], abs=0.15)


def test_second_order_needs_no_even_steps():
    """Steps of ln(sigma) that alternate 1 : 3, where a wrong ratio of steps would show."""
    errors = []
    for n in (40, 80, 160):
        parts = np.cumsum([0, *([1, 3] * n)]) / (4 * n)
        sigmas = [float(sigma) for sigma in 3.0 * (0.02 / 3.0) ** parts]
        exact = sqrt((SD**2 + sigmas[-1] ** 2) / (SD**2 + sigmas[0] ** 2))
        x = np.ones((1, 1, 1, 5))
        errors.append(np.abs(sample_dpmpp_2m(white(SD), x, sigmas, CONDITIONS) - exact).max())
    assert np.log2(np.array(errors[:-1]) / errors[1:]) == pytest.approx([2, 2], abs=0.15)


def test_fresh_noise_keeps_the_distribution():
    """The reverse SDE has the same marginals as the ODE, however much noise is added anew."""
    rng = np.random.default_rng(5)
    sigmas = karras_sigmas(41, 0.02, 30.0)
    x = 30.0 * rng.normal(size=(4000, 1, 1, 5))
    for eta in (0.5, 1.0):
        made = sample_dpmpp_2m(
            white(SD), x, sigmas, CONDITIONS, noise=lambda: rng.normal(size=x.shape), eta=eta,
            eta_above=0.05,
        )  # fmt: skip
        assert made.std() == pytest.approx(SD, rel=0.03)
        correlation = np.corrcoef(made.ravel(), x.ravel())[0, 1]
        assert abs(correlation) < 0.3  # the ODE's samples are copies of the noise: 1


def test_without_fresh_noise_it_is_the_ode():
    x = np.random.default_rng(6).normal(size=(2, 4, 3, 5)) * 3.0
    sigmas = karras_sigmas(8, 0.02, 3.0)
    plain = sample_dpmpp_2m(white(SD), x, sigmas, CONDITIONS)
    low = sample_dpmpp_2m(white(SD), x, sigmas, CONDITIONS, eta=1.0, eta_above=3.0)
    np.testing.assert_array_equal(plain, low)


def test_heun_with_churn_is_the_papers_algorithm():
    sigmas = karras_sigmas(12, 0.01, 3.0)
    start = np.random.default_rng(3).normal(size=(1, 4, 2, 5)) * 3.0
    rng = np.random.default_rng(7)
    noise = lambda: rng.normal(size=start.shape)  # noqa: E731
    out = sample_heun(white(SD), start, sigmas, CONDITIONS, noise=noise, s_churn=4.0)
    slope = lambda x, sigma: (x - x * SD**2 / (SD**2 + sigma**2)) / sigma  # noqa: E731
    rng, x, gamma = np.random.default_rng(7), start, 4 / 12
    for sigma, sigma_next in pairwise(sigmas):
        sigma_hat = sigma * (1 + gamma)
        x_hat = x + sqrt(sigma_hat**2 - sigma**2) * rng.normal(size=start.shape)
        d = slope(x_hat, sigma_hat)
        x = x_hat + (sigma_next - sigma_hat) * d
        if sigma_next > 0:
            x = x_hat + (sigma_next - sigma_hat) * (d + slope(x, sigma_next)) / 2
    assert out == pytest.approx(x, abs=1e-12)


def test_the_default_sampler_needs_few_steps():
    # 20 calls of DPM-Solver++(2M) beat 150 Euler steps on the same problem.
    assert error(sample_dpmpp_2m, 20) < error(euler_ode, 150)


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_last_step_returns_the_denoised_latents(name):
    last = []

    def denoise(x, sigma, conditions):
        last.append(x * 0.25 + 1.0)
        return last[-1]

    rng = np.random.default_rng(0)
    x = rng.normal(size=(1, 4, 2, 5))
    noise = lambda: rng.normal(size=x.shape)  # noqa: E731
    out = SAMPLERS[name](denoise, x, karras_sigmas(4, 0.01, 3), CONDITIONS, noise=noise)
    assert np.array_equal(out, last[-1])


def test_stochastic_euler_step_by_step_is_the_papers():
    """Recomputed from the equations: churn, derivative, step; with the very same noise."""
    sigmas = karras_sigmas(150, 0.01, 3.0)
    start = np.random.default_rng(3).normal(size=(1, 4, 2, 5)) * 3.0
    denoise, seen = counted(white(SD))
    rng = np.random.default_rng(7)
    out = sample_euler(
        denoise, start, sigmas, CONDITIONS, noise=lambda: rng.normal(size=start.shape), s_churn=20.0
    )
    rng, x, gamma = np.random.default_rng(7), start, min(20 / 150, sqrt(2) - 1)
    for sigma, sigma_next in pairwise(sigmas):
        sigma_hat = sigma * (1 + gamma)
        x_hat = x + sqrt(sigma_hat**2 - sigma**2) * rng.normal(size=start.shape)
        d = (x_hat - x_hat * SD**2 / (SD**2 + sigma_hat**2)) / sigma_hat
        x = x_hat + d * (sigma_next - sigma_hat)
    assert len(seen) == 150
    assert seen[0].max() == pytest.approx(3.0 * (1 + 20 / 150))  # 3.4: no cap in parity mode
    assert out == pytest.approx(x, abs=1e-12)


def test_stochastic_euler_keeps_the_distribution_but_for_its_known_shrinkage():
    """Churn makes the first-order error systematic; the variance obeys an exact recursion."""
    sigmas, gamma = karras_sigmas(150, 0.01, 3.0), 20 / 150
    variance = SD**2 + 3.0**2
    for sigma, sigma_next in pairwise(sigmas):
        sigma_hat = sigma * (1 + gamma)
        kept = SD**2 / (SD**2 + sigma_hat**2)
        factor = kept + sigma_next / sigma_hat * (1 - kept)
        variance = (variance + sigma_hat**2 - sigma**2) * factor**2
    rng = np.random.default_rng(5)
    x = rng.normal(size=(8000, 1, 1, 5)) * sqrt(SD**2 + 3.0**2)
    noise = lambda: rng.normal(size=x.shape)  # noqa: E731
    out = sample_euler(white(SD), x, sigmas, CONDITIONS, noise=noise)
    assert out.std() == pytest.approx(sqrt(variance), rel=0.015)
    assert out.std() == pytest.approx(SD, rel=0.06)


def test_the_raised_level_can_be_capped():
    denoise, seen = counted(white(SD))
    x = np.ones((1, 4, 2, 5))
    sample_euler(
        denoise,
        x,
        karras_sigmas(20, 0.01, 3),
        CONDITIONS,
        noise=lambda: np.ones(x.shape),
        sigma_hat_max=3,
    )
    assert max(level.max() for level in seen) == 3.0


def test_churn_is_bounded_by_the_square_root_of_two():
    denoise, seen = counted(white(SD))
    x = np.ones((1, 4, 2, 5))
    sample_heun(
        denoise, x, [1.0, 0.5, 0.0], CONDITIONS, noise=lambda: np.ones(x.shape), s_churn=1000.0
    )
    assert seen[0].max() == pytest.approx(sqrt(2))


@pytest.mark.parametrize(("name", "calls"), [("euler", 12), ("heun", 23), ("dpmpp_2m", 12)])
def test_network_calls_and_progress(name, calls):
    denoise, seen = counted(white(SD))
    told = []
    x = np.ones((1, 4, 2, 5))
    SAMPLERS[name](
        denoise,
        x,
        karras_sigmas(12, 0.01, 3),
        CONDITIONS,
        noise=lambda: np.zeros(x.shape),
        callback=told.append,
    )
    assert len(seen) == calls
    assert [info.call for info in told] == list(range(calls))
    assert {info.n_calls for info in told} == {calls}
    assert [info.sigma for info in told] == pytest.approx([level.max() for level in seen])


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_callback_may_stop_it_before_the_next_call(name):
    denoise, seen = counted(white(SD))

    def stop(info):
        if info.call == 3:
            raise KeyboardInterrupt

    x = np.ones((1, 4, 2, 5))
    with pytest.raises(KeyboardInterrupt):
        SAMPLERS[name](
            denoise,
            x,
            karras_sigmas(12, 0.01, 3),
            CONDITIONS,
            noise=lambda: np.zeros(x.shape),
            callback=stop,
        )
    assert len(seen) == 3


@pytest.mark.parametrize("name", SAMPLERS)
def test_float32_stays_float32_and_arguments_stay_untouched(name):
    x = np.random.default_rng(0).normal(size=(2, 4, 2, 5)).astype(np.float32)
    before = x.copy()
    noise = np.ones(x.shape, np.float32)
    out = SAMPLERS[name](white(SD), x, karras_sigmas(6, 0.01, 3), CONDITIONS, noise=lambda: noise)
    assert out.dtype == np.float32
    assert np.array_equal(x, before)
    assert (noise == 1).all()


def test_churn_without_a_source_of_noise_is_said():
    with pytest.raises(ValueError, match="noise"):
        sample_euler(white(SD), np.ones((1, 4, 2, 5)), [1.0, 0.0], CONDITIONS)


def test_the_door_the_registry_and_the_defaults_know_the_same_samplers():
    assert set(SAMPLERS) == set(SAMPLER_NAMES) == set(DEFAULT_STEPS)
    assert DEFAULT_STEPS["euler"] == 150


def test_torch_tensors_work_too():
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(2).normal(size=(1, 4, 2, 5)).astype(np.float32)
    sigmas = karras_sigmas(10, 0.01, 3)
    conditions = torch.zeros(1, 0, 5)
    for name in ("heun", "dpmpp_2m"):
        ours = SAMPLERS[name](white(SD), x, sigmas, CONDITIONS)
        theirs = SAMPLERS[name](white(SD), torch.from_numpy(x), sigmas, conditions)
        assert theirs.numpy() == pytest.approx(ours, abs=1e-5)

"""For independent N(0, v) stems the posterior given the mixture y is N(y / K, ...) exactly."""

import numpy as np
import pytest
from closed_forms import white

from stembridge.diffusion import karras_sigmas
from stembridge.diffusion.separate import (
    constrain,
    coupled,
    dirac,
    gaussian,
    independent,
    prior,
    sample_derivative,
)

K, SD = 4, 0.5
CONDITIONS = np.zeros((1, 0, 6))
RNG = np.random.default_rng(21)
Y = RNG.normal(size=(1, 2, 6))
SIGMAS = karras_sigmas(100, 1e-4, 5.0)


def start(takes, n_stems=K):
    return SIGMAS[0] * np.random.default_rng(8).normal(size=(takes, n_stems, 2, 6))


def noise_like(x, seed=9):
    rng = np.random.default_rng(seed)
    return lambda: rng.normal(size=x.shape)


def project(stem):
    return lambda x: constrain(x, Y, stem)


@pytest.mark.parametrize("stem", range(K))
def test_dirac_keeps_the_sum(stem):
    x = start(3)
    before = x.copy()
    out = sample_derivative(
        dirac(prior(white(SD), CONDITIONS), Y, stem),
        x,
        SIGMAS,
        noise=noise_like(x),
        project=project(stem),
    )
    assert out.sum(1) == pytest.approx(np.broadcast_to(Y, (3, 2, 6)), abs=1e-12)
    assert np.array_equal(x, before)


def test_dirac_never_moves_the_constrained_stem_by_itself():
    d = dirac(prior(white(SD), CONDITIONS), Y, 2)(start(1), 0.3)
    assert (d[:, 2] == 0).all()


def test_dirac_is_the_papers_difference_of_scores():
    """At a point on the constraint: d_m = -sigma (S_m(x) - S_c(x))."""
    x, sigma = constrain(start(1), Y, 0), 0.3
    score = (x * SD**2 / (SD**2 + sigma**2) - x) / sigma**2
    d = dirac(prior(white(SD), CONDITIONS), Y, 0)(x, sigma)
    assert d == pytest.approx(-sigma * (score - score[:, :1]))


def test_dirac_samples_have_the_posterior_mean():
    x = start(3000)
    out = sample_derivative(
        dirac(prior(white(SD), CONDITIONS), Y, 0),
        x,
        SIGMAS,
        noise=noise_like(x),
        s_churn=40,
        project=project(0),
    )
    # Posterior of each stem: mean y / K, variance v (1 - 1/K).
    tolerance = 5 * SD * np.sqrt((1 - 1 / K) / 3000)
    assert out.mean(0) == pytest.approx(np.broadcast_to(Y / K, (K, 2, 6)), abs=tolerance)


def test_dirac_follows_the_exact_ode():
    """K = 2: x_1 - y/2 falls in proportion to sd^2 + sigma^2."""
    x = constrain(start(2, 2), Y, 1)
    sigmas = [*np.linspace(5.0, 0.5, 4001)]
    out = sample_derivative(
        dirac(prior(white(SD), CONDITIONS), Y, 1), x, sigmas, s_churn=0, corrections=1
    )
    wanted = Y / 2 + (x[:, 0] - Y / 2) * (SD**2 + 0.5**2) / (SD**2 + 5.0**2)
    assert out[:, 0] == pytest.approx(wanted, abs=2e-3)


def test_gaussian_separator_reaches_the_mixture_and_the_posterior_mean():
    x = start(3000)
    out = sample_derivative(
        gaussian(prior(white(SD), CONDITIONS), Y, 0.75), x, SIGMAS, noise=noise_like(x), s_churn=40
    )
    assert out.sum(1) == pytest.approx(np.broadcast_to(Y, (3000, 2, 6)), abs=0.02)
    tolerance = 5 * SD * np.sqrt((1 - 1 / K) / 3000)
    assert out.mean(0) == pytest.approx(np.broadcast_to(Y / K, (K, 2, 6)), abs=tolerance)


def test_gaussian_coefficient_is_the_codes():
    """g = 0.75: 0.889 / sigma."""
    x, sigma = start(1), 0.3
    s = prior(white(SD), CONDITIONS)
    pull = (gaussian(s, Y)(x, sigma) - s(x, sigma)) * -sigma / (Y - x.sum(1))[:, None]
    assert pull == pytest.approx(np.full(x.shape, 0.8889), abs=1e-4)


def test_independent_chains_equal_the_joint_prior_of_independent_stems():
    told = []

    def denoise(x, sigma, conditions):
        told.append(conditions)
        assert x.shape[1] == sigma.shape[1] == 1
        return white(SD)(x, sigma, conditions)

    x = start(1)
    d = independent(denoise, ["bass", "drums", "guitar", "piano"])(x, 0.7)
    assert d == pytest.approx(prior(white(SD), CONDITIONS)(x, 0.7))
    assert told == ["bass", "drums", "guitar", "piano"]


def test_extractor_is_dirac_of_a_stem_and_the_rest():
    """With unequal variances the posterior mean shares y in their proportion."""

    def denoise(x, sigma, variance):
        return x * variance / (variance + sigma[:, :, None] ** 2)

    x = start(3000, 2)
    out = sample_derivative(
        dirac(independent(denoise, [0.09, 0.27]), Y, 1),
        x,
        SIGMAS,
        noise=noise_like(x),
        s_churn=40,
        corrections=3,
        project=project(1),
    )
    assert out.sum(1) == pytest.approx(np.broadcast_to(Y, (3000, 2, 6)), abs=1e-12)
    share = (out[:, 0].mean(0) * Y[0]).sum() / (Y[0] ** 2).sum()
    assert share == pytest.approx(0.25, abs=0.03)


def test_coupled_chains_agree_with_their_mixture():
    """Stems and mixture end up consistent, and as varied as they should be."""
    x = start(2000, 3)
    denoise = lambda x, sigma, variance: x * variance / (variance + sigma[:, :, None] ** 2)  # noqa: E731
    chains = independent(denoise, [0.25, 0.25, 0.5])
    out = sample_derivative(coupled(chains, 1.0, 1.0), x, SIGMAS, noise=noise_like(x), s_churn=20)
    assert out[:, :2].sum(1) == pytest.approx(out[:, 2], abs=5e-3)
    assert 0.2 < out[:, 0].std() < 0.7
    free = sample_derivative(chains, x, SIGMAS, noise=noise_like(x), s_churn=20)
    assert np.abs(free[:, :2].sum(1) - free[:, 2]).mean() > 0.3


def test_coupled_is_equation_ten():
    x, sigma = start(1, 3), 0.4
    s = prior(white(SD), CONDITIONS)
    d, plain = coupled(s, 0.5, 2.0)(x, sigma), s(x, sigma)
    missing = x[:, 2] - x[:, 0] - x[:, 1]
    assert d[:, 0] == pytest.approx(plain[:, 0] - missing / (0.25 * sigma))
    assert d[:, 1] == pytest.approx(plain[:, 1] - missing / (0.25 * sigma))
    assert d[:, 2] == pytest.approx(plain[:, 2] + missing / (4.0 * sigma))


def test_given_stems_take_their_share_of_the_mixture():
    """Equation 12: with a given stem in the sum, stems and given make up the mixture."""
    x, given_stem = start(500, 3), 2.0 * Y
    rng = np.random.default_rng(4)
    denoise = lambda x, sigma, variance: x * variance / (variance + sigma[:, :, None] ** 2)  # noqa: E731
    out = sample_derivative(
        coupled(
            independent(denoise, [0.25, 0.25, 4.0]),
            1.0,
            1.0,
            lambda sigma: given_stem + sigma * rng.normal(size=(500, 2, 6)),
        ),
        x,
        SIGMAS,
        noise=noise_like(x),
    )
    rest = out[:, 2] - out[:, :2].sum(1)
    assert rest == pytest.approx(np.broadcast_to(given_stem, rest.shape), abs=5e-3)


def test_more_corrections_come_nearer_where_a_coarse_schedule_misses():
    x = start(3000, 2)
    sigmas = karras_sigmas(12, 1e-3, 5.0)
    errors = []
    for corrections in (1, 4):
        out = sample_derivative(
            dirac(prior(white(SD), CONDITIONS), Y, 0),
            x,
            sigmas,
            noise=noise_like(x),
            s_churn=2,
            corrections=corrections,
            project=project(0),
        )
        errors.append(abs(out[:, 1].std(0).mean() - SD * np.sqrt(0.5)))
    assert errors[1] < errors[0]


def test_churn_needs_noise_and_says_so():
    with pytest.raises(ValueError, match="noise"):
        sample_derivative(prior(white(SD), CONDITIONS), start(1), SIGMAS)


def test_without_churn_and_corrections_no_noise_is_drawn():
    out = sample_derivative(
        prior(white(SD), CONDITIONS), start(1), SIGMAS, s_churn=0, corrections=1
    )
    assert np.isfinite(out).all()

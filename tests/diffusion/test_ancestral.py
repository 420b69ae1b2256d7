"""Ancestral samplers against exact variances, DDIM in its own terms, and the papers' library."""

from itertools import pairwise
from math import sqrt

import numpy as np
import pytest
import torch
from closed_forms import joint_stems, white

from stembridge.diffusion import karras_sigmas, sample_adpm2, sample_ancestral
from stembridge.diffusion.ancestral import split
from stembridge.diffusion.inpaint import Known

SD = 0.4
CONDITIONS = np.zeros((1, 0, 1))


def draws(seed, shape):
    rng = np.random.default_rng(seed)
    return lambda: rng.normal(size=shape)


@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
def test_what_is_left_and_what_is_new_make_the_next_level(eta):
    for sigma, sigma_next in pairwise(karras_sigmas(10, 0.01, 3.0)):
        down, up = split(sigma, sigma_next, eta)
        assert down**2 + up**2 == pytest.approx(sigma_next**2)
        if sigma_next > 0:
            assert up == pytest.approx(eta * sigma_next * sqrt(1 - (sigma_next / sigma) ** 2))


def exact_variance(sigmas, eta):
    """Of x on N(0, SD^2) data: every step is linear, so its variance follows exactly."""
    variance = sigmas[0] ** 2
    for sigma, sigma_next in pairwise(sigmas):
        down, up = split(sigma, sigma_next, eta)
        kept = SD**2 / (SD**2 + sigma**2)
        variance = (kept + down / sigma * (1 - kept)) ** 2 * variance + up**2
    return variance


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_the_variance_of_samples_is_the_exact_one(eta):
    sigmas, shape = karras_sigmas(12, 0.02, 3.0), (1, 1, 1, 40_000)
    start = draws(1, shape)() * sigmas[0]
    made = sample_ancestral(white(SD), start, sigmas, CONDITIONS, noise=draws(2, shape), eta=eta)
    # The standard error of a variance of n normal numbers is sqrt(2 / n) of it.
    assert made.var() == pytest.approx(exact_variance(sigmas, eta), rel=4 * sqrt(2 / 40_000))
    fine = exact_variance(karras_sigmas(2000, 0.002, 30.0), eta)
    assert sqrt(fine) == pytest.approx(SD, rel=5e-3)


@pytest.mark.parametrize("sampler", [sample_ancestral, sample_adpm2])
def test_jointly_gaussian_stems_given_some_have_the_exact_mean_and_covariance(sampler):
    covariance = np.array([[1.0, 0.7, 0.2], [0.7, 1.0, 0.5], [0.2, 0.5, 1.0]])
    given, n = np.array([0.8]), 20_000
    gain = covariance[1:, :1] / covariance[0, 0]
    mean = (gain * given).ravel()
    left = covariance[1:, 1:] - gain @ covariance[:1, 1:]
    shape = (1, 3, n, 1)  # samples are channels: they share one covariance
    latents, mask = np.zeros(shape), np.zeros((1, 3, 1))
    latents[:, 0], mask[:, 0] = given, 1.0
    sigmas = karras_sigmas(400, 0.01, 20.0)
    made = sampler(
        joint_stems(covariance), draws(3, shape)() * sigmas[0], sigmas, CONDITIONS,
        known=Known(latents, mask), noise=draws(4, shape),
    )[0, :, :, 0]  # fmt: skip
    assert (made[0] == given).all()
    # Monte Carlo's error is .007 and .014; the rest is a first-order method's at 400 steps.
    assert made[1:].mean(1) == pytest.approx(mean, abs=0.03)
    assert np.cov(made[1:]) == pytest.approx(left, abs=0.05)


def test_it_is_ddim():
    """In DDIM's own terms (z, cumulative alpha; Song et al. 2021, eq. 12 and 16), same noise."""
    alpha = np.cumprod(1 - np.linspace(0.0015**0.5, 0.0195**0.5, 1000) ** 2)[::-5]
    sigmas = [*np.sqrt((1 - alpha) / alpha), 0.0]
    shape, eta = (1, 2, 1, 3), 0.7
    start, noise = draws(5, shape)(), draws(6, shape)
    D = joint_stems(np.array([[1.0, 0.6], [0.6, 1.0]]))
    ours = sample_ancestral(D, start * sigmas[0], sigmas, CONDITIONS, noise=noise, eta=eta)
    noise, z = draws(6, shape), start * sigmas[0] * sqrt(alpha[0])
    for a, a_next in pairwise([*alpha, 1.0]):
        level = np.full((1, 2, 3), sqrt((1 - a) / a))
        clean = D(z / sqrt(a), level, None)
        epsilon = (z - sqrt(a) * clean) / sqrt(1 - a)
        fresh = eta * sqrt((1 - a_next) / (1 - a)) * sqrt(1 - a / a_next)
        z = sqrt(a_next) * clean + sqrt(1 - a_next - fresh**2) * epsilon
        z = z + fresh * noise() if fresh > 0 else z
    assert ours == pytest.approx(z, abs=1e-9)


@pytest.mark.parametrize(
    ("ours", "name"), [(sample_ancestral, "AEulerSampler"), (sample_adpm2, "ADPM2Sampler")]
)
def test_they_are_the_papers_librarys(ours, name):
    """On all steps but the one to 0, which audio-diffusion-pytorch leaves out."""
    library = pytest.importorskip("audio_diffusion_pytorch", reason="see test_unet1d_reference.py")
    theirs = getattr(library.diffusion, name)()
    sigmas, n, start = karras_sigmas(8, 0.05, 3.0), 8, torch.randn(1, 2, 4)

    def fn(x, sigma):
        return torch.from_numpy(white(SD)(x[:, :, None].numpy(), np.full((1, 2, 4), sigma), None))[
            :, :, 0
        ]

    torch.manual_seed(0)
    expected = theirs.forward(start, fn, torch.tensor(sigmas), n)
    torch.manual_seed(0)
    found = ours(
        white(SD), start[:, :, None].numpy() * sigmas[0], sigmas[:-1], CONDITIONS,
        noise=lambda: torch.randn(1, 2, 4)[:, :, None].numpy(),
    )  # fmt: skip
    assert found[:, :, 0] == pytest.approx(expected.numpy(), rel=1e-4, abs=1e-5)

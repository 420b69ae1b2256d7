"""Given stems come back exactly, and the made ones follow them."""

from itertools import combinations

import numpy as np
import pytest
from closed_forms import counted, joint_stems, white

from stembridge.diffusion import SAMPLERS, FrameNoise, Known, karras_sigmas
from stembridge.request import STEMS

SUBSETS = [set(chosen) for n in (1, 2, 3) for chosen in combinations(range(4), n)]
COVARIANCE = 0.5**2 * (0.2 * np.eye(4) + 0.8 * np.ones((4, 4)))
CONDITIONS = np.zeros((1, 0, 8), np.float32)
SHAPE = (2, 4, 3, 8)


def known(given, **settings):
    rng = np.random.default_rng(11)
    mask = np.zeros((2, 4, 8), np.float32)
    mask[:, sorted(given)] = 1.0
    return Known(rng.normal(size=SHAPE).astype(np.float32), mask, **settings)


def run(name, denoise, what, steps=6, seed=3):
    noise = FrameNoise([seed, seed + 1], 4, 3)
    sigmas = karras_sigmas(steps, 0.01, 3.0)
    return SAMPLERS[name](
        denoise,
        sigmas[0] * noise.at(0, 0, 8),
        sigmas,
        CONDITIONS,
        known=what,
        noise=noise.stream(0, 8),
    )


def test_there_are_fourteen_subsets():
    assert len(SUBSETS) == 14 == 2 ** len(STEMS) - 2


@pytest.mark.parametrize("given", SUBSETS, ids=lambda given: "".join("BDGP"[k] for k in given))
@pytest.mark.parametrize(
    "settings", [{}, {"mode": "imputation"}, {"mode": "imputation", "resamples": 3}]
)
@pytest.mark.parametrize("name", SAMPLERS)
def test_given_stems_are_unchanged_and_the_others_are_made(name, settings, given):
    what = known(given, **settings)
    latents, mask = what.latents.copy(), what.mask.copy()
    out = run(name, white(0.5), what)
    for stem in range(4):
        same = np.array_equal(out[:, stem], latents[:, stem])
        assert same == (stem in given)
    assert np.isfinite(out).all()
    assert out.dtype == np.float32
    assert np.array_equal(what.latents, latents)
    assert np.array_equal(what.mask, mask)


def test_clean_mode_shows_clean_latents_and_says_so():
    what = known({1, 3}, sigma_context=0.005)
    shown = []

    def denoise(x, sigma, conditions):
        shown.append((x.copy(), sigma.copy()))
        return x * 0.5

    run("heun", denoise, what)
    for x, sigma in shown:
        assert np.array_equal(x[:, [1, 3]], what.latents[:, [1, 3]])
        assert (sigma[:, [1, 3]] == np.float32(0.005)).all()
        assert (sigma[:, [0, 2]] >= 0.0099).all()
        assert sigma.shape == (2, 4, 8)


def test_imputation_shows_noisy_latents_of_the_level_announced():
    what = Known(
        np.zeros((1, 4, 400, 8), np.float32), np.ones((1, 4, 8), np.float32), mode="imputation"
    )
    noise = FrameNoise([5], 4, 400)
    stds = []

    def denoise(x, sigma, conditions):
        stds.append((x.std(), sigma.min(), sigma.max()))
        return x * 0.5

    SAMPLERS["euler"](
        denoise,
        noise.at(0, 0, 8),
        karras_sigmas(20, 0.01, 3.0),
        CONDITIONS,
        known=what,
        noise=noise.stream(0, 8),
    )
    for std, low, high in stds:
        assert low == high
        assert std == pytest.approx(low, rel=0.05)  # churn included: the level is sigma hat


def test_the_made_stem_follows_the_given_ones_as_a_gaussian_must():
    """E[bass | others] of the joint Gaussian, reached exactly by the clean way."""
    given = np.random.default_rng(1).normal(size=(1, 4, 3, 8))
    mask = np.ones((1, 4, 8))
    mask[:, 0] = 0
    wanted = COVARIANCE[0, 1:] @ np.linalg.solve(COVARIANCE[1:, 1:], given[0, 1:].reshape(3, -1))
    spread = np.sqrt(
        COVARIANCE[0, 0]
        - COVARIANCE[0, 1:] @ np.linalg.solve(COVARIANCE[1:, 1:], COVARIANCE[1:, 0])
    )
    rng = np.random.default_rng(2)
    sigmas = karras_sigmas(40, 0.002, 30.0)
    x = sigmas[0] * rng.normal(size=(3000, 4, 3, 8))
    out = SAMPLERS["dpmpp_2m"](
        joint_stems(COVARIANCE), x, sigmas, CONDITIONS, known=Known(given, mask)
    )
    made = out[:, 0].reshape(3000, -1)
    assert made.mean(0) == pytest.approx(wanted, abs=4 * spread / np.sqrt(3000))
    assert np.sqrt(made.var(0).mean()) == pytest.approx(spread, rel=0.02)


def test_imputation_follows_too_and_resampling_brings_it_nearer():
    """Replacement is known to follow too weakly; RePaint's repeats mend it."""
    given = np.full((1, 4, 3, 8), 0.5)
    mask = np.ones((1, 4, 8))
    mask[:, 0] = 0
    wanted = (COVARIANCE[0, 1:] @ np.linalg.solve(COVARIANCE[1:, 1:], np.full(3, 0.5))).item()
    errors = []
    for resamples in (1, 8):
        rng = np.random.default_rng(4)
        x = 3.0 * rng.normal(size=(400, 4, 3, 8))
        out = SAMPLERS["dpmpp_2m"](
            joint_stems(COVARIANCE),
            x,
            karras_sigmas(15, 0.01, 3.0),
            CONDITIONS,
            known=Known(given, mask, mode="imputation", resamples=resamples),
            noise=lambda rng=rng, x=x: rng.normal(size=x.shape),
        )
        errors.append(abs(out[:, 0].mean() - wanted))
    assert errors[0] < 0.5 * wanted  # it follows
    assert errors[1] < 0.5 * errors[0]


def test_a_context_of_one_serves_a_whole_batch():
    what = known({0})
    one = Known(what.latents[:1], what.mask[:1])
    out = run("dpmpp_2m", white(0.5), one)
    assert np.array_equal(out[0, 0], what.latents[0, 0])
    assert np.array_equal(out[1, 0], what.latents[0, 0])
    assert not np.array_equal(out[0, 1], out[1, 1])


@pytest.mark.parametrize(("name", "calls"), [("euler", 18), ("heun", 33), ("dpmpp_2m", 18)])
def test_resampling_counts_its_calls(name, calls):
    told = []
    denoise, seen = counted(white(0.5))
    noise = FrameNoise([1, 2], 4, 3)
    SAMPLERS[name](
        denoise,
        noise.at(0, 0, 8),
        karras_sigmas(6, 0.01, 3.0),
        CONDITIONS,
        known=known({0}, mode="imputation", resamples=3),
        noise=noise.stream(0, 8),
        callback=told.append,
    )
    assert len(seen) == calls == told[0].n_calls == told[-1].call + 1


def test_given_frames_in_the_middle_of_a_stem_can_be_held():
    mask = np.zeros((2, 4, 8), np.float32)
    mask[:, 2, 3:5] = 1
    what = Known(known({0}).latents, mask)
    out = run("dpmpp_2m", white(0.5), what)
    assert np.array_equal(out[:, 2, :, 3:5], what.latents[:, 2, :, 3:5])
    assert not (out[:, 2, :, :3] == what.latents[:, 2, :, :3]).any()


@pytest.mark.parametrize("resamples", [1, 4])
def test_given_stems_get_fresh_noise_once_a_step(resamples):
    """MSLDM draws z + sigma e once per outer step; churn and going back draw their own."""
    draws = []

    def noise():
        draws.append(1)
        return np.zeros(SHAPE, np.float32)

    SAMPLERS["euler"](
        white(0.5),
        np.ones(SHAPE, np.float32),
        karras_sigmas(5, 0.01, 3.0),
        CONDITIONS,
        known=known({0}, mode="imputation", resamples=resamples),
        noise=noise,
    )
    assert len(draws) == 5 * (1 + resamples + (resamples - 1))


def test_heun_shows_the_given_stems_on_one_straight_path():
    """Both calls of a step see z + sigma e with the same e, as their own path from z runs."""
    what = known({1}, mode="imputation")
    shown = []

    def denoise(x, sigma, conditions):
        shown.append((x[:, 1] - what.latents[:, 1]) / sigma[0, 0, 0])
        return x * 0.5

    run("heun", denoise, what)
    for first, second in zip(shown[:-1:2], shown[1::2], strict=True):
        assert second == pytest.approx(first, rel=1e-3, abs=1e-3)
    assert not np.allclose(shown[0], shown[2], atol=0.1)

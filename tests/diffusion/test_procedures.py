"""Every procedure: in windows, told of, stopped, and refused where something is missing."""

from dataclasses import replace

import numpy as np
import pytest
from closed_forms import white

from stembridge.conditions import Conditions
from stembridge.diffusion import (
    PROCEDURES,
    FrameNoise,
    Known,
    Sampling,
    Windows,
    karras_sigmas,
)
from stembridge.errors import BadArgsError, CancelledError
from stembridge.inference import infer, settings_of
from stembridge.testing import FakeModel, fake_manifest

F, SD = 150, 0.5
WINDOWS = Windows(64, 16, 4)
MIXTURE = np.random.default_rng(3).normal(size=(1, 2, F)).astype(np.float32)
TOLD = Conditions(np.arange(F, dtype=np.float32).reshape(1, 1, -1))


def sampling(name, **changes):
    """A sampling that lacks nothing: three stems, or two stems and their mixture as chains."""
    nothing = Known(np.zeros((1, 3, 2, F), np.float32), np.zeros((1, 3, F), np.float32))
    n_chains = {"coupled": 3, "extract": 6, "ensemble": 6}.get(name, 0)
    plain = Sampling(
        TOLD,
        nothing,
        FrameNoise([4], n_chains or 3, 2),
        karras_sigmas(12 if name == "generate" else 100, 1e-3, 3.0),  # see `procedures`
        WINDOWS,
        mixture=MIXTURE,
        chains=(TOLD,) * n_chains,
    )
    return replace(plain, **changes)


@pytest.mark.parametrize("name", PROCEDURES)
def test_each_works_in_windows_and_tells_before_every_call(name):
    told, lengths = [], set()

    def denoise(x, sigma, conditions):
        lengths.add((x.shape[-1], conditions.n_frames))
        denoise.calls += len(x)  # windows go side by side
        assert len(told) == denoise.calls
        return white(SD)(x, sigma, conditions)

    denoise.calls = 0
    out = PROCEDURES[name].run(denoise, sampling(name), told.append)
    assert out.shape == (1, 3, 2, F) and np.isfinite(out).all()
    assert lengths == {(64, 64)}
    assert [info.call for info in told] == list(range(denoise.calls))
    assert {info.n_calls for info in told} == {denoise.calls}
    assert told[0].sigma > told[-1].sigma > 0


@pytest.mark.parametrize("name", PROCEDURES)
def test_each_can_be_stopped_before_any_call(name):
    def stop(info):
        if info.call == 3:
            raise CancelledError("stop")

    calls = []

    def denoise(x, sigma, conditions):
        calls.append(len(x))  # windows that went side by side
        return x * 0.5

    with pytest.raises(CancelledError):
        PROCEDURES[name].run(denoise, sampling(name), stop)
    assert sum(calls) == 3


@pytest.mark.parametrize("name", PROCEDURES)
def test_windows_change_nothing_where_frames_do_not_hear_each_other(name):
    whole = sampling(name, windows=Windows(F + 2, 16, 4))
    out, alone = (PROCEDURES[name].run(white(SD), s, None) for s in (sampling(name), whole))
    np.testing.assert_allclose(out, alone, atol=2e-5)


@pytest.mark.parametrize(
    ("name", "tolerance"), [("separate_dirac", 1e-5), ("separate_gaussian", 0.05)]
)
def test_separated_stems_add_up_to_the_mixture(name, tolerance):
    out = PROCEDURES[name].run(white(SD), sampling(name), None)
    np.testing.assert_allclose(out.sum(1), MIXTURE, atol=tolerance)
    assert np.abs(out[:, 0] - out[:, 1]).max() > 0.1


@pytest.mark.parametrize("name", ["separate_dirac", "separate_gaussian"])
def test_a_network_of_single_stems_separates_too(name):
    seen = set()

    def denoise(x, sigma, conditions):
        assert x.shape[1] == 1
        seen.add(float(conditions.frames[0, 0, 0]))
        return white(SD)(x, sigma, conditions)

    chains = tuple(Conditions(np.full((1, 1, F), k, np.float32)) for k in range(3))
    out = PROCEDURES[name].run(denoise, sampling(name, chains=chains), None)
    assert seen == {0.0, 1.0, 2.0}
    np.testing.assert_allclose(out.sum(1), MIXTURE, atol=0.05)


def test_coupled_stems_make_up_their_mixture_with_what_is_given():
    given = sampling("coupled").known
    given.mask[:, 1] = 1
    given.latents[:, 1] = 2.0
    for known, more in ((sampling("coupled").known, 0.0), (given, 2.0)):
        out = PROCEDURES["coupled"].run(white(SD), sampling("coupled", known=known), None)
        total = out[:, :2].sum(1) + more
        assert np.abs(out[:, 2] - total).mean() < 0.02


def test_generation_starts_from_latents_at_a_part_of_the_noise():
    """The less noise is laid over them, the nearer the take stays to them."""
    parent = np.random.default_rng(0).normal(0, SD, (1, 3, 2, F)).astype(np.float32)

    def distance(sigma_max, **windows):
        changed = sampling(
            "generate", start=parent, sigmas=karras_sigmas(12, 1e-3, sigma_max),
            windows=replace(WINDOWS, **windows),
        )  # fmt: skip
        out = PROCEDURES["generate"].run(white(SD), changed, None)
        return np.sqrt(np.mean((out - parent) ** 2)) / SD

    near, far = distance(0.1), distance(5.0)
    assert near < 0.3 < 1.0 < far
    assert distance(0.1, together=True) == pytest.approx(near, abs=1e-4)


def test_what_a_procedure_needs_is_said():
    needs = {name: procedure.needs for name, procedure in PROCEDURES.items()}
    assert needs["generate"] == () and "mixture" in needs["separate_dirac"]
    model = FakeModel()
    nothing = Known(np.zeros((1, 4, 8, 20), np.float32), np.zeros((1, 4, 20), np.float32))
    told = Conditions(np.zeros((1, 41, 20), np.float32))
    settings = replace(settings_of(model.manifest, steps=100), procedure="separate_gaussian")
    with pytest.raises(BadArgsError, match="needs the latents of a mixture and latents that add"):
        infer(model, told, nothing, settings, [1])
    adding = FakeModel(fake_manifest(latents_add_up=True))
    mixture = np.ones((1, 8, 20), np.float32)
    out = infer(adding, told, nothing, settings, [1], mixture=mixture)
    assert np.abs(out.sum(1) - mixture).max() < 0.5


def test_tokens_reach_the_model_beside_the_frames():
    model = FakeModel()
    nothing = Known(np.zeros((1, 4, 8, 300), np.float32), np.zeros((1, 4, 300), np.float32))
    plain = Conditions(np.zeros((1, 41, 300), np.float32))
    raised = replace(plain, tokens=np.full((1, 5, 3), 2.0, np.float32))
    settings = settings_of(model.manifest)
    low, high = (infer(model, told, nothing, settings, [1]) for told in (plain, raised))
    np.testing.assert_allclose(high - low, 2.0, atol=0.1)


def flags(*values):
    return tuple(Conditions(np.full((1, 1, F), value, np.float32)) for value in values)


@pytest.mark.parametrize("name", ["extract", "ensemble"])
def test_extracted_stems_have_the_posterior_mean(name):
    """Stem k ~ N(0, v_k) against N(0, sum of the others): E[x_k | y] = v_k / (sum of all) y."""
    variances = np.array([0.5, 1.0, 0.25])
    spread = dict(enumerate([*variances, *(variances.sum() - variances)]))

    def denoise(x, sigma, conditions):
        v = spread[int(conditions.frames[0, 0, 0])]
        return x * v / (v + sigma[:, :, None] ** 2)

    y = np.full((1, 2, F), 1.4, np.float32)
    made = PROCEDURES[name].run(denoise, sampling(name, chains=flags(*range(6)), mixture=y), None)
    mean, error = made.mean((0, 2, 3)), 4 * np.sqrt(0.5 / (2 * F))
    wanted = variances / variances.sum() * 1.4
    assert mean[[0, 2]] == pytest.approx(wanted[[0, 2]], abs=error)
    # The separator's drums are approximate: its constrained stem bears the others' noise.
    assert mean[1] == pytest.approx(wanted[1], abs=error if name == "extract" else 0.3)


def test_chains_are_guided_away_from_their_own_negatives():
    """At w = 3 a denoiser that answers what it is told answers n + 3 (c - n)."""

    def denoise(x, sigma, conditions):
        return x * 0.0 + conditions.frames[:, None]

    told = sampling(
        "coupled", chains=flags(1, 2, 3), negatives=(*flags(0.5), None, *flags(3)), guidance=3.0
    )
    seen = []
    PROCEDURES["coupled"].run(
        lambda *given: seen.append(len(given[0])) or denoise(*given), told, None
    )
    assert sum(seen) == 3 * 2 * 3 * 100 * 2  # windows, both sides, chains, steps, corrections
    from stembridge.diffusion.chains import _Chains

    slope = _Chains(denoise, told, None).derivative()(np.zeros((1, 3, 2, F), np.float32), 1.0)
    assert -slope[0, :, 0, 0] == pytest.approx([0.5 + 3 * 0.5, 6.0, 3.0])


@pytest.mark.parametrize("sampler", ["ancestral", "adpm2"])
def test_what_follows_a_mixture_can_be_sampled_as_gmsdi_was(sampler):
    changed = sampling("separate_dirac", sampler=sampler)
    told = []
    out = PROCEDURES["separate_dirac"].run(white(SD), changed, told.append)
    np.testing.assert_allclose(out.sum(1), MIXTURE, atol=1e-5)
    assert [info.call for info in told] == list(range(told[0].n_calls))
    assert told[0].n_calls == 3 * 2 * (100 if sampler == "ancestral" else 199)
    spread = out - MIXTURE[:, None] / 3
    assert spread[0].var() == pytest.approx(SD**2 * 2 / 3, rel=0.15)


def test_the_leftover_stem_can_be_named():
    """Dirac's constrained stem lets the others lead: another one, another sample."""
    made = [
        PROCEDURES["separate_dirac"].run(white(SD), sampling("separate_dirac", leftover=k), None)
        for k in (0, 2, -1)
    ]
    assert np.array_equal(made[1], made[2])
    assert not np.array_equal(made[0], made[1])

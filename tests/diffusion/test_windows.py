from itertools import pairwise

import numpy as np
import pytest
from closed_forms import counted, joint_frames, joint_stems, white
from hypothesis import given, settings
from hypothesis import strategies as st

from stembridge.conditions import Conditions
from stembridge.diffusion import (
    SAMPLERS,
    FrameNoise,
    Known,
    Windows,
    karras_sigmas,
    plan_windows,
    sample_in_windows,
)

SIGMAS = karras_sigmas(8, 0.01, 3.0)


@settings(max_examples=300)
@given(
    n_frames=st.integers(1, 3000),
    multiple=st.sampled_from([1, 4, 16]),
    blocks=st.integers(2, 16),
    data=st.data(),
)
def test_windows_cover_the_request_and_overlap_enough(n_frames, multiple, blocks, data):
    window = multiple * blocks
    overlap = data.draw(st.integers(0, window - 1))
    windows = plan_windows(n_frames, window, overlap, multiple)
    assert windows[0].start == 0
    assert 0 <= windows[-1].stop - n_frames < multiple
    assert len(windows) == 1 or windows[-1].stop == n_frames
    assert len({len(place) for place in windows}) == 1
    assert len(windows[0]) <= window
    assert len(windows[0]) % multiple == 0
    for earlier, later in pairwise(windows):
        assert later.start > earlier.start
        assert earlier.stop - later.start >= overlap
    needed = max(1, -(-(n_frames - overlap) // (window - overlap)))
    assert len(windows) == needed


def nothing(n_frames, n_stems=4, n_channels=2, **settings_):
    return Known(
        np.zeros((1, n_stems, n_channels, n_frames), np.float32),
        np.zeros((1, n_stems, n_frames), np.float32),
        **settings_,
    )


def run(
    denoise, known, seeds=(3,), window=64, overlap=16, multiple=4, name="dpmpp_2m", sigmas=SIGMAS,
    together=False, **more,
):  # fmt: skip
    n_frames = known.mask.shape[-1]
    conditions = Conditions(np.arange(n_frames, dtype=np.float32).reshape(1, 1, -1))
    return sample_in_windows(
        denoise,
        conditions,
        known,
        sampler=SAMPLERS[name],
        sigmas=sigmas,
        noise=FrameNoise(seeds, known.latents.shape[1], known.latents.shape[2]),
        windows=Windows(window, overlap, multiple, together),
        **more,
    )


@pytest.mark.parametrize(("n_frames", "called"), [(1, 4), (4, 4), (30, 32), (61, 64), (64, 64)])
def test_a_short_request_is_one_window_rounded_up(n_frames, called):
    denoise, seen = counted(white(0.5))
    out = run(denoise, nothing(n_frames))
    assert out.shape == (1, 4, 2, n_frames)
    assert {sigma.shape for sigma in seen} == {(1, 4, called)}
    assert len(seen) == len(SIGMAS) - 1


def test_padding_repeats_the_last_frame_of_conditions_and_context():
    known = nothing(6)
    known.mask[:, 1] = 1
    known.latents[:, 1] = np.arange(6)
    seen = []

    def denoise(x, sigma, conditions):
        seen.append((x.copy(), conditions.frames.copy()))
        return x * 0.5

    run(denoise, known)
    x, conditions = seen[0]
    assert conditions[0, 0].tolist() == [0, 1, 2, 3, 4, 5, 5, 5]
    assert x[0, 1, 0].tolist() == [0, 1, 2, 3, 4, 5, 5, 5]


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("mode", ["clean", "imputation"])
def test_given_stems_are_unchanged_over_all_windows(name, mode):
    known = nothing(200, mode=mode)
    known.mask[:, [0, 2]] = 1
    known.latents[:] = np.random.default_rng(0).normal(size=known.latents.shape)
    before = known.latents.copy(), known.mask.copy()
    out = run(white(0.5), known, seeds=(1, 2), name=name)
    assert out.shape == (2, 4, 2, 200)
    assert np.array_equal(out[0, [0, 2]], known.latents[0, [0, 2]])
    assert np.array_equal(out[1, [0, 2]], known.latents[0, [0, 2]])
    assert not np.array_equal(out[0, 1], out[1, 1])
    assert np.isfinite(out).all()
    assert np.array_equal(before[0], known.latents)
    assert np.array_equal(before[1], known.mask)


def test_each_window_sees_its_own_conditions():
    seen = []

    def denoise(x, sigma, conditions):
        seen.append((conditions.frames[0, 0, 0], conditions.frames[0, 0, -1]))
        return x * 0.5

    run(denoise, nothing(200))
    places = plan_windows(200, 64, 16, 4)
    assert sorted(set(seen)) == [(place[0], place[-1]) for place in places]


def test_later_windows_are_given_what_was_made_before():
    levels = []

    def denoise(x, sigma, conditions):
        levels.append(sigma[0, 0].copy())
        return x * 0.5

    run(denoise, nothing(112, sigma_context=0.002))
    places = plan_windows(112, 64, 16, 4)
    assert [len(place) for place in places] == [64, 64]
    calls = len(SIGMAS) - 1
    for level in levels[calls:]:
        assert (level[:16] == np.float32(0.002)).all()
        assert (level[16:] >= np.float32(0.01)).all()


def test_the_takes_of_a_batch_are_those_made_alone():
    both = run(white(0.5), nothing(150), seeds=(5, 9), name="euler")
    alone = run(white(0.5), nothing(150), seeds=(9,), name="euler")
    assert both[1] == pytest.approx(alone[0], abs=1e-6)


def test_the_first_window_does_not_depend_on_how_much_follows():
    """Same window length, longer request: what was heard before stays."""
    short, long_ = run(white(0.5), nothing(112)), run(white(0.5), nothing(160))
    assert np.array_equal(short[..., :64], long_[..., :64])


@pytest.mark.parametrize("name", SAMPLERS)
def test_where_latents_are_independent_windows_change_nothing(name):
    """With white latents the result is a function of each frame's own noise, churn included."""
    whole = run(white(0.5), nothing(160), window=160, name=name)
    parts = run(white(0.5), nothing(160), window=64, name=name)
    assert parts == pytest.approx(whole, abs=1e-5)


def ar1(a):
    return lambda n: a ** np.abs(np.subtract.outer(np.arange(n), np.arange(n)))


def across_seams(overlap, takes, a=0.9, name="dpmpp_2m", **settings):
    """Covariance of neighbouring frames and variance of frames, in takes of two windows.

    The takes lie on the channel axis: the prior treats channels alike and apart.
    """
    out = run(
        joint_frames(ar1(a)),
        nothing(48, n_stems=1, n_channels=takes, **settings),
        window=24 + overlap // 2,
        overlap=overlap,
        multiple=1,
        name=name,
        sigmas=karras_sigmas(25, 0.005, 40.0),
    )[0, 0].astype(np.float64)
    return (out[:, :-1] * out[:, 1:]).mean(0), out.var(0)


@pytest.mark.parametrize("overlap", [4, 8])
def test_the_seam_cannot_be_told_from_the_inside(overlap):
    """AR(1) in time: covariances across the seam are those of the process.

    A seam without overlap has covariance 0 there (checked last), so the test can fail.
    """
    takes = 4000
    tolerance = 5 * np.sqrt(2 / takes)
    across, variances = across_seams(overlap, takes)
    assert across == pytest.approx(np.full(47, 0.9), abs=tolerance)
    assert variances == pytest.approx(np.ones(48), abs=tolerance)
    assert abs(across_seams(0, takes)[0]).min() < 0.1


@pytest.mark.parametrize("name", SAMPLERS)
def test_imputation_mends_a_seam_only_in_part_but_repeats_help_and_never_amplify(name):
    """Measured with dpmpp_2m: 0.47 of 0.9 across the seam with R = 1, 0.79 with R = 10."""
    seams = []
    for resamples in (1, 10):
        across, variances = across_seams(
            12, 2000, name=name, mode="imputation", resamples=resamples
        )
        seams.append(across.min())
        assert variances.max() < 1.2
    assert 0.3 < seams[0] < seams[1] - 0.1


def test_context_is_heard_in_every_window():
    covariance = 0.5**2 * (0.1 * np.eye(4) + 0.9 * np.ones((4, 4)))
    known = nothing(200)
    known.mask[:, 1:] = 1
    known.latents[:] = np.sin(np.arange(200) / 9)
    out = run(joint_stems(covariance), known, sigmas=karras_sigmas(20, 0.01, 10.0))
    for place in plan_windows(200, 64, 16, 4):
        made, heard = (out[0, k, 0, place.start : place.stop] for k in (0, 1))
        assert np.corrcoef(made, heard)[0, 1] > 0.9


def test_progress_counts_over_all_windows():
    told = []
    known = nothing(112)
    sample_in_windows(
        white(0.5),
        Conditions(np.zeros((1, 0, 112), np.float32)),
        known,
        sampler=SAMPLERS["heun"],
        sigmas=SIGMAS,
        noise=FrameNoise([1], 4, 2),
        windows=Windows(64, 16, 4),
        callback=told.append,
    )
    assert [info.call for info in told] == list(range(30))
    assert {info.n_calls for info in told} == {30}


@pytest.mark.parametrize("name", ["dpmpp_2m", "euler", "heun"])
@pytest.mark.parametrize("mode", [{}, {"mode": "imputation", "resamples": 2}])
def test_together_is_one_long_window_where_frames_do_not_hear_each_other(name, mode):
    known = nothing(200, **mode)
    known.mask[:, 1] = 1
    known.latents[:, 1] = np.sin(np.arange(200))
    covariance = 0.4 * np.eye(4) + 0.6
    whole = run(joint_stems(covariance), known, window=200, name=name)
    parts = run(joint_stems(covariance), known, name=name, together=True)
    np.testing.assert_allclose(parts, whole, atol=2e-5)
    np.testing.assert_array_equal(parts[:, 1], known.latents[:, 1])


def test_together_every_window_is_called_at_every_step_and_told_before():
    denoise, seen = counted(white(0.5))
    told = []
    run(denoise, nothing(150), together=True, callback=told.append)
    n_windows = len(plan_windows(150, 64, 16, 4))
    n_calls = n_windows * (len(SIGMAS) - 1)
    assert n_windows == 3  # they come as one batch
    assert {sigma.shape for sigma in seen} == {(n_windows, 4, 64)}
    assert [(info.call, info.n_calls) for info in told] == [(i, n_calls) for i in range(n_calls)]
    assert [info.sigma for info in told] == sorted((i.sigma for i in told), reverse=True)


def test_together_the_answers_fade_over_and_no_window_is_before_another():
    """Windows that answer their own number: the joint answer is that number, then a ramp."""
    places = plan_windows(112, 64, 16, 4)
    assert [(p.start, p.stop) for p in places] == [(0, 64), (48, 112)]

    def denoise(x, sigma, conditions):
        return np.broadcast_to(np.arange(len(x), dtype=np.float32)[:, None, None, None], x.shape)

    out = run(denoise, nothing(112), together=True)[0, 0, 0]
    np.testing.assert_array_equal(out[:48], 0)
    np.testing.assert_array_equal(out[64:], 1)
    np.testing.assert_allclose(out[48:64], np.arange(1, 17) / 17, atol=1e-6)
    np.testing.assert_allclose(out + out[::-1], 1, atol=1e-6)

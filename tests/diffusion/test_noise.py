import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stembridge.diffusion import FrameNoise

NOISE = FrameNoise([7, 8], 4, 3)
ALL = NOISE.at(0, 0, 300)


@settings(max_examples=50)
@given(first=st.integers(0, 250), n_frames=st.integers(1, 50))
def test_a_frame_has_the_same_noise_from_wherever_one_looks(first, n_frames):
    assert np.array_equal(NOISE.at(0, first, n_frames), ALL[..., first : first + n_frames])


def test_a_take_has_the_same_noise_alone_and_in_a_batch():
    assert np.array_equal(FrameNoise([8], 4, 3).at(0, 0, 300)[0], ALL[1])


def test_it_is_white_and_unit():
    flat = NOISE.at(3, 0, 4000).reshape(-1)
    assert flat.dtype == np.float32
    assert flat.mean() == pytest.approx(0, abs=0.02)
    assert flat.std() == pytest.approx(1, abs=0.02)
    assert np.corrcoef(flat[:-1], flat[1:])[0, 1] == pytest.approx(0, abs=0.02)


def test_draws_seeds_and_blocks_differ():
    draw = NOISE.stream(0, 64)
    arrays = [draw(), draw(), NOISE.at(0, 0, 64), NOISE.at(0, 64, 64), NOISE.at(1, 64, 64)]
    flat = np.stack([array.reshape(-1) for array in arrays for array in array])
    assert np.abs(np.corrcoef(flat) - np.eye(len(flat))).max() < 0.15


def test_large_seeds_do_not_run_into_draws_and_blocks():
    small, large = FrameNoise([5], 4, 3), FrameNoise([5 + (1 << 32)], 4, 3)
    assert not np.array_equal(large.at(0, 0, 64), small.at(1, 0, 64))
    assert not np.array_equal(large.at(0, 0, 64), small.at(0, 64, 64))
    assert not np.array_equal(large.at(0, 0, 64), small.at(0, 0, 64))


def test_a_stream_starts_again_for_the_same_place():
    assert np.array_equal(NOISE.stream(5, 9)(), NOISE.stream(5, 9)())

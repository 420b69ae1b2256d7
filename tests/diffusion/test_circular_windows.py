"""Windows of a loop: they lie round a circle, and no frame is a border to all of them."""

from __future__ import annotations

import numpy as np
import pytest

from stembridge.conditions import Conditions
from stembridge.diffusion.inpaint import Known
from stembridge.diffusion.noise import FrameNoise
from stembridge.diffusion.samplers import SAMPLERS
from stembridge.diffusion.windows import JoinedWindows, Windows, plan_circle, sample_in_windows


@pytest.mark.parametrize("n_frames", [3, 8, 43, 86, 256, 257, 300, 700])
@pytest.mark.parametrize("multiple", [1, 4])
def test_every_frame_lies_well_inside_a_window(n_frames: int, multiple: int) -> None:
    places = plan_circle(n_frames, 256, 64, multiple)
    assert len(places) >= 2 and len({len(place) for place in places}) == 1
    length = len(places[0])
    assert length % multiple == 0 and length <= 256
    inside = np.zeros(n_frames)
    for place in places:
        edge = np.minimum(np.arange(length) + 1, length - np.arange(length))
        np.maximum.at(inside, np.arange(place.start, place.stop) % n_frames, edge)
    assert inside.min() >= min(32, length // 4)


def test_windows_hear_over_the_seam() -> None:
    """A denoiser that answers with the mean of its window's neighbours knows no first frame."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, 2, 3, 40)).astype(np.float32)

    def denoise(x: np.ndarray, sigma: np.ndarray, conditions: Conditions) -> np.ndarray:
        inner = np.zeros_like(x)
        inner[..., 1:-1] = (x[..., :-2] + x[..., 2:]) / 2 + conditions.frames[..., None, :, 1:-1]
        return inner

    joined = JoinedWindows(denoise, plan_circle(40, 256, 8), 8, None)
    frames = rng.standard_normal((1, 3, 40)).astype(np.float32)
    answer = joined(x, np.ones((1, 2, 40), np.float32), Conditions(frames))
    wanted = (np.roll(x, 1, -1) + np.roll(x, -1, -1)) / 2 + frames[:, None]
    # Frames 0 and 20 are a border of one window each, which weighs an eighth of the other there.
    assert np.abs(answer - wanted)[..., [0, -1]].max() < 0.35 * np.abs(wanted).max()
    np.testing.assert_allclose(answer[..., 2:18], wanted[..., 2:18], atol=1e-5)


def test_a_turned_loop_gives_the_turned_take() -> None:
    """Where start and end mean nothing, only the noise knows where the loop begins."""
    n_frames, windows = 24, Windows(256, 8, circular=True)
    conditions = Conditions(np.zeros((1, 1, n_frames), np.float32))
    empty = np.zeros((1, 1, 2, n_frames), np.float32)
    known = Known(empty, np.zeros((1, 1, n_frames), np.float32))

    def denoise(x: np.ndarray, sigma: np.ndarray, conditions: Conditions) -> np.ndarray:
        return 0.5 * x

    made = sample_in_windows(
        denoise, conditions, known, sampler=SAMPLERS["euler"], sigmas=[1.0, 0.5, 0.0],
        noise=FrameNoise([1], 1, 2), windows=windows,
    )  # fmt: skip
    assert made.shape == empty.shape and np.isfinite(made).all()
    alone = sample_in_windows(
        denoise, conditions, known, sampler=SAMPLERS["euler"], sigmas=[1.0, 0.5, 0.0],
        noise=FrameNoise([1], 1, 2), windows=Windows(256, 8),
    )  # fmt: skip
    np.testing.assert_allclose(made, alone, atol=1e-5)  # this network does not mind windows

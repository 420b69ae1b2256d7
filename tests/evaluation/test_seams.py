"""Seams are found where they are put, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from stembridge.evaluation.seams import seam_figures

RATE, HOP, FRAMES = 44100, 2048, 600
JOINTS = (150, 290, 431)


def music(seed: int = 0) -> np.ndarray:
    """Notes of coloured noise at random times: boundaries that differ from each other."""
    rng = np.random.default_rng(seed)
    audio = np.zeros(FRAMES * HOP)
    for start in rng.integers(0, audio.size - RATE, 160):
        t = np.arange(RATE) / RATE
        note = rng.standard_normal(RATE) * np.exp(-t * rng.uniform(3, 9))
        audio[start : start + RATE] += lfilter([1.0], [1.0, rng.uniform(-0.95, 0.5)], note)
    return (0.02 * audio).astype(np.float32)


def test_without_seams_joints_are_boundaries_like_any_other() -> None:
    found = [seam_figures(music(seed), RATE, HOP, JOINTS) for seed in range(6)]
    ranks = np.array([[f.click_rank, f.jump_rank, f.shift_rank] for f in found if f])
    # 18 uniform ranks have a mean within 0.5 +- 0.2 (3 standard errors).
    assert (np.abs(ranks.mean(0) - 0.5) < 0.2).all()


def test_a_click_is_heard() -> None:
    audio = music()
    for joint in JOINTS:
        audio[joint * HOP - 2 : joint * HOP + 2] += np.array([0.5, -0.5, 0.5, -0.5])
    found = seam_figures(audio, RATE, HOP, JOINTS)
    assert found is not None
    assert found.click_rank > 0.95
    assert found.click_ratio > 3


def test_a_cut_is_heard() -> None:
    audio = music()
    audio[JOINTS[0] * HOP : JOINTS[1] * HOP] = 0.0
    found = seam_figures(audio, RATE, HOP, JOINTS[:2])
    assert found is not None
    assert found.jump_rank > 0.9
    assert found.shift_rank > 0.9


def test_a_change_of_sound_is_heard() -> None:
    audio = music()
    dull = lfilter([0.15], [1.0, -0.85], audio).astype(np.float32)
    for first, last in ((JOINTS[0], JOINTS[1]), (JOINTS[2], FRAMES)):
        audio[first * HOP : last * HOP] = dull[first * HOP : last * HOP]
    found = seam_figures(audio, RATE, HOP, JOINTS)
    assert found is not None
    assert found.shift_rank > 0.95


@pytest.mark.parametrize("joints", [(), (1,)])
def test_a_take_without_joints_has_no_seams(joints: tuple[int, ...]) -> None:
    assert seam_figures(music(), RATE, HOP, joints) is None

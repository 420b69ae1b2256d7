"""A loop's start is no brighter than its bar lines; nothing is taken where it is one among them."""

from __future__ import annotations

import numpy as np
import pytest

from stembridge.audio.seam import EVEN_DB, evened, treble_db

RATE, N = 44_100, 4 * 44_100
LINES = [N // 4, N // 2, 3 * N // 4]
RNG = np.random.default_rng(3)


def loop(*levels: float) -> np.ndarray:
    """A bright hit on each bar line, `[2, N]`, and a loud one between that none of them reaches."""
    sound = np.zeros(N)
    for at, level in zip([0, *LINES, N // 8], [*levels, 1.0], strict=True):
        burst = RNG.standard_normal(4000) * np.exp(-np.arange(4000) / 400)
        sound[at + np.arange(4000)] += level * 0.5 * burst / np.abs(burst).max()
    return np.stack([sound, sound * 0.7]).astype(np.float32)


@pytest.mark.parametrize("others", [0.0, 0.01, 0.1])
def test_a_start_that_stands_out_is_brought_in_line(others: float) -> None:
    sound = loop(0.8, others, others / 2, 0)
    found = evened(sound, RATE, LINES)
    peak = float(np.abs(found.sound).max())
    seam, *lines = (treble_db(found.sound / peak, RATE, at) for at in (0, *LINES))
    assert seam - max(lines) < EVEN_DB + 0.5
    assert found.softer_db > 10 and found.was_db > -40
    away = np.r_[int(0.03 * RATE) : N - int(0.03 * RATE)]
    assert np.array_equal(found.sound[:, away], sound[:, away])
    low = np.fft.rfft(found.sound - sound)[:, : round(2000 * N / RATE)]
    assert np.abs(low).max() < 1e-2 * np.abs(np.fft.rfft(sound)).max()  # what is below is left


def test_a_start_among_its_like_is_left_alone() -> None:
    sound = loop(0.5, 0.4, 0.1, 0.3)
    assert evened(sound, RATE, LINES).sound is sound
    alone = loop(0.8, 0, 0, 0)
    assert evened(alone, RATE, []).sound is alone  # a bar: no other line to be like
    silent = np.zeros(N, np.float32)
    assert evened(silent, RATE, LINES).sound is silent


def test_a_loop_shorter_than_what_is_looked_at() -> None:
    sound = np.zeros(2000, np.float32)
    sound[0] = 1.0
    assert np.isfinite(evened(sound, RATE, [1000]).sound).all()

"""The looped take: bit-exact where tempo agrees, on the bar line where it does not."""

from __future__ import annotations

import numpy as np
import pytest

from stembridge.audio_io.player import FADE_S, FreeSchedule, LoopPlayer, SessionSchedule

RATE = 48_000
FADE = int(FADE_S * RATE)


def noise(n: int, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.5, 0.5, (n, channels)).astype(np.float32)


def render(player: LoopPlayer, n: int, first: int = 0, block: int = 257) -> np.ndarray:
    out = np.zeros((n, 2), np.float32)
    for at in range(0, n, block):
        player.render(out[at : at + block], first + at)
    return out


@pytest.mark.parametrize("block", [64, 257, 1024, 5000])
def test_a_loop_is_the_file_again_and_again(block: int) -> None:
    samples = noise(1000)
    player = LoopPlayer("t", samples, RATE, FreeSchedule(0, 1000.0), loop=True)
    assert np.array_equal(render(player, 5000, block=block), np.tile(samples, (5, 1)))


def test_fractions_of_a_sample_are_carried_over() -> None:
    schedule = FreeSchedule(0, 1000.4)
    assert [schedule.start(n) for n in range(6)] == [0, 1000, 2001, 3001, 4002, 5002]


def test_once_means_once() -> None:
    samples = noise(1000)
    player = LoopPlayer("t", samples, RATE, FreeSchedule(300, 1000.0), loop=False)
    out = render(player, 2000)
    assert np.array_equal(out[300:1300], samples)
    assert not out[:300].any()
    assert not out[1300:].any()
    assert player.done


def test_passes_start_on_the_bar_when_the_session_is_faster() -> None:
    # The file lasts 1000 samples, the session's loop only 900.
    samples = noise(1000)
    schedule = SessionSchedule(0.0, 4.0, lambda beat: beat * 225.0, lambda frame: frame / 225.0)
    player = LoopPlayer("t", samples, RATE, schedule, loop=True)
    out = render(player, 2700)
    assert np.array_equal(out[:900], samples[:900])
    # Under the new pass the old one fades out within 5 ms (here it has 100 samples left).
    assert np.array_equal(out[900 + FADE : 1800], samples[FADE:900])
    tail = samples[900:1000] * np.linspace(1, 0, FADE, dtype=np.float32)[:100, None]
    assert np.allclose(out[900:1000], samples[:100] + tail, atol=1e-6)


def test_passes_wait_for_the_bar_when_the_session_is_slower() -> None:
    samples = noise(1000)
    schedule = SessionSchedule(0.0, 4.0, lambda beat: beat * 300.0, lambda frame: frame / 300.0)
    player = LoopPlayer("t", samples, RATE, schedule, loop=True)
    out = render(player, 2400)
    assert np.array_equal(out[:1000], samples)
    assert not out[1000:1200].any()
    assert np.array_equal(out[1200:2200], samples)


def test_starting_in_the_middle_is_in_phase_and_fades_in() -> None:
    samples = noise(1000)
    player = LoopPlayer("t", samples, RATE, FreeSchedule(0, 1000.0), loop=True)
    out = render(player, 2000, first=2500, block=512)
    assert out[0, 0] == 0.0
    assert np.array_equal(out[FADE:1500], np.tile(samples, (5, 1))[2500 + FADE : 4000])


def test_stop_is_silence_within_five_milliseconds() -> None:
    player = LoopPlayer("t", noise(10_000), RATE, FreeSchedule(0, 10_000.0), loop=True)
    render(player, 1000)
    player.stop()
    out = render(player, 4000, first=1000, block=1000)
    assert np.abs(out[: FADE // 2]).max() > 0.1
    assert not out[FADE:].any()
    assert player.done


def test_a_jump_of_the_session_goes_on_elsewhere() -> None:
    samples = noise(1000)
    player = LoopPlayer("t", samples, RATE, FreeSchedule(0, 1000.0), loop=True)
    render(player, 500)
    player.reschedule(FreeSchedule(-200, 1000.0), 500)
    out = render(player, 500, first=500, block=500)
    # 500 is now 700 into the loop; pass 1 starts at 800.
    assert np.array_equal(out[300 + FADE :], samples[FADE:200])
    assert np.array_equal(out[FADE:300], samples[700 + FADE : 1000])

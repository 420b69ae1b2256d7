from __future__ import annotations

import numpy as np
import pytest

from stembridge.audio.buffer import AudioBuffer
from stembridge.audio.resample import fit_length, resample
from stembridge.audio.windows import fade_edges, overlap_add, rising_ramp


def test_buffer_knows_its_shape_and_mixes_to_mono() -> None:
    buffer = AudioBuffer(np.array([[1.0, 0.0], [0.0, 0.5]], np.float32), 8000)
    assert (buffer.n_channels, buffer.n_samples, buffer.duration_s) == (2, 2, 2 / 8000)
    np.testing.assert_array_equal(buffer.mono(), np.array([0.5, 0.25], np.float32))
    single = AudioBuffer(buffer.samples[:1], 8000)
    assert single.mono().base is buffer.samples  # no copy for one channel


@pytest.mark.parametrize(("n", "wanted"), [(5, 3), (3, 5), (4, 4)])
def test_fit_length_cuts_or_pads_the_end(n: int, wanted: int) -> None:
    fitted = fit_length(np.ones((2, n), np.float32), wanted)
    assert fitted.shape == (2, wanted)
    assert fitted.sum() == 2 * min(n, wanted)


@pytest.mark.parametrize(("from_rate", "to_rate"), [(48000, 22050), (22050, 44100), (8000, 192000)])
def test_resampling_keeps_a_tone_its_level_and_its_phase(from_rate: int, to_rate: int) -> None:
    hz, n = 440.0, from_rate
    tone = np.sin(2 * np.pi * hz * np.arange(n) / from_rate).astype(np.float32)
    out = resample(tone, from_rate, to_rate)
    assert out.shape == (to_rate,)
    expected = np.sin(2 * np.pi * hz * np.arange(to_rate) / to_rate)
    inner = slice(to_rate // 10, -to_rate // 10)
    assert np.abs(out[inner] - expected[inner]).max() < 2e-3  # phase too: a bar line stays put


def test_resampling_gives_the_asked_length_and_the_same_bytes() -> None:
    noise = np.random.default_rng(0).standard_normal(10_001).astype(np.float32)
    first = resample(noise, 44100, 48000, 12_345)
    assert first.shape == (12_345,)
    assert first.tobytes() == resample(noise, 44100, 48000, 12_345).tobytes()
    assert resample(noise, 44100, 44100).tobytes() == noise.tobytes()
    assert resample(noise[:0], 44100, 48000).shape == (0,)


@pytest.mark.parametrize(("curve", "power"), [("equal_gain", 1), ("equal_power", 2)])
def test_ramps_complement_each_other(curve: str, power: int) -> None:
    ramp = rising_ramp(101, curve)  # type: ignore[arg-type]
    np.testing.assert_allclose(ramp**power + ramp[::-1] ** power, 1.0, atol=1e-6)
    assert (np.diff(ramp) > 0).all()


def test_fading_touches_only_the_edges() -> None:
    ones = np.ones(100, np.float32)
    faded = fade_edges(ones, 10, 20)
    assert faded[0] < 0.01 and faded[-1] < 0.01
    np.testing.assert_array_equal(faded[10:80], 1.0)
    assert ones.min() == 1.0  # the argument is left alone
    np.testing.assert_array_equal(fade_edges(ones, 0, 0), ones)
    assert fade_edges(ones[:3], 10, 10).shape == (3,)


def test_overlap_add_of_cut_material_gives_it_back() -> None:
    whole = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    pieces = [whole[:400], whole[350:700], whole[650:]]
    np.testing.assert_allclose(overlap_add(pieces, 50, "equal_gain"), whole, atol=1e-6)
    np.testing.assert_array_equal(overlap_add([whole], 50), whole)
    np.testing.assert_array_equal(overlap_add([whole[:10], whole[10:]], 0), whole)
    assert overlap_add([], 50).shape == (0,)

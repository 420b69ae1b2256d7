"""FakeModel keeps the StemModel contract, and its closed forms hold."""

import numpy as np
import pytest

from stembridge.conditions import Layout, frame_conditions
from stembridge.diffusion import FrameNoise, Known, karras_sigmas, sample_dpmpp_2m
from stembridge.errors import BadArgsError
from stembridge.musical_time import TimeSignature
from stembridge.runtime.manifest import ConditionBlock, parse_manifest
from stembridge.runtime.model import StemModel
from stembridge.testing import FakeModel, fake_manifest, open_fake

MODEL = FakeModel()
MANIFEST = MODEL.manifest


def conditions(n_frames=256, bpm=120.0, use_grid=True, batch=1):
    layout = Layout(tuple((b.name, b.channels) for b in MANIFEST.condition_layout))
    told = frame_conditions(
        layout,
        n_frames,
        hop=MANIFEST.hop,
        model_rate=MANIFEST.sample_rate,
        bpm=bpm,
        time_signature=TimeSignature(4, 4),
        use_grid=use_grid,
    )
    return np.repeat(told[None], batch, axis=0)


def test_it_is_a_stem_model_with_a_valid_manifest():
    model: StemModel = MODEL
    assert model.device == "cpu"
    assert parse_manifest(MANIFEST.to_mapping()) == MANIFEST
    assert MANIFEST.condition_channels == conditions().shape[1]
    model.close()


def test_shapes_and_types():
    audio = np.zeros((2, 8 * 512), np.float32)
    latents = MODEL.encode("drums", audio)
    assert (latents.shape, latents.dtype) == ((2, 8, 8), np.float32)
    decoded = MODEL.decode("drums", latents)
    assert (decoded.shape, decoded.dtype) == ((2, 8 * 512), np.float32)
    x = np.zeros((2, 4, 8, 12), np.float32)
    out = MODEL.denoise(x, np.ones((2, 4, 12), np.float32), conditions(12, batch=2))
    assert (out.shape, out.dtype) == (x.shape, np.float32)
    with pytest.raises(KeyError):
        MODEL.encode("kazoo", audio)


def test_levels_survive_the_codec():
    latents = np.random.default_rng(0).uniform(-1, 1, (1, 8, 20)).astype(np.float32)
    again = MODEL.encode("piano", MODEL.decode("piano", latents))
    # A part of 64 samples holds no whole number of periods, hence the loose bound.
    assert np.abs(again - latents).mean() < 0.3


def test_silence_decodes_to_silence():
    silence = MODEL.encode("bass", np.zeros((1, 4 * 512), np.float32))
    assert not MODEL.decode("bass", silence).any()


@pytest.mark.parametrize("bpm", [87.3, 120.0, 174.0])
def test_pulses_start_on_the_beat(bpm):
    pulses = MODEL.decode("drums", MODEL.prior_mean(conditions(bpm=bpm))[:, 1].astype(np.float32))
    levels = MODEL.encode("drums", pulses)[0].T.reshape(-1)
    onsets_s = np.flatnonzero(np.diff(levels) > 1.0) * 64 / MANIFEST.sample_rate
    beats = (onsets_s + 64 / MANIFEST.sample_rate) * bpm / 60
    assert len(beats) == int(256 * 512 / MANIFEST.sample_rate * bpm / 60)
    assert np.abs(beats - np.round(beats)).max() * 60 / bpm < 0.006


def test_without_a_grid_it_plays_a_steady_level():
    assert not MODEL.prior_mean(conditions(use_grid=False)).any()
    blind = FakeModel(fake_manifest(condition_layout=()))
    assert not blind.prior_mean(np.zeros((1, 0, 12), np.float32)).any()
    other = (ConditionBlock(name="style", channels=2),)
    assert (
        not FakeModel(fake_manifest(condition_layout=other))
        .prior_mean(np.ones((1, 2, 12), np.float32))
        .any()
    )


def test_the_denoiser_is_the_posterior_mean_of_correlated_stems():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(1, 4, 8, 6)).astype(np.float32)
    sigma = rng.uniform(0.0, 2.0, (1, 4, 6)).astype(np.float32)
    told = conditions(6)
    out = MODEL.denoise(x, sigma, told)
    mean = MODEL.prior_mean(told)
    for frame in range(6):
        total = MODEL.covariance + np.diag(sigma[0, :, frame].astype(float) ** 2)
        gain = MODEL.covariance @ np.linalg.inv(total)
        wanted = mean[0, :, :, frame] + gain @ (x - mean)[0, :, :, frame]
        assert out[0, :, :, frame] == pytest.approx(wanted, abs=1e-4)


def test_no_noise_means_no_change_and_all_noise_the_mean():
    told, x = conditions(6), np.ones((1, 4, 8, 6), np.float32)
    clean = MODEL.denoise(x, np.zeros((1, 4, 6), np.float32), told)
    assert clean == pytest.approx(x, abs=1e-5)
    lost = MODEL.denoise(x, np.full((1, 4, 6), 1e4, np.float32), told)
    assert lost == pytest.approx(MODEL.prior_mean(told), abs=1e-4)


def test_sampling_follows_the_context():
    told = conditions(64)
    mean = MODEL.prior_mean(told).astype(np.float32)
    mask = np.zeros((1, 4, 64), np.float32)
    mask[:, 1:] = 1
    noise = 10.0 * FrameNoise([1], 4, 8).at(0, 0, 64)
    sigmas = karras_sigmas(12, 0.01, 10.0)
    takes = [
        sample_dpmpp_2m(MODEL.denoise, noise, sigmas, told, known=Known(mean + shift, mask))
        for shift in (0.0, 1.0)
    ]
    # Conditional mean of one of four equally correlated Gaussians: 3 r / (1 + 2 r) of the shift.
    moved = (takes[1] - takes[0])[:, 0]
    assert moved == pytest.approx(np.full(moved.shape, 3 * 0.8 / (1 + 2 * 0.8)), abs=0.02)


def test_calls_are_counted_and_can_be_slow(monkeypatch):
    model, slept = open_fake("fake:delay=0.05"), []
    monkeypatch.setattr("stembridge.testing.time.sleep", slept.append)
    model.denoise(np.zeros((1, 4, 8, 4), np.float32), np.ones((1, 4, 4), np.float32), conditions(4))
    assert slept == [0.05]
    assert model.n_calls == 1


def test_fakes_by_name():
    assert open_fake("fake:").manifest == fake_manifest()
    for text in ("real:", "fake:speed=3", "fake:delay=slow"):
        with pytest.raises(BadArgsError, match="not a fake model"):
            open_fake(text)


def test_the_manifest_can_be_another():
    manifest = fake_manifest(stems=("drums", "vocals"), latent_channels=4)
    model = FakeModel(manifest)
    assert model.covariance.shape == (2, 2)
    assert model.encode("vocals", np.zeros((1, 512), np.float32)).shape == (1, 4, 1)

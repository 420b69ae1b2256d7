"""The closed-form codec: projection, duality, and round trips of tones and clicks."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from stembridge.audio.onsets import detect_onsets
from stembridge.nn.linear_codec import LinearCodec, LinearCodecConfig
from stembridge.training.codec import bin_weights, collect_patches, fit

RATE, HOP = 16000, 512


def tones(seed: int, n_samples: int) -> torch.Tensor:
    """Half a second each of a tone at a random pitch and level."""
    generator = torch.Generator().manual_seed(seed)
    t = torch.arange(RATE // 2) / RATE
    parts = []
    while sum(map(len, parts)) < n_samples:
        pitch, level = torch.rand(2, generator=generator)
        frequency = 110 * 2 ** (3 * float(pitch))
        parts.append(0.05 * (1 + 4 * level) * torch.sin(2 * math.pi * frequency * t))
    return torch.cat(parts)[:n_samples]


def fitted(n_fft: int, channels: int, clips: list[torch.Tensor], iterations: int) -> LinearCodec:
    config = LinearCodecConfig(n_fft, HOP, channels, rate=RATE, iterations=iterations)
    codec = LinearCodec(config)
    generator = torch.Generator().manual_seed(0)
    fit(codec, collect_patches(codec, clips, 400, generator))
    return codec.requires_grad_(requires_grad=False)


@pytest.fixture(scope="module")
def codec() -> LinearCodec:
    return fitted(1024, 48, [tones(seed, 4 * RATE) for seed in range(8)], iterations=8)


def test_the_encoder_is_the_projection_of_the_fast_patches(codec: LinearCodec) -> None:
    audio = torch.stack([tones(100, 20 * HOP), 0.1 * torch.randn(20 * HOP)])
    exported, fast = codec.encoder(audio), codec.fast_encoder(audio)
    assert exported.shape == (2, 48, 20)
    assert float((exported - fast).norm() / fast.norm()) < 1e-4


def test_latents_of_the_fitting_set_have_mean_0_and_mean_variance_1() -> None:
    clips = [tones(seed, 2 * RATE) for seed in range(6)]
    codec = LinearCodec(LinearCodecConfig(512, HOP, 24, rate=RATE))
    patches = collect_patches(codec, clips, 1000, torch.Generator().manual_seed(0))
    explained = fit(codec, patches)
    latents = codec.project(patches[None])[0]
    assert latents.mean(1).abs().max() < 1e-3
    assert float(latents.var(1).mean()) == pytest.approx(1.0, abs=0.01)
    assert 0.5 < explained < 1.0
    # Partial whitening: the first component still leads, but not as it did.
    variances = latents.var(1)
    assert 1.0 < float(variances[0] / variances[-1]) < 1e3


def test_basis_and_dual_are_inverse_on_the_subspace(codec: LinearCodec) -> None:
    product = codec.basis.double() @ codec.dual.double().T
    torch.testing.assert_close(product, torch.eye(48, dtype=torch.float64), atol=1e-4, rtol=0)
    latents = torch.randn(2, 48, 5)
    again = codec.project(codec.decoded_patches(latents))
    torch.testing.assert_close(again, latents, atol=1e-3, rtol=1e-3)


def test_more_components_explain_more() -> None:
    clips = [tones(seed, 2 * RATE) for seed in range(6)]
    shares = []
    for channels in (4, 16, 48):
        codec = LinearCodec(LinearCodecConfig(512, HOP, channels, rate=RATE))
        patches = collect_patches(codec, clips, 200, torch.Generator().manual_seed(0))
        shares.append(fit(codec, patches))
    assert shares == sorted(shares)
    assert shares[-1] > shares[0] + 0.05


def test_silent_patches_are_left_out_and_weights_fall_with_frequency() -> None:
    codec = LinearCodec(LinearCodecConfig(512, HOP, 4, rate=RATE))
    clip = torch.cat([torch.zeros(10 * HOP), tones(0, 10 * HOP)])
    patches = collect_patches(codec, [clip], 100, torch.Generator().manual_seed(0))
    assert 9 <= len(patches) <= 12
    weights = bin_weights(codec.config)
    assert weights.shape == (codec.config.patch_size,)
    assert float(weights[0]) == 1.0
    assert float(weights[256]) == pytest.approx((1 + 8000 / 1500) ** -0.5)


def test_a_tone_survives_the_round_trip(codec: LinearCodec) -> None:
    audio = tones(200, 30 * HOP)[None]
    found = codec.decoder(codec.encoder(audio))
    assert found.shape == audio.shape
    window = torch.hann_window(4096)
    original, decoded = (torch.fft.rfft(a[0, 2000:6096] * window).abs() for a in (audio, found))
    assert abs(int(original.argmax()) - int(decoded.argmax())) <= 1
    assert float(decoded.max() / original.max()) == pytest.approx(1.0, abs=0.35)
    levels = [float(a.square().mean().sqrt()) for a in (audio, found)]
    assert levels[1] == pytest.approx(levels[0], rel=0.25)


def test_silence_decodes_to_silence(codec: LinearCodec) -> None:
    found = codec.decoder(codec.encoder(torch.zeros(1, 12 * HOP)))
    assert found.abs().max() < 0.01


def test_clicks_stay_in_their_places() -> None:
    generator = torch.Generator().manual_seed(0)

    def clicks(times: torch.Tensor) -> torch.Tensor:
        audio = torch.zeros(2 * RATE)
        burst = torch.randn(800, generator=generator) * torch.exp(-torch.arange(800) / 120)
        for at in times.tolist():
            audio[at : at + 800] += 0.3 * burst
        return audio

    places = [torch.randint(0, 2 * RATE - 900, (4,), generator=generator) for _ in range(40)]
    drums = fitted(256, 60, [clicks(p) for p in places], iterations=8)
    audio = clicks(torch.tensor([4000, 11111, 20003, 27500]))[: 2 * RATE // HOP * HOP]
    found = drums.decoder(drums.encoder(audio[None]))[0]
    expected, onsets = (detect_onsets(sound.numpy(), RATE) for sound in (audio, found))
    assert len(onsets) == len(expected) == 4
    late = abs(onsets - expected)
    assert np.median(late) < 1e-3  # s; frames are 4 ms apart
    assert late.max() < 2e-3

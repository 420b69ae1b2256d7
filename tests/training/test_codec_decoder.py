"""Fitting a decoder to latents that stay as they are."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from stembridge.nn.linear_codec import LinearCodec, LinearCodecConfig
from stembridge.training.codec import bin_weights, collect_patches, fit
from stembridge.training.codec_decoder import (
    DecoderFit,
    Pairs,
    collect_pairs,
    distance,
    fit_decoder,
)

CONFIG = LinearCodecConfig(
    256, 256, 5, floor=1e-3, decoder_floor=1e-5, hidden=16, rate=8000, iterations=2
)
FIT = DecoderFit(epochs=80, batch=32, learning_rate=5e-3, noise=0.02)


def clips() -> list[torch.Tensor]:
    """Chords that swell and fade: below the encoder's floor their logarithms bend."""
    at = torch.arange(16000)
    result = []
    for pitch in (200, 260, 330, 410):
        swell = 10 ** (-2.7 + 1.8 * torch.sin(at / 900 + pitch))
        tones = [torch.sin(2 * torch.pi * k * pitch / 8000 * at) / k for k in range(1, 9)]
        result.append(swell * torch.stack(tones).sum(0))
    return result


def prepared(config: LinearCodecConfig = CONFIG) -> tuple[LinearCodec, Pairs]:
    codec = LinearCodec(config)
    generator = torch.Generator().manual_seed(1)
    fit(codec, collect_patches(codec, clips(), 60, generator))
    return codec, collect_pairs(codec, clips(), 60, generator)


def error(codec: LinearCodec) -> float:
    """Distance on all frames of the clips, with their true neighbours."""
    audio = torch.stack(clips())[:, : 62 * 256]
    with torch.no_grad():
        found = codec.decoded_patches(codec.encoder(audio)).flatten(0, 1)
        wanted = codec.fast_patches(audio, codec.decoder_floor).flatten(0, 1)
        return float(distance(found, wanted, bin_weights(codec.config) ** 2))


def test_pairs_are_a_frame_with_its_neighbours_and_what_was_heard_there() -> None:
    codec, pairs = prepared()
    assert pairs.latents.shape == (len(pairs.patches), 15)
    assert pairs.patches.shape[1] == CONFIG.patch_size
    audio = clips()[0][None, : 62 * 256]
    latents = codec.project(codec.fast_patches(audio))[0].T
    wanted = codec.fast_patches(audio, CONFIG.decoder_floor)[0]
    at = int((wanted - pairs.patches[0]).abs().sum(1).argmin())
    assert torch.equal(wanted[at], pairs.patches[0])
    assert 0 < at < len(latents) - 1
    torch.testing.assert_close(pairs.latents[0].reshape(3, 5), latents[at - 1 : at + 2])
    quietest = float(pairs.patches.min())
    assert quietest < codec.log_floor  # heard below the encoder's floor


def test_a_correction_of_zero_leaves_the_linear_decoder() -> None:
    codec, _ = prepared()
    latents = torch.randn(2, 5, 7, generator=torch.Generator().manual_seed(0))
    linear = latents.transpose(1, 2) @ codec.dual + codec.offset
    assert torch.equal(codec.decoded_patches(latents), linear)


def test_the_fit_beats_the_best_line_and_leaves_the_encoder_alone() -> None:
    straight, pairs = prepared(replace(CONFIG, hidden=0))
    fit_decoder(straight, pairs, replace(FIT, epochs=0, noise=0.0))
    codec, _ = prepared()
    mean, basis = codec.mean.clone(), codec.basis.clone()
    fit_decoder(codec, pairs, FIT)
    assert error(codec) < 0.9 * error(straight)
    assert torch.equal(codec.mean, mean)
    assert torch.equal(codec.basis, basis)


def test_the_same_seed_fits_the_same_decoder() -> None:
    found = []
    for seed in (0, 0, 1):
        codec, pairs = prepared()
        fit_decoder(codec, pairs, replace(FIT, epochs=1, seed=seed))
        assert codec.correction is not None
        found.append(codec.correction.leave.weight.detach())
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_noise_comes_out_as_loud_as_it_went_in() -> None:
    """The mean of its logarithm is 2.5 dB below the logarithm of its mean power."""
    generator = torch.Generator().manual_seed(0)
    noise = [0.1 * torch.randn(16000, generator=generator) for _ in range(4)]
    codec = LinearCodec(replace(CONFIG, hidden=0))
    fit(codec, collect_patches(codec, noise, 60, generator))
    pairs = collect_pairs(codec, noise, 60, generator)
    fit_decoder(codec, pairs, FIT)
    with torch.no_grad():
        found = pairs.latents[:, 5:10] @ codec.dual + codec.offset
    ratio = (10 ** (2 * found)).mean(0) / (10 ** (2 * pairs.patches)).mean(0)
    assert float(10 * ratio.log10().abs().median()) < 0.1
    dull = (found - pairs.patches).mean()
    assert 20 * float(dull) == pytest.approx(2.5, abs=1.0)

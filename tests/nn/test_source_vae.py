"""SourceVAE: parity with descript-audio-codec's own classes, and its own additions."""

import warnings
from dataclasses import replace

import dac_package
import pytest
import torch
from torch import nn

from stembridge.nn.normed_conv import fold_weight_norm
from stembridge.nn.presets import PRESETS
from stembridge.nn.source_vae import (
    Decoder,
    Encoder,
    Posterior,
    SourceVAE,
    SourceVAEConfig,
)

TINY = PRESETS["tiny"].codec
# DAC's decoder loses samples at odd strides and ends with a tanh.
LIKE_DAC = replace(TINY, exact_length=False)
needs_dac = pytest.mark.skipif(
    not dac_package.installed(),
    reason="pip install --no-deps descript-audio-codec==1.0.0, and einops, tqdm",
)


def vae(config: SourceVAEConfig = TINY, seed: int = 0) -> SourceVAE:
    torch.manual_seed(seed)
    return SourceVAE(config).eval()


@pytest.fixture(scope="module")
def theirs() -> tuple[nn.Module, nn.Module]:
    encoder_class, decoder_class = dac_package.load_classes()
    torch.manual_seed(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        encoder = encoder_class(TINY.encoder_width, list(TINY.encoder_strides), 16)
        decoder = decoder_class(TINY.latent_channels, TINY.decoder_width, TINY.decoder_strides)
    return encoder.eval(), decoder.eval()


@needs_dac
def test_dac_encoder_weights_load_and_give_its_answers(theirs):
    ours = Encoder(TINY, head_channels=16).eval()
    ours.load_state_dict(theirs[0].state_dict(), strict=True)
    audio = torch.randn(2, 1, 6400, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        assert torch.allclose(ours(audio), theirs[0](audio), rtol=1e-5, atol=1e-6)


@needs_dac
def test_dac_decoder_weights_load_and_give_its_answers_before_the_tanh(theirs):
    ours = Decoder(LIKE_DAC).eval()
    ours.load_state_dict(theirs[1].state_dict(), strict=True)
    latents = torch.randn(2, TINY.latent_channels, 20, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        found, expected = ours(latents).tanh(), theirs[1](latents)
    assert found.shape == expected.shape == (2, 1, 20 * 320 - 8)
    assert torch.allclose(found, expected, rtol=1e-5, atol=1e-6)


@needs_dac
def test_our_weights_load_into_dac(theirs):
    ours = Encoder(TINY, head_channels=16).eval()
    theirs[0].load_state_dict(ours.state_dict(), strict=True)


def test_exact_length_changes_the_length_and_no_parameter():
    exact, short = vae(TINY), vae(LIKE_DAC)
    assert exact.state_dict().keys() == short.state_dict().keys()
    latents = torch.randn(1, 8, 12, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        assert exact.decode(latents).shape[-1] == 12 * 320 == TINY.decoded_samples(12)
        assert short.decode(latents).shape[-1] == 12 * 320 - 8 == LIKE_DAC.decoded_samples(12)


def test_folding_weight_norm_changes_nothing():
    model = vae()
    audio = torch.randn(2, 3200, generator=torch.Generator().manual_seed(5))
    folded = fold_weight_norm(model)
    assert not [name for name, _ in folded.named_parameters() if name.endswith("weight_g")]
    assert [name for name, _ in model.named_parameters() if name.endswith("weight_g")]
    with torch.no_grad():
        mean = model.posterior(audio).mean
        assert torch.equal(folded.posterior(audio).mean, mean)
        assert torch.equal(folded.decode(mean), model.decode(mean))


def test_posterior_is_a_gaussian():
    ones = torch.ones(1, 2, 3)
    assert Posterior(0 * ones, 0 * ones).kl().item() == 0
    # Closed form for N(2, 9): (4 + 9 - 1 - ln 9) / 2.
    kl = Posterior(2 * ones, ones * torch.tensor(9.0).log()).kl().item()
    assert kl == pytest.approx((4 + 9 - 1 - torch.tensor(9.0).log().item()) / 2)
    sample = Posterior(2 * ones, ones * torch.tensor(9.0).log()).sample(ones)
    assert torch.allclose(sample, torch.tensor(5.0))


def test_log_variance_is_bounded():
    model = vae()
    with torch.no_grad():
        model.encoder.block[-1].bias.fill_(1e3)
        assert model.posterior(torch.zeros(1, 640)).log_variance.max() == 20


def test_served_latents_are_standardised():
    model = vae()
    model.latent_mean.fill_(0.5)
    model.latent_std.fill_(2.0)
    encoder, decoder = model.codec_pair()
    audio = torch.randn(1, 3200, generator=torch.Generator().manual_seed(6))
    with torch.no_grad():
        mean = model.posterior(audio).mean
        assert torch.allclose(encoder(audio), (mean - 0.5) / 2)
        assert torch.allclose(decoder(encoder(audio)), model.decode(mean), atol=1e-6)

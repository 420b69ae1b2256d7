"""The papers' numbers: parameter counts and frame arithmetic, without allocating a weight."""

import pytest
import torch
from torch import nn

from stembridge.nn.presets import PRESETS
from stembridge.nn.registry import build
from stembridge.nn.source_vae import SourceVAE, SourceVAEConfig
from stembridge.nn.sources import denoiser_config
from stembridge.nn.unet1d import UNet1dConfig


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("msldm", 364_416_864),
        ("msldm-large", 1_653_815_168),
        ("msdm", 405_497_700),
        ("isldm", 4 * 363_082_224),
        ("mixldm", 364_416_864),
    ],
)
def test_u_net_parameter_counts(name: str, count: int):
    with torch.device("meta"):
        assert parameters(build(PRESETS[name].kind, denoiser_config(PRESETS[name]))) == count


def test_vae_parameter_counts():
    with torch.device("meta"):
        vae = SourceVAE(SourceVAEConfig())
    assert parameters(vae.encoder) == 18_865_600
    assert parameters(vae.decoder) == 42_184_802
    assert parameters(vae) == 61_050_402


@pytest.mark.parametrize(
    ("samples", "frames", "decoded"),
    [(327_680, 1024, 327_672), (262_080, 819, 262_072), (264_320, 826, 264_312)],
)
def test_frame_arithmetic(samples: int, frames: int, decoded: int):
    config = SourceVAEConfig()
    assert config.hop == 320
    assert config.decoded_samples(frames) == decoded
    with torch.device("meta"):
        vae = SourceVAE(config)
        assert vae.posterior(torch.zeros(1, samples)).mean.shape == (1, 80, frames)
        assert vae.decode(torch.zeros(1, 80, frames)).shape == (1, decoded)


def test_the_decoded_window_encodes_to_the_same_frames():
    with torch.device("meta"):
        vae = SourceVAE(SourceVAEConfig())
        assert vae.posterior(torch.zeros(1, 327_672)).mean.shape == (1, 80, 1024)


def test_frame_multiples():
    found = {name: preset.unet.frame_multiple for name, preset in PRESETS.items()}
    assert (found["msldm"], found["msldm-large"], found["msdm"]) == (64, 256, 8192)
    for preset in PRESETS.values():
        assert preset.window_frames % preset.unet.frame_multiple == 0
        assert preset.unet.n_stems == len(preset.stems)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_presets_map_frames_to_frames(name: str):
    preset = PRESETS[name]
    n_frames = preset.unet.frame_multiple
    shape = (2, preset.unet.n_stems, preset.unet.latent_channels, n_frames)
    with torch.device("meta"):
        sigma = torch.zeros(2, shape[1], n_frames)
        conditions = torch.zeros(2, preset.unet.condition_channels, n_frames)
        denoiser = build(preset.kind, denoiser_config(preset))
        assert denoiser(torch.zeros(shape), sigma, conditions).shape == shape


def test_contradicting_configurations_are_refused():
    with pytest.raises(ValueError, match="levels"):
        UNet1dConfig(factors=(1, 2))
    with pytest.raises(ValueError, match="strides"):
        SourceVAEConfig(encoder_strides=(2, 4, 5))

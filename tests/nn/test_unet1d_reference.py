"""The U-Net against audio-diffusion-pytorch 0.0.43's own, which MSDM and MSLDM were trained with.

The papers' configurations, shrunk in width and patch only: levels, blocks, factors, attention and
heads are theirs, so that a skip, a scale or an order that differs shows.
"""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from stembridge.nn.precondition import Preconditioned, denoising_loss
from stembridge.nn.presets import PRESETS
from stembridge.nn.unet1d import UNet1d, UNet1dConfig

reference = pytest.importorskip(
    "audio_diffusion_pytorch",
    reason="pip install --no-deps audio-diffusion-pytorch==0.0.43, and einops, einops-exts",
)
LIMIT = 1e-5


def shrunk(name: str, channels: int = 4) -> UNet1dConfig:
    """A preset's network, 1/16 to 1/32 as wide."""
    full = PRESETS[name].unet
    return replace(full, width=32, patch_factor=4, latent_channels=channels, head_features=8)


CONFIGS = {
    "msldm": shrunk("msldm"),
    "msldm-large": shrunk("msldm-large"),
    "one stem": replace(shrunk("isldm"), n_stems=1),
    "mixldm": shrunk("mixldm", 16),
    "msdm": shrunk("msdm", 1),
    "odd factors": UNet1dConfig(
        2, 4, 0, 32, 2, (1, 2, 3), (3, 5), (1, 3), (True, False), 3, 8, multiplier=3, groups=4
    ),
}


def theirs_like(config: UNet1dConfig) -> nn.Module:
    return reference.UNet1d(
        in_channels=config.n_stems * config.latent_channels,
        channels=config.width, patch_blocks=1, patch_factor=config.patch_factor,
        multipliers=config.multipliers, factors=config.factors, num_blocks=config.n_blocks,
        attentions=config.attentions, attention_heads=config.heads,
        attention_features=config.head_features, attention_multiplier=config.multiplier,
        resnet_groups=config.groups, kernel_multiplier_downsample=2, kernel_sizes_init=[1, 3, 7],
        use_nearest_upsample=False, use_skip_scale=True, use_attention_bottleneck=True,
        use_context_time=True,
    ).eval()  # fmt: skip


def pair(config: UNet1dConfig) -> tuple[UNet1d, nn.Module]:
    """Ours and theirs with the same random weights; norms and gains are not left at 1 either."""
    torch.manual_seed(0)
    theirs = theirs_like(config)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    ours = UNet1d(config).eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return ours, theirs


def at_unit_variance(network: nn.Module, by: Tensor) -> None:
    """Divides a network's output, so that a clamp at 1 meets some of it and not all."""
    block = network.to_out.module_list[0].block
    with torch.no_grad():
        for parameter in [*block.block2.project.parameters(), *block.to_out.parameters()]:
            parameter.div_(by)


def given(config: UNet1dConfig) -> Tensor:
    shape = (3, config.n_stems, config.latent_channels, 2 * config.frame_multiple)
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def assert_same(found: Tensor, expected: Tensor) -> None:
    assert ((found - expected).norm() / expected.norm()).item() <= LIMIT


@pytest.mark.parametrize("name", CONFIGS)
def test_the_network_is_the_papers(name: str):
    config = CONFIGS[name]
    ours, theirs = pair(config)
    x, level = given(config), torch.tensor([-1.2, 0.0, 0.4])
    with torch.no_grad():
        assert_same(ours.stacked(x.flatten(1, 2), level), theirs(x.flatten(1, 2), level))


@pytest.mark.parametrize(("name", "sigma_data"), [("msdm", 0.2), ("msldm", 0.4)])
def test_denoiser_and_loss_are_the_papers(name: str, sigma_data: float):
    """Their `Diffusion` clamps, which MSDM wants and MSLDM commented out: compared with a limit."""
    config, preset = CONFIGS[name], PRESETS[name]
    assert preset.sigma_data == sigma_data
    ours, theirs = pair(config)
    levels = torch.tensor([0.05, 0.5, 3.0])

    def levels_of(num_samples: int, device: torch.device) -> Tensor:
        return levels

    with torch.no_grad():
        size = theirs(given(config).flatten(1, 2), torch.zeros(3)).std()
    at_unit_variance(ours, size)
    at_unit_variance(theirs, size)
    edm = reference.Diffusion(theirs, sigma_distribution=levels_of, sigma_data=sigma_data)
    D = Preconditioned(ours, preset.sigma_data, 1.0)
    clean, none = given(config) * sigma_data, torch.zeros(3, 0, 1)
    noise = given(config).flip(0)
    sigma = levels[:, None, None].expand(3, config.n_stems, clean.shape[-1])
    x = clean + sigma[:, :, None] * noise
    with torch.no_grad():
        expected = edm.denoise_fn(x.flatten(1, 2), sigmas=levels)
        assert 0 < (expected.abs() == 1).float().mean() < 0.9  # the clamp is at work, on some
        assert_same(D(x, sigma, none).flatten(1, 2), expected)
        loss = denoising_loss(D, clean, noise, sigma, none)
        reference_loss = edm(clean.flatten(1, 2), noise=noise.flatten(1, 2))
    assert loss.item() == pytest.approx(reference_loss.item(), rel=LIMIT)


def test_the_shrunk_networks_have_every_kind_of_part():
    """A level with and without attention, a factor of 1 and above, unequal widths."""
    for name in ("msldm", "msldm-large"):
        config = CONFIGS[name]
        assert set(config.attentions) == {True, False}
        assert {1, 2} <= set(config.factors)
        assert len(set(config.multipliers)) > 1
        assert math.prod(config.factors) == math.prod(PRESETS[name].unet.factors)

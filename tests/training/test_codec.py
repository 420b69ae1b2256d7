"""Fitting the linear codec: determinism and the limits of what it is given."""

from __future__ import annotations

import pytest
import torch

from stembridge.nn.linear_codec import LinearCodec, LinearCodecConfig
from stembridge.training.codec import collect_patches, fit

CONFIG = LinearCodecConfig(256, 256, 5, rate=8000)


def clips() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [0.1 * torch.randn(4000, generator=generator) for _ in range(3)]


def patches_of(seed: int) -> torch.Tensor:
    return collect_patches(LinearCodec(CONFIG), clips(), 8, torch.Generator().manual_seed(seed))


def test_the_draw_is_the_generators() -> None:
    assert patches_of(1).shape == (24, CONFIG.patch_size)
    assert torch.equal(patches_of(1), patches_of(1))
    assert not torch.equal(patches_of(1), patches_of(2))


def test_low_rank_patches_are_explained_whole_and_come_back_exactly() -> None:
    generator = torch.Generator().manual_seed(0)
    factors = torch.randn(5, CONFIG.patch_size, generator=generator)
    patches = torch.randn(200, 5, generator=generator) @ factors - 1.0
    codec = LinearCodec(CONFIG)
    assert fit(codec, patches) == pytest.approx(1.0, abs=1e-6)
    again = codec.decoded_patches(codec.project(patches[None]))[0].detach()
    assert float((again - patches).abs().max()) < 1e-3


def test_leading_components_are_the_strongest() -> None:
    generator = torch.Generator().manual_seed(0)
    patches = torch.randn(400, CONFIG.patch_size, generator=generator)
    patches *= torch.linspace(3.0, 0.1, CONFIG.patch_size)
    codec = LinearCodec(CONFIG)
    fit(codec, patches)
    deviations = codec.project(patches[None])[0].std(1)
    assert (deviations[:-1] >= deviations[1:] - 1e-4).all()

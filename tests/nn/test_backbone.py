"""The default denoising network: size, reach, and what its noise inputs do."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from stembridge.nn.backbone import Backbone, BackboneConfig
from stembridge.training.recipe import load_recipe

TINY = BackboneConfig(
    stems=2, channels=3, conditions=5, width=16, dilations=(1, 0, 2), heads=2, level_features=8
)


def awake(config: BackboneConfig = TINY) -> Backbone:
    """A network whose zero-initialised layers are random, so that every input can be heard."""
    torch.manual_seed(0)
    network = Backbone(config)
    for parameter in network.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return network.eval()


def inputs(frames: int = 20) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return (
        torch.randn(2, 2, 3, frames, generator=generator),
        torch.rand(2, 2, frames, generator=generator) + 0.1,
        torch.randn(2, 5, frames, generator=generator),
    )


def test_the_default_model_has_the_size_that_the_recipe_promises() -> None:
    network = Backbone(load_recipe().backbone_config)
    count = sum(p.numel() for p in network.parameters())
    assert 7e6 < count < 15e6  # at most 30 MB in float16


def test_an_untrained_network_says_nothing() -> None:
    assert not Backbone(TINY)(*inputs()).any()


def test_shapes_and_any_length() -> None:
    network = awake()
    for frames in (1, 7, 40):
        assert network(*inputs(frames)).shape == (2, 2, 3, frames)


@pytest.mark.parametrize("stem", [0, 1])
def test_the_sigma_of_a_given_frame_reaches_the_output(stem: int) -> None:
    network = awake()
    x, sigma, conditions = inputs()
    lowered = sigma.clone()
    lowered[0, stem, 4] = 0.02  # below every maximum, so only the frame's own channel can tell
    change = (network(x, lowered, conditions) - network(x, sigma, conditions)).abs()
    assert change[0, :, :, 4].max() > 1e-4
    assert not change[1].any()


def test_the_loudest_level_of_a_stem_modulates_every_frame() -> None:
    config = BackboneConfig(
        stems=2, channels=3, conditions=5, width=16, dilations=(1,), level_features=8
    )
    network = awake(config)
    x, sigma, conditions = inputs()
    raised = sigma.clone()
    raised[:, 0, 4] = 50.0
    change = (network(x, raised, conditions) - network(x, sigma, conditions)).abs()
    assert (change.amax((0, 1, 2)) > 1e-5).all()  # far beyond the one block's reach of 1 frame


def test_frames_reach_as_far_as_the_dilations_say_and_no_further() -> None:
    config = BackboneConfig(
        stems=2, channels=3, conditions=5, width=16, dilations=(1, 4), level_features=8
    )
    network = awake(config)
    x, sigma, conditions = inputs(30)
    moved = x.clone()
    moved[:, :, :, 15] += 1.0
    change = (network(moved, sigma, conditions) - network(x, sigma, conditions)).abs()
    reached = torch.flatten(torch.nonzero(change.amax((0, 1, 2)) > 1e-6))
    assert (int(reached.min()), int(reached.max())) == (10, 20)


def test_attention_depends_on_distance_but_not_on_absolute_place() -> None:
    config = BackboneConfig(
        stems=2, channels=3, conditions=5, width=16, dilations=(0,), heads=2, level_features=8
    )
    network = awake(config)
    x, sigma, conditions = inputs(24)
    sigma = torch.ones_like(sigma)
    order = torch.arange(24).roll(5)
    plain = network(x, sigma, conditions)
    rolled = network(x[..., order], sigma, conditions[..., order])
    # A permutation-invariant network would give the same; rotary positions must not.
    assert (rolled - plain[..., order]).abs().max() > 1e-4


def test_conditions_reach_the_output() -> None:
    network = awake()
    x, sigma, conditions = inputs()
    other = conditions.clone()
    other[:, 2] += 1.0
    assert (network(x, sigma, other) - network(x, sigma, conditions)).abs().max() > 1e-4

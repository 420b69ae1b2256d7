"""Behaviour of the U-Net that counts and shapes do not show."""

import math
from dataclasses import replace

import torch

from stembridge.nn.presets import PRESETS
from stembridge.nn.unet1d import UNet1d
from stembridge.nn.unet_blocks import Attention, NoiseEmbedding, Patch, Unpatch

TINY = PRESETS["tiny"].unet


def unet(**changes) -> UNet1d:
    torch.manual_seed(0)
    return UNet1d(replace(TINY, **changes)).eval()


def given(batch: int = 2, n_frames: int = 16, n_conditions: int = 0):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(batch, 4, 8, n_frames, generator=generator)
    return (
        x,
        torch.full((batch, 4, n_frames), 2.0),
        torch.randn(batch, n_conditions, n_frames, generator=generator),
    )


def test_sigma_is_read_as_its_maximum_per_item():
    network, (x, sigma, conditions) = unet(), given()
    quieter = sigma.clone()
    quieter[:, 1:] = 0.1
    with torch.no_grad():
        assert torch.equal(network(x, sigma, conditions), network(x, quieter, conditions))
        quieter[0] = 0.1
        changed = network(x, sigma, conditions) - network(x, quieter, conditions)
    assert changed[0].abs().max() > 0
    assert changed[1].abs().max() == 0


def test_conditions_are_heard_where_the_config_has_channels():
    network, (x, sigma, conditions) = unet(condition_channels=3), given(n_conditions=3)
    with torch.no_grad():
        difference = network(x, sigma, conditions) - network(x, sigma, -conditions)
    assert difference.abs().max() > 0


def test_items_do_not_mix():
    network, (x, sigma, conditions) = unet(), given()
    with torch.no_grad():
        together = network(x, sigma, conditions)
        alone = network(x[1:], sigma[1:], conditions[1:])
    assert torch.allclose(together[1:], alone, atol=1e-5)


def test_every_parameter_learns():
    network, inputs = unet(), given()
    network(*inputs).square().sum().backward()
    silent = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


def test_patches_put_the_channel_first_and_the_frame_second():
    patch = Patch(4, 8, factor=2, mapping_features=4)
    unpatch = Unpatch(8, 4, factor=2, mapping_features=4)
    patch.block = unpatch.block = _Same()
    x = torch.arange(2 * 4 * 6.0).reshape(2, 4, 6)
    folded = patch(x, None)
    assert folded.shape == (2, 8, 3)
    assert folded[0, :4, 0].tolist() == [x[0, 0, 0], x[0, 0, 1], x[0, 1, 0], x[0, 1, 1]]
    assert torch.equal(unpatch(folded, None), x)


class _Same(torch.nn.Module):
    def forward(self, x, mapping):
        return x


def test_noise_embedding_is_its_formula():
    embedding = NoiseEmbedding(4)
    weights = embedding.weights.detach()
    found = embedding(torch.tensor([0.7])).detach()[0]
    phases = [2 * math.pi * 0.7 * w for w in weights.tolist()]
    expected = [0.7, *map(math.sin, phases), *map(math.cos, phases)]
    assert torch.allclose(found, torch.tensor(expected), atol=1e-5)


def test_attention_knows_no_positions():
    torch.manual_seed(0)
    attention = Attention(8, heads=2, head_features=4)
    x = torch.randn(1, 5, 8)
    order = torch.tensor([3, 0, 4, 1, 2])
    with torch.no_grad():
        assert torch.allclose(attention(x)[:, order], attention(x[:, order]), atol=1e-5)

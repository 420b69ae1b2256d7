"""EDM preconditioning against its closed forms."""

import math

import pytest
import torch
from torch import Tensor, nn

from stembridge.nn.precondition import (
    Preconditioned,
    denoising_loss,
    loss_weight,
    noise_level,
    scalings,
)

NO_CONDITIONS = torch.zeros(2, 0, 5)


class Zero(nn.Module):
    """F = 0: what remains is c_skip x, the best linear denoiser of N(0, sigma_data^2)."""

    def forward(self, x: Tensor, sigma: Tensor, conditions: Tensor) -> Tensor:
        return torch.zeros_like(x)


class Keep(nn.Module):
    """Remembers what the network was given."""

    def forward(self, x: Tensor, sigma: Tensor, conditions: Tensor) -> Tensor:
        self.given = x, sigma, conditions
        return x


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_scalings_are_the_papers():
    sigma = torch.tensor([[[0.0, 0.3, 2.0]]])
    c_skip, c_out, c_in = scalings(sigma, 0.4)
    for i, s in enumerate((0.0, 0.3, 2.0)):
        assert c_skip[0, 0, 0, i].item() == pytest.approx(0.16 / (s * s + 0.16))
        assert c_out[0, 0, 0, i].item() == pytest.approx(s * 0.4 / math.sqrt(s * s + 0.16))
        assert c_in[0, 0, 0, i].item() == pytest.approx(1 / math.sqrt(s * s + 0.16))
    assert noise_level(torch.tensor([math.e**2])).item() == pytest.approx(0.5)
    assert torch.isfinite(noise_level(torch.zeros(1))).all()


def test_every_frame_of_every_stem_has_its_own_sigma():
    sigma = torch.tensor([[[0.0, 1.0], [5.0, 0.0]]])
    x = torch.randn(1, 2, 3, 2, generator=generator())
    keep = Keep()
    denoised = Preconditioned(keep, 1.0)(x, sigma, NO_CONDITIONS[:1])
    assert torch.equal(denoised[0, 0, :, 0], x[0, 0, :, 0])
    assert torch.equal(denoised[0, 1, :, 1], x[0, 1, :, 1])
    assert torch.allclose(keep.given[0][0, 1, :, 0], x[0, 1, :, 0] / math.sqrt(26))
    assert torch.equal(keep.given[1], sigma)


def test_network_input_has_unit_variance():
    keep = Keep()
    sigma = torch.full((64, 4, 50), 1.7)
    clean, noise = (torch.randn(64, 4, 8, 50, generator=generator(i)) for i in (1, 2))
    Preconditioned(keep, 0.4)(0.4 * clean + 1.7 * noise, sigma, torch.zeros(64, 0, 50))
    assert keep.given[0].std().item() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("sigma_value", [0.05, 0.4, 3.0])
def test_loss_of_the_best_linear_denoiser_is_its_closed_form(sigma_value: float):
    # D = c_skip x leaves the posterior variance s^2 d^2 / (s^2 + d^2) = c_out^2, so that
    # lambda times it is 1 at every sigma.
    clean = 0.4 * torch.randn(64, 4, 8, 50, generator=generator(3))
    noise = torch.randn(clean.shape, generator=generator(4))
    sigma = torch.full((64, 4, 50), sigma_value)
    loss = denoising_loss(Preconditioned(Zero(), 0.4), clean, noise, sigma, torch.zeros(64, 0, 50))
    assert loss.item() == pytest.approx(1, abs=0.02)
    weight = loss_weight(sigma[:1, :1, :1], 0.4).item()
    assert weight == pytest.approx((sigma_value**2 + 0.16) / (sigma_value * 0.4) ** 2)


def test_given_frames_do_not_count_even_at_sigma_zero():
    clean, noise = (torch.randn(2, 3, 4, 5, generator=generator(i)) for i in (5, 6))
    sigma = torch.ones(2, 3, 5)
    sigma[:, 0] = 0.0
    counted = torch.ones(2, 3, 5)
    counted[:, 0] = 0.0
    denoiser = Preconditioned(Zero(), 1.0)
    loss = denoising_loss(denoiser, clean, noise, sigma, NO_CONDITIONS, counted)
    alone = denoising_loss(denoiser, clean[:, 1:], noise[:, 1:], sigma[:, 1:], NO_CONDITIONS)
    assert loss.item() == pytest.approx(alone.item(), rel=1e-6)
    none = denoising_loss(denoiser, clean, noise, sigma, NO_CONDITIONS, torch.zeros(2, 3, 5))
    assert none.item() == 0


def test_output_limit_clamps():
    x = torch.full((1, 1, 1, 2), 9.0)
    assert Preconditioned(Zero(), 10.0, 1.0)(x, torch.ones(1, 1, 2), NO_CONDITIONS[:1]).max() == 1

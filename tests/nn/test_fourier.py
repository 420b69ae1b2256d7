"""Matrix-product Fourier transforms against torch.fft."""

from __future__ import annotations

import pytest
import torch

from stembridge.nn.fourier import RealFourier, ShortTimeFourier


def relative(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize("n", [16, 32, 1024, 4096])
def test_forward_is_the_real_dft(n: int) -> None:
    frames = torch.randn(3, n, generator=torch.Generator().manual_seed(n))
    fourier = RealFourier(n)
    packed = fourier(frames)
    h = fourier.columns
    bins = torch.complex(fourier.to_bins(packed[:, :, :h]), fourier.to_bins(packed[:, :, h:]))
    assert relative(torch.view_as_real(bins), torch.view_as_real(torch.fft.rfft(frames))) < 1e-4
    assert relative(fourier.inverse(packed), frames) < 1e-4


def test_the_inverse_is_that_of_torch_for_any_spectrum() -> None:
    n = 256
    generator = torch.Generator().manual_seed(1)
    spectrum = torch.randn(2, n // 2 + 1, dtype=torch.complex64, generator=generator)
    fourier = RealFourier(n)
    packed = torch.cat([fourier.from_bins(spectrum.real), fourier.from_bins(spectrum.imag)], 2)
    assert relative(fourier.inverse(packed), torch.fft.irfft(spectrum, n)) < 1e-4


def test_packing_is_a_bijection() -> None:
    fourier = RealFourier(64)
    bins = torch.arange(66.0).reshape(2, 33)
    torch.testing.assert_close(fourier.to_bins(fourier.from_bins(bins)), bins)


@pytest.mark.parametrize(("n", "hop"), [(64, 16), (512, 128), (512, 256)])
def test_short_time_transform_inverts(n: int, hop: int) -> None:
    audio = torch.randn(2, 12 * hop, generator=torch.Generator().manual_seed(0))
    transform = ShortTimeFourier(n, hop)
    packed = transform(audio)
    assert packed.shape[0] == 2 * 12  # one frame per hop, batch folded
    found = transform.inverse(packed, 2)
    assert relative(found, audio) < 1e-4


def test_a_frame_is_centred_on_the_middle_of_its_hop() -> None:
    transform = ShortTimeFourier(64, 16)
    audio = torch.zeros(1, 160)
    audio[0, 5 * 16 + 8] = 1.0
    energy = transform.frames(audio)[0].square().sum(1)
    assert int(energy.argmax()) == 5
    assert energy[4] == pytest.approx(float(energy[6]), rel=1e-5)

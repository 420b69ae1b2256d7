"""The autoencoder's losses and judges against what is known of them in closed form."""

import math

import pytest
import torch

from stembridge.training.discriminators import (
    DiscriminatorConfig,
    Discriminators,
    PeriodDiscriminator,
)
from stembridge.training.losses import (
    MelDistance,
    adversarial_loss,
    discriminator_loss,
    feature_loss,
    mel_filters,
)


def tone(hz: float, level: float = 0.5, n: int = 4096) -> torch.Tensor:
    return level * torch.sin(2 * math.pi * hz * torch.arange(n) / 22050)[None]


def test_mel_filters_are_triangles_of_unit_area():
    filters = mel_filters(40, 4096, 22050)
    assert filters.shape == (40, 2049)
    assert (filters >= 0).all()
    areas = filters.sum(1) * 22050 / 4096
    assert torch.allclose(areas, torch.ones(40), atol=0.03)
    centres = filters.argmax(1) * 22050 / 4096
    assert (centres.diff() > 0).all()
    # Slaney's scale: equal steps in Hz below 1 kHz, equal ratios above.
    low, high = centres[centres < 950], centres[centres > 1100]
    assert low.diff().std() < 6
    assert (high[1:] / high[:-1]).std() < 0.01


def test_a_tone_lights_the_band_it_is_in():
    filters = mel_filters(80, 512, 22050)
    spectrum = torch.stft(
        tone(3000), 512, 128, window=torch.hann_window(512), return_complex=True
    ).abs()
    loudest = (filters @ spectrum)[0].mean(1).argmax()
    edges = torch.nonzero(filters[loudest]).flatten() * 22050 / 512
    assert edges.min() - 22050 / 512 <= 3000 <= edges.max() + 22050 / 512


def test_mel_distance_measures_level_in_tenths_of_a_bel():
    distance = MelDistance(22050)
    assert distance(tone(440), tone(440)).item() == 0
    # Noise fills every band, so that halving it shifts each of the 7 log mels by log10 2.
    noise = torch.randn(1, 8192, generator=torch.Generator().manual_seed(0))
    assert distance(noise, noise / 2).item() == pytest.approx(7 * math.log10(2), rel=0.02)
    assert distance(tone(440), tone(880)) > distance(tone(440), tone(440, 0.4))


def test_silence_has_a_finite_distance_and_gradient():
    silence = torch.zeros(1, 4096, requires_grad=True)
    loss = MelDistance(22050)(silence, tone(440))
    loss.backward()
    assert math.isfinite(loss.item())
    assert torch.isfinite(silence.grad).all()


def test_least_squares_games():
    real = [[torch.full((2, 3), 5.0), torch.ones(4)], [torch.ones(2), torch.ones(1)]]
    fake = [[torch.full((2, 3), 4.0), torch.zeros(4)], [torch.zeros(2), torch.zeros(1)]]
    assert discriminator_loss(real, fake).item() == 0
    assert discriminator_loss(fake, real).item() == 4
    assert adversarial_loss(fake).item() == 2
    assert adversarial_loss(real).item() == 0
    assert feature_loss(real, fake).item() == 2


def test_the_papers_judges_are_42_million_parameters():
    with torch.device("meta"):
        judges = Discriminators(DiscriminatorConfig())
    assert sum(p.numel() for p in judges.parameters()) == 42_519_760
    assert len(judges.all) == 8


SMALL = DiscriminatorConfig((2, 3), (4, 4), (256,), band_width=4)


def test_judges_ignore_level_and_offset():
    torch.manual_seed(0)
    judges, audio = Discriminators(SMALL), tone(500, n=1000) + tone(777, n=1000)
    features = (judges(audio), judges(0.25 * audio + 0.3))
    for layers in zip(*features, strict=True):
        for one, other in zip(*layers, strict=True):
            assert torch.allclose(one, other, atol=1e-4)


def test_period_judges_see_columns_of_every_period_th_sample():
    torch.manual_seed(0)
    judge = PeriodDiscriminator(3, (4,))
    audio = torch.zeros(1, 30)
    base = judge(audio)[0]
    audio[0, 13] = 1.0  # 13 = 4 * 3 + 1
    changed = (judge(audio)[0] != base).any(dim=1)[0]
    assert changed.any(dim=0).tolist() == [False, True, False]

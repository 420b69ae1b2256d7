"""Statistics in closed form, and what the classifier must not hear."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from stembridge.conditions import GRID_CHANNELS, grid_block
from stembridge.musical_time import TimeSignature
from stembridge.nn.style_classifier import StyleClassifier, StyleClassifierConfig

FRAME_S = 2048 / 44100
CONFIG = StyleClassifierConfig(stems=2, channels=3, styles=4, frame_s=FRAME_S, detail=1)


def classifier() -> StyleClassifier:
    torch.manual_seed(0)
    return StyleClassifier(CONFIG).eval()


def grid(bpm: float, metre: str, n_frames: int = 400) -> torch.Tensor:
    beats = (np.arange(n_frames) + 0.5) * FRAME_S * bpm / 60
    return torch.from_numpy(grid_block(beats, bpm, TimeSignature.parse(metre)))[None]


def sound(n_frames: int = 400) -> torch.Tensor:
    return torch.randn(1, 2, 3, n_frames, generator=torch.Generator().manual_seed(1))


def test_statistics_are_those_of_the_given_frames() -> None:
    latents, told = sound(), grid(120, "4/4")
    given = torch.ones(1, 2, 400)
    given[:, 1, 300:] = 0.0
    found = classifier().statistics(latents, given, told)[0, 1]
    heard = latents[0, 1, :, :300]
    waves = told[0, 2:GRID_CHANNELS, :300]
    expected = torch.cat(
        [
            heard.mean(1),
            heard.std(1, correction=0),
            heard.diff(dim=1).abs().sum(1) / 300,
            ((heard[:1] - heard[:1].mean()) @ waves.T / 300).flatten(),
        ]
    )
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_a_stem_that_is_not_given_is_not_heard() -> None:
    given = torch.ones(1, 2, 400)
    given[:, 1] = 0.0
    one, other = sound(), sound()
    other[:, 1] = 7.0
    hear, told = classifier(), grid(120, "4/4")
    torch.testing.assert_close(hear(one, given, told), hear(other, given, told))
    assert not torch.allclose(hear(one, torch.ones(1, 2, 400), told), hear(one, given, told))


@pytest.mark.parametrize("bpm", [60.0, 120.0, 180.0])
@pytest.mark.parametrize(("metre", "bar"), [("4/4", 4.0), ("7/8", 3.5), ("3/4", 3.0)])
def test_the_length_of_the_bar_is_read_from_the_grid(bpm: float, metre: str, bar: float) -> None:
    told = classifier()._tempo_and_bar(grid(bpm, metre))[0]
    assert told[0] == 1.0
    bars = told[11:]
    assert float(torch.linspace(2.0, 6.0, 9)[bars.argmax()]) == bar
    assert bars.max() > 0.98


def test_without_a_grid_nothing_of_tempo_is_known_and_chances_are_still_chances() -> None:
    hear, none = classifier(), torch.zeros(1, GRID_CHANNELS, 400)
    assert not hear._tempo_and_bar(none).any()
    for n_frames in (1, 2, 400):
        chances = hear(sound(n_frames), torch.ones(1, 2, n_frames), none[..., :n_frames])
        assert chances.shape == (1, 4)
        assert chances.detach().sum().item() == pytest.approx(1.0, abs=1e-5)

"""Sampling with high noise levels told as less than they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from stembridge.conditions import Conditions
from stembridge.diffusion.inpaint import Known
from stembridge.diffusion.time_shift import time_shifted
from stembridge.inference import infer, settings_of
from stembridge.runtime.manifest import SamplerDefaults
from stembridge.testing import FakeModel, fake_manifest


def told(x: Any, sigma: Any, conditions: Conditions) -> Any:
    return sigma


NOTHING = Conditions(np.zeros((1, 1, 3), np.float32))
LEVELS = np.array([[[0.1, 2.0, 40.0]] * 2], np.float32)


def test_high_levels_are_told_as_less_and_low_ones_as_they_are() -> None:
    heard = time_shifted(told, [0.75, 1.0], above=2.0)(None, LEVELS, NOTHING)
    assert heard.dtype == np.float32
    np.testing.assert_allclose(heard, [[[0.1, 1.5, 30.0], [0.1, 2.0, 40.0]]], rtol=1e-6)
    same = time_shifted(told, [0.75, 1.0], above=2.0)(None, torch.from_numpy(LEVELS), NOTHING)
    np.testing.assert_array_equal(same.numpy(), heard)


def test_one_is_the_plain_denoiser_at_no_cost() -> None:
    assert time_shifted(told, [1.0, 1.0], above=0.0) is told


class Listening(FakeModel):
    """Keeps the levels that it is told."""

    def denoise(self, x: Any, sigma: Any, conditions: Any, tokens: Any = None) -> Any:
        self.__dict__.setdefault("levels", []).append(sigma.copy())
        return super().denoise(x, sigma, conditions, tokens)


def test_a_models_habit_shifts_what_is_made_and_not_what_is_given() -> None:
    habit = SamplerDefaults(steps=3, shift={"bass": 0.7, "drums": 0.8}, sigma_min=0.5)
    model = Listening(fake_manifest(sampler=habit))
    manifest = model.manifest
    shape = (1, manifest.n_stems, manifest.latent_channels, 8)
    mask = np.zeros((1, manifest.n_stems, 8), np.float32)
    mask[:, 0] = 1.0
    known = Known(np.zeros(shape, np.float32), mask, sigma_context=manifest.sigma_context)
    conditions = Conditions(np.zeros((1, manifest.layout.channels, 8), np.float32))
    settings = settings_of(manifest)
    infer(model, conditions, known, settings, [1])
    levels = np.array(model.levels)[:, 0]  # type: ignore[attr-defined]
    assert (levels[:, 0] == np.float32(manifest.sigma_context)).all()
    high, middle, low, end = settings.sigmas
    assert end == 0.0 and low == 0.5
    np.testing.assert_allclose(levels[:, 1, 0], [0.8 * high, 0.8 * middle, low], rtol=1e-6)
    assert not settings_of(manifest, sampler="euler").shift

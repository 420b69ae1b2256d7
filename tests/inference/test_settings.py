"""How a model is sampled: its habit for a purpose, and what a wish changes of it."""

from __future__ import annotations

import numpy as np

from stembridge.conditions import Conditions
from stembridge.diffusion.schedule import ddim_sigmas, karras_sigmas
from stembridge.inference import settings_of, windows_of
from stembridge.inference.settings import Settings
from stembridge.runtime.manifest import SamplerDefaults
from stembridge.testing import fake_manifest

PARTIAL = SamplerDefaults(name="euler", steps=256, churn=10.0, resamples=3, sigma_max=5.0)
TOTAL = SamplerDefaults(name="ancestral", steps=200, eta=1.0, guidance=2.0, schedule="ddim")
MANIFEST = fake_manifest(sampler=TOTAL, habits={"partial": PARTIAL}, whole_window=True)


def test_each_purpose_has_its_own_habit():
    total, partial = (settings_of(MANIFEST, purpose=name) for name in ("generate", "partial"))
    assert (total.sampler, total.steps, total.eta, total.guidance) == ("ancestral", 200, 1.0, 2.0)
    assert total.sigmas == tuple(ddim_sigmas(200)) and total.churn is None
    assert (partial.sampler, partial.churn, partial.resamples) == ("euler", 10.0, 3)
    assert partial.procedure == "generate"
    assert partial.sigmas == tuple(karras_sigmas(256, MANIFEST.sigma_min, 5.0))
    assert settings_of(MANIFEST, purpose="coupled").procedure == "coupled"


def test_another_sampler_brings_its_own_noise_levels_and_steps():
    other: Settings = settings_of(MANIFEST, sampler="heun")
    assert (other.steps, other.eta, other.churn) == (18, None, None)
    assert other.sigmas == tuple(karras_sigmas(18, MANIFEST.sigma_min, MANIFEST.sigma_max))
    assert settings_of(MANIFEST, steps=50).sigmas == tuple(ddim_sigmas(50))


def test_short_requests_are_made_in_a_whole_window():
    told = Conditions(np.zeros((1, 41, 20), np.float32))
    (place,) = windows_of(MANIFEST, told).plan(20)
    assert len(place) == MANIFEST.window_frames
    assert len(windows_of(fake_manifest(), told).plan(20)[0]) < MANIFEST.window_frames

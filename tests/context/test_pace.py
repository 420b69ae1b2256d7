"""The model's session beside the musician's: in tune, and of whole frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.context import load_context
from stembridge.context.pace import pace_for
from stembridge.inference import codec
from stembridge.request import GenerationRequest, parse_request
from stembridge.testing import FakeModel, fake_manifest

MANIFEST = fake_manifest()


def request_for(**wishes: Any) -> GenerationRequest:
    return parse_request({"generate": "bass", "bpm": "120", "bars": 2} | wishes)


@pytest.mark.parametrize("bpm", ["61.7", "93", "120", "174", "286.78"])
@pytest.mark.parametrize("bars", [1, 2, 7])
@pytest.mark.parametrize("metre", ["4/4", "7/8"])
@pytest.mark.parametrize("tuned", [1.0, 2 ** (49 / 1200)])
def test_a_loop_is_whole_frames(bpm: str, bars: int, metre: str, tuned: float) -> None:
    request = request_for(bpm=bpm, bars=bars, time_signature=metre, loop=True)
    pace = pace_for(request, MANIFEST, tuned)
    context = load_context(request, MANIFEST, AllowedRoots.anywhere())
    assert context.samples.shape[1] % MANIFEST.hop == 0
    frames = request.duration_s * tuned * MANIFEST.sample_rate / MANIFEST.hop
    assert abs(pace.slower / tuned - 1) <= 0.5 / frames + 1e-9
    assert pace.heard(request).bpm * pace.slower == pytest.approx(request.bpm)


def test_without_a_loop_only_tuning_counts() -> None:
    request = request_for()
    assert pace_for(request, MANIFEST, 1.0).heard(request) is request
    pace = pace_for(request, MANIFEST, 1.02)
    assert pace.slower == pace.tuned == 1.02


def test_a_decoded_loop_ends_with_what_leads_into_its_start() -> None:
    """Latents that rise towards the end: a decoder without the loop would start from nothing."""
    model, n_frames = FakeModel(), 40
    latents = np.tile(np.linspace(0, 1, n_frames, dtype=np.float32), (MANIFEST.latent_channels, 1))
    n_samples = n_frames * MANIFEST.hop
    looped = codec.decode_loop(model, "bass", latents, n_samples)
    assert looped.size == n_samples
    ahead = round(codec.AHEAD_S * MANIFEST.sample_rate)
    around = np.concatenate([latents[:, -20:], latents[:, :5]], axis=1)
    whole = codec.decode(model, "bass", around, 25 * MANIFEST.hop)
    # The fake's tone has a phase of its own wherever it is decoded: only loudness can be compared.
    level = np.abs(looped[-ahead:]).max()
    assert level == pytest.approx(np.abs(whole[20 * MANIFEST.hop - ahead :][:ahead]).max(), rel=0.1)

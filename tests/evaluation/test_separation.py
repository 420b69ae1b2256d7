"""How well mixtures are taken apart: the measure, its windows, and the table."""

from __future__ import annotations

import numpy as np
import pytest

from stembridge.dataset.annotated import AnnotatedSong
from stembridge.evaluation.separation import (
    CEILING,
    evaluate_separation,
    improvements,
    si_sdr,
)
from stembridge.musical_time import TimeSignature
from stembridge.separation import chains
from stembridge.testing import FakeModel, hearing_manifest
from tests.helpers.mixes import BandModel, four_tones

RATE = 22_050
NOISE = np.random.default_rng(0).standard_normal((3, 8 * RATE)).astype(np.float32)


def song(stems: np.ndarray, names: tuple[str, ...] = hearing_manifest().stems) -> AnnotatedSong:
    return AnnotatedSong("one", stems, RATE, 120.0, TimeSignature(4, 4), stems=names)


@pytest.mark.parametrize("gain", [1.0, -0.3])
@pytest.mark.parametrize("level_db", [0.0, 20.0])
def test_noise_of_a_level_gives_that_level_at_any_gain(gain: float, level_db: float) -> None:
    noisy = NOISE[0] + NOISE[1] * 10 ** (-level_db / 20)
    assert si_sdr(gain * noisy, NOISE[0]) == pytest.approx(level_db, abs=0.1)


def test_windows_count_where_two_stems_sound_and_for_those_that_do() -> None:
    stems = NOISE.copy()
    stems[1, 4 * RATE :] = stems[2] = 0
    made = improvements(stems, stems, stems.sum(0), RATE)
    assert made.shape == (2, 3)  # 0 to 4 s and 2 to 6; from 4 s on one stem is alone
    assert np.isnan(made[:, 2]).all() and (made[:, :2] > 60).all()
    nothing = improvements(np.stack([stems.sum(0)] * 3), stems, stems.sum(0), RATE)
    np.testing.assert_allclose(nothing[:, :2], 0, atol=1e-6)


def test_a_model_is_held_against_its_codecs_ceiling() -> None:
    songs = [song(four_tones(RATE, 7.0)[:, 0])]
    figures = evaluate_separation(FakeModel(hearing_manifest()), songs, 0, lambda line: None)
    assert list(figures) == ["mask", CEILING]
    assert figures["mask"]["mean"] > 10 and figures["mask"]["windows"] == 2
    assert figures[CEILING]["mean"] > 10
    assert list(figures["mask"]["stems"]) == ["bass", "drums", "guitar", "piano"]


def test_waveform_models_are_measured_by_both_their_methods(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chains, "STEPS", 12)
    model = BandModel()
    stems = np.tile(model.draw(1, RATE // 16 * 16)[:, 0], 4)
    stems = np.pad(stems, ((0, 0), (0, 16 * 5600 - stems.shape[1])))
    model.manifest = model.manifest.model_copy(update={"window_frames": 5600, "overlap_frames": 0})
    figures = evaluate_separation(model, [song(stems, ("bass", "drums"))], 0, lambda line: None)
    assert list(figures) == ["dirac", "gaussian"]
    assert figures["dirac"]["mean"] > 1 and figures["dirac"]["windows"] == 1

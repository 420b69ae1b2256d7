"""A stem's loudness: its role's, as a whole, and never out of nothing."""

from __future__ import annotations

import numpy as np
import pytest

from stembridge.audio.loudness import integrated_loudness
from stembridge.inference.level import MAX_GAIN_DB, levelled, role_gain_db
from stembridge.testing import FakeModel

RATE = FakeModel().manifest.sample_rate
NOMINAL = {"bass": -26.0, "guitar": -28.0}


@pytest.fixture
def manifest():
    return FakeModel().manifest.model_copy(update={"nominal_stem_lufs": NOMINAL})


def level_stem(audio, stem, manifest):
    return levelled(audio, role_gain_db(audio, stem, manifest))


def noise(level: float) -> np.ndarray:
    return (level * np.random.default_rng(0).standard_normal(4 * RATE)).astype(np.float32)


@pytest.mark.parametrize("level", [0.02, 0.05, 0.1])
@pytest.mark.parametrize("stem", list(NOMINAL))
def test_every_take_comes_at_the_loudness_of_its_role(manifest, stem, level):
    moved = level_stem(noise(level), stem, manifest)
    assert moved.dtype == np.float32
    assert integrated_loudness(moved, RATE) == pytest.approx(NOMINAL[stem], abs=0.05)


def test_loud_and_quiet_parts_keep_their_difference(manifest):
    take = np.concatenate([noise(0.02), noise(0.1)])
    moved = level_stem(take, "bass", manifest)
    gains = moved[take != 0] / take[take != 0]
    np.testing.assert_allclose(gains, gains[0], rtol=1e-5)


def test_the_gain_has_limits_and_silence_stays(manifest):
    whisper = noise(1e-3)
    np.testing.assert_allclose(
        level_stem(whisper, "bass", manifest), whisper * 10 ** (MAX_GAIN_DB / 20), rtol=1e-5
    )
    silence = np.zeros(RATE, np.float32)
    assert not level_stem(silence, "bass", manifest).any()


def test_a_manifest_that_does_not_say_changes_nothing(manifest):
    take = noise(0.1)
    assert level_stem(take, "piano", manifest) is take
    assert level_stem(take, "bass", FakeModel().manifest) is take


def test_older_artifacts_say_it_among_their_training_facts(manifest):
    older = FakeModel().manifest.model_copy(
        update={"training": {"nominal_stem_lufs": NOMINAL, "nominal_lufs": -21.0}}
    )
    assert (older.stem_lufs, older.mixture_lufs) == (NOMINAL, -21.0)
    assert (manifest.stem_lufs, manifest.mixture_lufs) == (NOMINAL, -18.0)

"""Mixtures taken apart: by masks on a closed-form model, by sampling on a Gaussian one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import stembridge.separation.parts as parts_module
from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.conditions import HEARD
from stembridge.errors import BadArgsError, CancelledError
from stembridge.separation import in_parts, method_for, open_mixture, separator
from stembridge.separation.masked import conditions_of, heard_latents
from stembridge.testing import FakeModel, fake_manifest, hearing_manifest
from tests.helpers.mixes import HZ, BandModel, four_tones

RATE = 22_050


def write(path: Path, audio: np.ndarray, rate: int = RATE) -> str:
    soundfile.write(path, audio.T, rate, subtype="FLOAT")
    return str(path)


def taken_apart(model: Any, path: str, method: str, **options: Any) -> tuple[np.ndarray, Any]:
    """`[S, channels, n]`, and what made it."""
    with open_mixture(path, model.manifest, AllowedRoots.anywhere()) as mixture:
        work = separator(model, mixture, method, lambda stage, share: None, **options)
        return np.concatenate([part.stems for part in in_parts(mixture.file, work)], axis=-1), work


def test_masks_find_each_stem_in_stereo_at_any_rate_and_level(tmp_path: Path) -> None:
    for rate, gain in ((RATE, 1.0), (48_000, 0.05)):
        stems = four_tones(rate, 3.0) * gain
        path = write(tmp_path / f"{rate}.wav", stems.sum(0), rate)
        made, work = taken_apart(FakeModel(hearing_manifest()), path, "mask")
        assert made.shape == stems.shape
        error = np.square(made - stems).sum(-1) / np.square(stems).sum(-1)
        assert error.max() < 0.05, error  # 13 dB
        assert min(work.sureness) > 0.8


def test_many_parts_are_one_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stems = four_tones(RATE, 11.3)
    path = write(tmp_path / "mix.wav", stems.sum(0))
    whole, _ = taken_apart(FakeModel(hearing_manifest()), path, "mask")
    monkeypatch.setattr(parts_module, "PART_VALUES", 2**16)
    shared, _ = taken_apart(FakeModel(hearing_manifest()), path, "mask")
    assert whole.shape == shared.shape == stems.shape
    assert np.abs(whole - shared).max() < 0.02
    steps = [np.abs(np.diff(one)).max() for one in (shared, whole)]
    assert steps[0] < 1.1 * steps[1]  # none where parts meet


def test_the_model_is_told_of_the_mixture_as_it_was_in_training() -> None:
    model = FakeModel(hearing_manifest())
    heard = four_tones(RATE, 1.0).sum(0)[0]
    latents = heard_latents(model, heard, lambda share: None)
    conditions = conditions_of(model, latents)
    at = model.manifest.layout.slices()[HEARD]
    block = conditions.frames[0, at]
    assert (block[:5] == 1).all()
    for i, stem in enumerate(model.manifest.stems):
        padded = np.pad(heard, (0, -heard.size % model.manifest.hop))
        own = model.encode(stem, padded[None])[0]
        np.testing.assert_array_equal(block[5 + 8 * i : 13 + 8 * i], own)
    assert not conditions.frames[0, : at.start].any()


def test_dirac_keeps_the_sum_and_finds_the_stems_by_their_bands(tmp_path: Path) -> None:
    model = BandModel()
    stems = model.draw(2, 2048)
    path = write(tmp_path / "mix.wav", stems.sum(0))
    made, _ = taken_apart(model, path, "dirac", steps=60)
    assert np.abs(made.sum(0) - stems.sum(0)).max() < 1e-5
    best = model.optimum(stems.sum(0))
    for k in range(len(stems)):
        reach, least = (np.square(one[k] - stems[k]).mean() for one in (made, best))
        # A sample has the posterior's variance on top of the optimum's.
        assert least < reach < 2.6 * least


def test_gaussian_draws_the_sum_towards_the_mixture(tmp_path: Path) -> None:
    model = BandModel()
    stems = model.draw(1, 2048)
    path = write(tmp_path / "mix.wav", stems.sum(0))
    made, _ = taken_apart(model, path, "gaussian", steps=60)
    missing = np.square(made.sum(0) - stems.sum(0)).mean()
    assert missing < 0.05 * np.square(stems.sum(0)).mean()


@pytest.mark.parametrize(
    ("manifest", "wanted", "method"),
    [
        (hearing_manifest(), None, "mask"),
        (fake_manifest(latents_add_up=True), None, "dirac"),
        (hearing_manifest(latents_add_up=True), "gaussian", "gaussian"),
    ],
)
def test_models_separate_as_they_can(manifest: Any, wanted: str | None, method: str) -> None:
    assert method_for(manifest, wanted) == method


@pytest.mark.parametrize(
    ("manifest", "wanted", "word"),
    [
        (fake_manifest(), None, "built-in model"),
        (hearing_manifest(), "dirac", "waveform model"),
        (fake_manifest(latents_add_up=True), "mask", "to hear mixtures"),
    ],
)
def test_or_say_why_they_cannot(manifest: Any, wanted: str | None, word: str) -> None:
    with pytest.raises(BadArgsError, match=word):
        method_for(manifest, wanted)


def test_a_cancel_is_heard_while_it_listens_and_while_it_works(tmp_path: Path) -> None:
    path = write(tmp_path / "mix.wav", four_tones(RATE, 1.0).sum(0))
    model = FakeModel(hearing_manifest())

    def stop_at(stopped: str) -> Any:
        def stop(stage: str, share: float) -> None:
            if stage == stopped:
                raise CancelledError("stop")

        return stop

    with open_mixture(path, model.manifest, AllowedRoots.anywhere()) as mixture:
        with pytest.raises(CancelledError):
            separator(model, mixture, "mask", stop_at("encode"))
        work = separator(model, mixture, "mask", stop_at("decode"))
        with pytest.raises(CancelledError):
            next(in_parts(mixture.file, work))


def test_tones_are_the_fake_models_own() -> None:
    assert list(HZ) == list(hearing_manifest().stems)


class ToldModel(FakeModel):
    """Closed form of one stem: what it is told says whose tone it is; the stems' sounds add up."""

    def __init__(self) -> None:
        super().__init__(
            fake_manifest(
                stems=("mixture",), hop=1, latent_channels=1, latents_add_up=True,
                condition_layout=({"name": "labels", "channels": 4},), sigma_min=1e-4,
            )
        )  # fmt: skip
        self.told: list[tuple[float, ...]] = []

    def denoise(self, latents, levels, conditions, *tokens):
        self.told.append(tuple(conditions[0, :, 0]))
        return latents / (1 + levels[:, :, None] ** 2)

    def encode(self, stem, audio):
        return np.asarray(audio, np.float32)[:, None]

    def decode(self, stem, latents):
        return np.asarray(latents, np.float32)[:, 0]


@pytest.mark.parametrize(("method", "chains"), [("dirac", 4), ("extract", 8), ("ensemble", 8)])
def test_a_model_of_mixtures_is_told_of_each_stem(method: str, chains: int, tmp_path: Path) -> None:
    model = ToldModel()
    mix = np.random.default_rng(0).standard_normal((1, 2048)) * 0.1
    path = write(tmp_path / "mix.wav", mix)
    made, _ = taken_apart(model, path, method, steps=20)
    assert made.shape == (4, 1, 2048)
    assert len(set(model.told)) == chains
    assert (1.0, 0.0, 0.0, 0.0) in model.told
    assert ((0.0, 1.0, 1.0, 1.0) in model.told) is (chains == 8)
    if method == "dirac":
        assert np.abs(made.sum(0) - mix).max() < 1e-4


def test_a_model_of_whole_mixtures_takes_nothing_apart() -> None:
    manifest = fake_manifest(stems=("mixture",), latents_add_up=True, condition_layout=())
    with pytest.raises(BadArgsError, match="cannot take a mix apart"):
        method_for(manifest, None)
    with pytest.raises(BadArgsError, match="'extract' needs GMSDI's model"):
        method_for(BandModel().manifest, "extract")
    assert method_for(ToldModel().manifest, None) == "dirac"

"""Stems of a model of mixtures that is told what sounds in them (GMSDI), on a closed form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from stembridge.errors import BadArgsError
from stembridge.pipeline.chains import stems_named
from stembridge.pipeline.rework import rework
from stembridge.pipeline.run import arrange
from stembridge.request import parse_request
from stembridge.request.rework import parse_rework
from stembridge.testing import FakeModel, fake_manifest

STEMS = ("bass", "drums", "guitar", "piano")


class ToldModel(FakeModel):
    """White sound around .1 for each stem that it is told of, as strong as it is told."""

    def __init__(self) -> None:
        super().__init__(
            fake_manifest(
                stems=("mixture",), hop=1, latent_channels=1, latents_add_up=True,
                condition_layout=({"name": "labels", "channels": 4},), sigma_min=1e-3,
                window_frames=8192, overlap_frames=2048,
            )
        )  # fmt: skip
        self.told: set[tuple[float, ...]] = set()
        self.calls = 0

    def denoise(self, latents, levels, conditions, *tokens):
        assert latents.shape[1] == 1
        self.calls += 1
        self.told |= {tuple(one[:, 0]) for one in conditions}
        mean = 0.1 * conditions.sum(1)[:, None, None]
        return mean + (latents - mean) * 0.01 / (0.01 + levels[:, :, None] ** 2)

    def encode(self, stem, audio):
        assert stem == "mixture"
        return np.asarray(audio, np.float32)[:, None]

    def decode(self, stem, latents):
        assert stem == "mixture"
        return np.asarray(latents, np.float32)[:, 0]


def flags(*stems: str) -> tuple[float, ...]:
    return tuple(float(stem in stems) for stem in STEMS)


def made(folder: Path, model: ToldModel, **asked: Any) -> tuple[dict[str, Path], dict[str, Any]]:
    whole = {"bpm": 240, "length_beats": 1, "steps": 60, "seed": 1} | asked
    files = arrange(parse_request(whole), model, folder)
    receipt = json.loads((files[0].path.parent / "receipt.json").read_text())
    return {file.stem: file.path for file in files}, receipt


def codes(receipt: dict[str, Any]) -> set[str]:
    return {remark["code"] for stem in receipt["stems"] for remark in stem["verdict"]["remarks"]}


def test_every_stem_or_group_is_a_chain_and_so_is_their_mixture(tmp_path: Path) -> None:
    model = ToldModel()
    files, receipt = made(tmp_path, model, generate="guitar, drums+bass")
    assert set(files) == {"guitar", "bass+drums"}
    assert model.told == {flags("bass", "drums"), flags("guitar"), flags("bass", "drums", "guitar")}
    assert [one["name"] for one in receipt["chains"]] == ["guitar", "bass+drums", "mixture"]
    levels = {stem: float(soundfile.read(path)[0].mean()) for stem, path in files.items()}
    assert levels["bass+drums"] / levels["guitar"] == pytest.approx(2.0, abs=0.4)
    assert {"chains_told", "grid_untold"} <= codes(receipt)


def test_one_chain_alone_has_no_mixture(tmp_path: Path) -> None:
    for asked, told in (("piano", flags("piano")), ("bass+drums+guitar+piano", flags(*STEMS))):
        model = ToldModel()
        made(tmp_path, model, generate=asked)
        assert model.told == {told}


def test_what_is_given_is_in_the_mixture_and_stays(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "drums.wav", 0.2 * np.ones(22_050), 22_050)
    given, model = {"context.drums": str(tmp_path / "drums.wav")}, ToldModel()
    files, _ = made(tmp_path, model, generate="bass", **given)
    assert set(files) == {"bass"}
    assert model.told == {flags("bass"), flags("bass", "drums")}


def test_a_mix_is_taken_apart_by_the_same_model_in_as_many_steps(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 22_050)
    soundfile.write(tmp_path / "mix.wav", noise, 22_050)
    given, calls = {"context.mix": str(tmp_path / "mix.wav")}, []
    for steps in (2, 8):
        model = ToldModel()
        files, receipt = made(tmp_path, model, generate="bass+piano", steps=steps, **given)
        assert set(files) == {"bass+piano"}
        assert {"mix_apart"} <= codes(receipt)
        calls.append(model.calls)
    assert calls[0] * 3 < calls[1] < 150


def test_a_chain_is_led_away_from_its_own_negative_prompt_with_guidance(tmp_path: Path) -> None:
    wish = {"generate": "bass,piano", "negative_prompt.bass": "drums, zither", "steps": 20}
    wish["prompt.guitar"] = "distorted"
    model = ToldModel()
    _, receipt = made(tmp_path, model, guidance=3, prompt="dark", sampler="heun", **wish)
    assert flags("drums") in model.told and flags() in model.told  # piano: from nothing
    found = codes(receipt)
    assert {"chains_words", "chains_few", "chains_sampler", "prompt_unmade"} <= found
    assert "distorted" not in str(receipt["stems"])  # the guitar's, which is not made
    assert "chains_unguided" not in found
    model = ToldModel()
    _, receipt = made(tmp_path, model, **wish)
    assert "chains_unguided" in codes(receipt) and flags("drums") not in model.told


def test_mistakes_get_sentences(tmp_path: Path) -> None:
    for asked, sentence in (
        ("mixture", "knows bass, drums, guitar, piano, but not mixture"),
        ("bass+zither", r"but not bass\+zither"),
        ("bass,bass+drums", "Bass stands twice"),
    ):
        with pytest.raises(BadArgsError, match=sentence):
            made(tmp_path, ToldModel(), generate=asked)
    with pytest.raises(BadArgsError, match=r"but not bass\+drums. Ask for bass, drums\."):
        arrange(parse_request({"generate": "bass+drums", "bpm": 120, "bars": 1}),
                FakeModel(fake_manifest()), tmp_path)  # fmt: skip


def test_a_take_of_chains_is_made_again_whole_or_not(tmp_path: Path) -> None:
    files, _ = made(tmp_path, ToldModel(), generate="bass,drums")
    parent = str(files["bass"].parent)
    with pytest.raises(BadArgsError, match="sounds cannot be worked on"):
        rework(parse_rework({"parent": parent, "redo": True}), ToldModel(), tmp_path)


def test_stems_are_named_in_any_words() -> None:
    assert stems_named("slap bass, drum kit and zither") == (("bass", "drums"), ("zither",))

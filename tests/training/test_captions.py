"""Systems told in words: captions through a text encoder in training, prompts through it after."""

from __future__ import annotations

import gc
import json
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_engines import save_clap, save_t5

from stembridge.dataset.annotated import AnnotatedSong
from stembridge.engines.meaning import VARIABLE, Meanings, fingerprint_of
from stembridge.engines.told_words import reader_of, told, words_by
from stembridge.errors import BadArgsError
from stembridge.inference.told import told_of
from stembridge.musical_time import FOUR_FOUR
from stembridge.nn.preset_variants import on_words
from stembridge.nn.presets import PRESETS, shrunk
from stembridge.pipeline.run import arrange
from stembridge.request import parse_request
from stembridge.runtime.load import load_model
from stembridge.training import denoiser, preset_run
from stembridge.training.captions import caption, captions_told
from stembridge.training.preset_run import Order, train_preset

from .test_preset_run import music as music

STEMS = ("bass", "drums", "guitar", "piano")


@pytest.fixture(scope="module")
def t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_t5(tmp_path_factory.mktemp("t5"))


def test_captions_tell_what_is_known(t5: Path) -> None:
    song = AnnotatedSong(
        "it", np.zeros((4, 8), np.float32), 8000, None, FOUR_FOUR, style="dark_funk",
        timbres={"bass": "slap"},
    )  # fmt: skip
    two = np.array([True, True, False, False])
    assert caption(song, two, whole=False) == "bass, drums"
    assert caption(song, two, whole=True) == "slap bass, drums, dark funk"
    reader = Meanings(t5)
    found = captions_told(song, reader, 8)
    assert found.shape == (2, 16, 8)
    np.testing.assert_allclose(found[1, 3], told(reader, ["slap bass, drums, dark funk"], 8)[0],
                               atol=1e-5)  # fmt: skip
    np.testing.assert_allclose(np.square(found).mean(-1), 1.0, atol=1e-4)


def taken(order: Order) -> Any:
    return load_model(train_preset(order, lambda line: None), "cpu")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The encoders that a run opens; none of them is held while it trains."""
    readers = list[weakref.ref[Meanings]]()

    def opening(folder: Path) -> Meanings:
        reader = Meanings(folder)
        readers.append(weakref.ref(reader))
        return reader

    def train(*plan: Any, **more: Any) -> None:
        gc.collect()
        assert not any(one() for one in readers)
        denoiser.train(*plan, **more)

    monkeypatch.setattr(preset_run, "Meanings", opening)
    monkeypatch.setattr(preset_run, "train", train)
    return readers


@pytest.mark.parametrize("name", ["gmsdi", "mt-musicldm"])
def test_a_system_learns_captions_and_is_told_prompts(
    name: str, t5: Path, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told_to: Any,
    opened: list[Any],
) -> None:  # fmt: skip
    preset = on_words(shrunk(PRESETS[name]))
    assert preset is not None
    order = Order(preset, music, tmp_path / "run", steps=3, codec_steps=1, half=False,
                  format="torchscript", text_model=t5)  # fmt: skip
    model = taken(order)
    assert len(opened) == 1
    manifest = model.manifest
    assert manifest.words_by == words_by(Meanings(t5))
    asked = {"generate": "bass,drums", "bpm": 200, "length_beats": 0.5, "steps": 2, "seed": 0,
             "guidance": 2, "prompt": "dark funk", "prompt.bass": "slap"}  # fmt: skip
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(BadArgsError, match=r"through T5 .* names no encoder"):
        arrange(parse_request(asked), model, tmp_path)
    monkeypatch.setenv(VARIABLE, str(t5))
    seen = told_to(model)
    (file, *_) = arrange(parse_request(asked | {"negative_prompt.bass": "piano"}), model, tmp_path)
    words = ["bass, dark funk, slap", "drums, dark funk", "piano"]
    words = words if name == "gmsdi" else ["dark funk, slap bass", "piano bass"]
    for one in words:
        vector = told_of(manifest, (), one)
        assert any(np.allclose(vector, other, atol=1e-5) for other in seen), one
    receipt = json.loads((file.path.parent / "receipt.json").read_text())
    assert receipt["chains" if name == "gmsdi" else "words"][0]["words"] == words[0]
    assert "condition_open" not in str(receipt)
    with pytest.raises(BadArgsError, match="another text model"):
        train_preset(replace(order, text_model=None), lambda line: None)
    model.close()


def test_encoders_that_differ_in_their_last_byte_are_two(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    prints = set()
    for last in b"\0\1":
        weights.write_bytes(bytes(3 << 20) + bytes([last]))
        prints.add(fingerprint_of(tmp_path))
    (tmp_path / "more.safetensors").write_bytes(b"x")
    assert len({*prints, fingerprint_of(tmp_path)}) == 3


def test_another_encoder_is_refused(
    t5: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stembridge.testing import fake_manifest

    manifest = fake_manifest(words_by=words_by(Meanings(t5)))
    monkeypatch.setenv(VARIABLE, str(save_clap(tmp_path / "clap")))
    with pytest.raises(BadArgsError, match="names another one, CLAP"):
        reader_of(manifest)
    assert on_words(PRESETS["msldm"]) is None

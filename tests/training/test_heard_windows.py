"""MT-MusicLDM with CLAP: told sounds in training, sounds and words when it is used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from tiny_engines import save_clap, save_t5

from stembridge.cli import main
from stembridge.dataset.annotated import AnnotatedSong
from stembridge.engines.meaning import VARIABLE, Meanings
from stembridge.engines.told_words import between, told, told_sound, words_by
from stembridge.errors import BadArgsError, ModelUntrustedError, NoSuchFileError
from stembridge.inference.told import told_of
from stembridge.musical_time import FOUR_FOUR
from stembridge.nn.preset_variants import on_words
from stembridge.nn.presets import PRESETS, Preset, shrunk
from stembridge.pipeline.rework import rework
from stembridge.pipeline.run import arrange
from stembridge.request import parse_request
from stembridge.request.rework import parse_rework
from stembridge.runtime.load import load_model
from stembridge.testing import FakeModel, fake_manifest
from stembridge.training.heard_windows import heard_windows, tells_sound
from stembridge.training.preset_run import Order, train_preset
from stembridge.training.song_store import SongFiles

from .test_preset_run import music as music

RATE = 16_000
ASKED = {"generate": "bass,drums", "bpm": 200, "length_beats": 0.5, "steps": 2, "seed": 0,
         "guidance": 2, "sound": "model"}  # fmt: skip


@pytest.fixture(scope="module")
def clap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_clap(tmp_path_factory.mktemp("clap") / "it")


def tone(hertz: float, seconds: float = 1.0) -> np.ndarray:
    wave = 0.2 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)
    return wave.astype(np.float32)


def in_words(name: str) -> Preset:
    preset = on_words(shrunk(PRESETS[name]))
    assert preset is not None
    return preset


def test_a_sound_is_the_mean_of_its_pieces_at_any_level(clap: Path) -> None:
    reader = Meanings(clap)
    low, high = tone(110), tone(1760)
    both = reader.heard(np.r_[low, high], RATE)
    assert both.shape == (16,)
    np.testing.assert_allclose(
        both, (reader.heard(low, RATE) + reader.heard(high, RATE)) / 2, atol=1e-6
    )
    assert not np.allclose(reader.heard(low, RATE), reader.heard(high, RATE), atol=1e-3)
    # A tail that is hardly anything is not heard, nor is a piece chosen by chance.
    np.testing.assert_array_equal(
        reader.heard(np.r_[low, high[:800]], RATE), reader.heard(low, RATE)
    )
    found = told_sound(reader, low, RATE, 64)
    assert found is not None
    np.testing.assert_allclose(np.square(found).mean(), 1.0, atol=1e-4)
    np.testing.assert_allclose(told_sound(reader, low * 0.01, RATE, 64), found, atol=1e-3)
    assert told_sound(reader, low * 0, RATE, 64) is None
    assert told_sound(reader, low[:50], RATE, 64) is not None


def test_each_window_is_told_the_mixture_around_it(clap: Path) -> None:
    preset, reader = in_words("mt-musicldm"), Meanings(clap)
    window = preset.window_frames * preset.hop
    audio = np.zeros((4, 3 * window), np.float32)
    audio[0], audio[1, window:] = tone(110, 9)[: 3 * window], tone(1760, 9)[: 2 * window]
    song = AnnotatedSong("it", audio, preset.sample_rate, None, FOUR_FOUR)
    rows = heard_windows(song, reader, preset)
    assert rows.shape == (5, dict(preset.told)["embedding"])
    expected = told_sound(reader, audio[:, window : 2 * window].sum(0), RATE, rows.shape[1])
    np.testing.assert_allclose(rows[2], expected, atol=1e-6)
    frames = preset.window_frames
    latents = np.zeros((4, 8, 3 * frames), np.float16)
    source = SongFiles((latents,), heard=(rows,))
    starts = np.array([0, frames - 2, frames + 2, 2 * frames])
    found = source.windows(np.zeros(4, int), starts, frames).conditions.numpy()
    np.testing.assert_array_equal(found[:, :, 0], rows[[0, 2, 2, 4]])
    assert (found == found[:, :, :1]).all()
    silent = AnnotatedSong("no", audio[:, :window] * 0, preset.sample_rate, None, FOUR_FOUR)
    assert not heard_windows(silent, reader, preset).any()


def test_who_learns_from_sound(clap: Path, tmp_path: Path) -> None:
    assert tells_sound(in_words("mt-musicldm"), Meanings(clap))
    assert not tells_sound(in_words("gmsdi"), Meanings(clap))
    assert not tells_sound(in_words("mt-musicldm"), Meanings(save_t5(tmp_path / "t5")))


@pytest.fixture(scope="module")
def trained(clap: Path, music: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    order = Order(in_words("mt-musicldm"), music, tmp_path_factory.mktemp("run"), steps=3,
                  codec_steps=1, half=False, format="torchscript", text_model=clap)  # fmt: skip
    return train_preset(order, lambda line: None)


def among(vector: np.ndarray, seen: list[np.ndarray]) -> bool:
    return any(np.allclose(vector, one, atol=1e-4) for one in seen)


def test_it_is_told_a_file_words_or_both(
    trained: Path, clap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told_to: Any
) -> None:
    like = tmp_path / "my bass.wav"
    soundfile.write(like, tone(110, 2.0), RATE, subtype="FLOAT")
    model = load_model(trained, "cpu")
    reader = Meanings(clap)
    assert model.manifest.words_by == words_by(reader, of_sound=True)
    told_like = ASKED | {"like": str(like)}
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(BadArgsError, match=r"through CLAP .* names no encoder. Set it to"):
        arrange(parse_request(told_like), model, tmp_path)
    monkeypatch.setenv(VARIABLE, str(clap))
    seen = told_to(model)
    size = dict(model.manifest.layout.blocks)["embedding"]
    sound = told_sound(reader, tone(110, 2.0), RATE, size)
    assert sound is not None
    words = told(reader, ["dark funk"], size)[0]
    for asked, vector, code in (
        (told_like, sound, "like_told"),
        (told_like | {"prompt": "dark funk"}, between(words, sound), "like_and_words"),
        (ASKED | {"prompt": "dark funk"}, words, "words_told"),
    ):
        seen.clear()
        (file, *_) = arrange(parse_request(asked), model, tmp_path)
        assert among(vector, seen), code
        codes = {remark.code for remark in file.verdict.remarks}
        assert code in codes
        assert "condition_open" not in codes
        receipt = json.loads((file.path.parent / "receipt.json").read_text())
        assert receipt["words"][0]["like"] == asked.get("like", "")
    np.testing.assert_allclose(
        between(words, sound) @ words, between(words, sound) @ sound, rtol=1e-3
    )
    model.close()


def test_a_take_is_worked_on_without_its_reference(
    trained: Path, clap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told_to: Any
) -> None:
    monkeypatch.setenv(VARIABLE, str(clap))
    like = tmp_path / "bass.wav"
    wide = np.stack([tone(110), -tone(110)], 1)  # nothing in a plain mean
    soundfile.write(like, wide, RATE, subtype="FLOAT")
    model = load_model(trained, "cpu")
    (file, *_) = arrange(parse_request(ASKED | {"like": str(like)}), model, tmp_path)
    like.unlink()
    seen = told_to(model)
    wish = parse_rework({"parent": str(file.path.parent), "redo": True, "stems": "bass"})
    (child, *_) = rework(wish, model, tmp_path / "again")
    heard = told_sound(
        Meanings(clap), tone(110), RATE, dict(model.manifest.layout.blocks)["embedding"]
    )
    assert heard is not None
    assert among(heard, seen)
    wish = parse_rework({"parent": str(child.path.parent), "redo": True})
    seen.clear()
    rework(wish, model, tmp_path / "and again")
    assert among(heard, seen)
    with pytest.raises(BadArgsError, match="another model's"):
        told_of(model.manifest, (), "", heard[:-1])
    with pytest.raises(NoSuchFileError):
        arrange(parse_request(ASKED | {"like": str(like)}), model, tmp_path)
    soundfile.write(like, np.zeros(RATE), RATE)
    (file, *_) = arrange(parse_request(ASKED | {"like": str(like)}), model, tmp_path)
    codes = {remark.code for remark in file.verdict.remarks}
    assert {"like_silent", "condition_open"} <= codes
    assert not {"like_told", "words_told"} & codes
    model.close()


def test_other_models_hear_the_file_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clap: Path
) -> None:
    monkeypatch.setenv(VARIABLE, str(clap))
    like = tmp_path / "bass.wav"
    soundfile.write(like, tone(110, 2.0), RATE)
    asked = {"generate": "bass", "bpm": 120, "bars": 1, "like": str(like)}
    (file,) = arrange(parse_request(asked), FakeModel(fake_manifest()), tmp_path)
    codes = {remark.code for remark in file.verdict.remarks}
    assert codes & {"like_heard", "like_unclear"}
    assert "like_told" not in codes


def test_ears_that_are_not_there_are_missed_before_anything_is_written(
    clap: Path, music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deaf = save_clap(tmp_path / "deaf")
    (deaf / "preprocessor_config.json").unlink()
    out = tmp_path / "run"
    options = ["--mini", "--data", str(music), "--out", str(out), "--text-model", str(deaf)]
    with pytest.raises(SystemExit):
        main(["train", "preset", "mt-musicldm", *options])
    assert "but cannot hear: preprocessor_config.json is missing" in capsys.readouterr().err
    assert not out.exists()
    (deaf / "preprocessor_config.json").write_text('{"feature_size": "many"}')
    with pytest.raises(ModelUntrustedError, match="cannot be opened"):
        Meanings(deaf).heard(tone(110), RATE)

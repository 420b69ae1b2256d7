"""The recipe end to end at toy size, and what it hands over to serving."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny_recipe import WINDOW, tiny_recipe

from stembridge.cli import main
from stembridge.dataset.song import STEMS
from stembridge.errors import BadArgsError, ModelUntrustedError, NoSuchFileError
from stembridge.nn.parity import (
    PARITY_NAME,
    check_other_shapes,
    check_stored,
    manifest_style_input,
)
from stembridge.nn.registry import read_network
from stembridge.pipeline.run import arrange
from stembridge.request import parse_request
from stembridge.runtime.load import load_model
from stembridge.training import recipe as recipes
from stembridge.training.latents import LatentSet
from stembridge.training.recipe import load_recipe, song_paths


def test_the_shipped_recipe_is_whole() -> None:
    recipe = load_recipe()
    assert recipe.layout.channels == recipe.backbone_config.conditions
    assert {recipe.codec_config(stem).hop for stem in STEMS} == {recipe.codec.hop}
    for stem in STEMS:
        config = recipe.codec_config(stem)
        assert config.hop % config.stft_hop == 0
    facts = recipes.artifact_facts(recipe)
    assert facts["chords_from_context"] is True
    assert facts["nominal_lufs"] == -20.0
    assert facts["overlap_frames"] < facts["window_frames"] == recipe.training.task.window
    # Sampling must not start or end where training never was.
    low, high = recipe.training.task.sigma_range
    assert low <= facts["sigma_min"] < facts["sigma_max"] <= high
    given_low, given_high = recipe.training.task.given_sigma
    assert given_low <= facts["sigma_context"] <= given_high


def test_a_recipe_of_ones_own_is_read_from_its_path(tmp_path: Path) -> None:
    shipped = Path(recipes.__file__).with_name("configs") / "default.toml"
    path = tmp_path / "mine.toml"
    path.write_text(shipped.read_text().replace('"stembridge-default"', '"mine"'))
    assert load_recipe(path).name == "mine"


WRONG = [
    ("", "\n[oven]\nheat = 3\n", "oven: there is no such entry"),
    ("batch = 12", "batch = 12\nbach = 12", r"training\.bach: there is no such entry"),
    ("batch = 12", 'batch = "12"', r"training\.batch: Input should be a valid integer"),
    ("learning_rate = 1.4e-3", "learning_rate = true", r"training\.learning_rate: .* number"),
    ("hidden = 256 ", "#", r"codec\.hidden: it is missing"),
    ("bass = 8, drums", "drums", r"codec: iterations names each of bass, drums, guitar, piano"),
    ("hop = 2048 ", "hop = 2000 #", r"codec: hop is a multiple of a quarter of n_fft"),
    ("workers = 2", "workers = 0", r"data: songs, validation_songs and workers are at least 1"),
    ('sampler = "dpmpp_2m"', 'sampler = "magic"', r"serving: sampler is one of .*heun"),
    ("sigma_max = 80.0", "sigma_max = 800.0", r"serving\.sigma_min and sigma_max lie in"),
    ("overlap_frames = 64", "overlap_frames = 256", r"overlap_frames is below the tasks' window"),
    ("\n[data]", "\n[data", "is no TOML file"),
]


@pytest.mark.parametrize(("right", "wrong", "sentence"), WRONG)
def test_what_a_recipe_cannot_say_is_a_sentence_that_names_the_entry(
    tmp_path: Path, right: str, wrong: str, sentence: str
) -> None:
    shipped = Path(recipes.__file__).with_name("configs").joinpath("default.toml").read_text()
    path = tmp_path / "mine.toml"
    path.write_text(shipped.replace(right, wrong, 1) if right else shipped + wrong)
    with pytest.raises(BadArgsError, match=f"mine.toml'.*{sentence}"):
        load_recipe(path)


def test_a_recipe_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFileError, match=r"no recipe '.*mine\.toml'"):
        load_recipe(tmp_path / "mine.toml")


def test_all_stages_leave_their_files(tiny_run: Path) -> None:
    recipe = tiny_recipe()
    assert len(song_paths(tiny_run, "train")) == 3
    assert len(song_paths(tiny_run, "validation")) == 1
    train = LatentSet.open(tiny_run / "latents" / "train")
    assert train.latents.shape[:3] == (3, 4, 8)
    assert train.conditions.shape[:2] == (3, recipe.layout.channels)
    assert (train.lengths >= WINDOW).all()
    assert train.present.all()
    for i, length in enumerate(train.lengths):
        assert not train.latents[i, :, :, length:].any()
        assert np.isfinite(train.latents[i]).all()
        assert (train.conditions[i, 0, :length] == 1).all()  # the grid is known
    assert (tiny_run / "run" / "state.safetensors").is_file()
    assert read_network(tiny_run / "style").kind == "style_classifier"


def test_the_same_command_goes_on_and_does_nothing_twice(
    tiny_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {p: p.stat().st_mtime_ns for p in tiny_run.glob("[scl]*/**/*") if p.is_file()}
    assert before

    def never(*_: object, **__: object) -> None:
        raise AssertionError("a finished stage was done again")

    for name in ("export_codec", "write_latents", "fit_whole", "fit_style_classifier"):
        monkeypatch.setattr(recipes, name, never)
    recipes.run_recipe(tiny_recipe(), tiny_run, lambda text: None)
    assert {p: p.stat().st_mtime_ns for p in before} == before


def test_the_artifact_computes_what_was_trained(tiny_run: Path) -> None:
    artifact = tiny_run / "artifact"
    model = load_model(artifact, "cpu")
    from safetensors.numpy import load

    stored = load((artifact / PARITY_NAME).read_bytes())
    for check in [*check_stored(model, stored), *check_other_shapes(model)]:
        assert check.euclidean < 2e-3, check
    codec = read_network(tiny_run / "codec" / "bass").module
    import torch

    audio = 0.1 * np.random.default_rng(0).standard_normal((1, 16 * 512)).astype(np.float32)
    with torch.no_grad():
        expected = codec.encoder(torch.from_numpy(audio)).numpy()
    np.testing.assert_allclose(model.encode("bass", audio), expected, atol=1e-3)


def test_arrange_plays_the_artifact(tiny_run: Path, tmp_path: Path) -> None:
    model = load_model(tiny_run / "artifact", "cpu")
    drums = tmp_path / "drums.wav"
    soundfile.write(drums, 0.1 * np.random.default_rng(0).standard_normal(2 * 16000), 16000)
    values = {"generate": "bass,piano", "bpm": "120", "bars": 1, "style": "funk", "chords": "Am"}
    request = parse_request(values | {"context.drums": str(drums), "request_id": "r"})
    stems = arrange(request, model, tmp_path / "out")
    assert [stem.stem for stem in stems] == ["bass", "piano"]
    for stem in stems:
        audio, rate = soundfile.read(stem.path)
        assert (len(audio), rate) == (2 * 44100, 44100)
        assert np.isfinite(audio).all()


def test_what_is_left_open_is_chosen_by_ear(tiny_run: Path, tmp_path: Path) -> None:
    model = load_model(tiny_run / "artifact", "cpu")
    usual = model.manifest.style_timbres
    values = {"generate": "bass,piano", "bpm": "120", "bars": 1, "variations": 3}
    for stem in arrange(parse_request(values), model, tmp_path):
        assert stem.style in model.manifest.styles
        choices = usual[stem.style][stem.stem]
        assert stem.timbre in choices if choices else stem.timbre is None
        assert stem.chords is not None  # no context, no chords told: some were chosen
    heard = {stem for timbres in usual.values() for stem, names in timbres.items() if names}
    assert heard == set(STEMS)


def test_the_style_classifier_is_opened_only_as_the_manifest_vouches(
    tiny_run: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "artifact"
    shutil.copytree(tiny_run / "artifact", folder)
    code = bytearray((folder / "style.onnx").read_bytes())
    code[len(code) // 2] ^= 1
    (folder / "style.onnx").write_bytes(code)
    with pytest.raises(ModelUntrustedError, match=r"style\.onnx.*SHA-256"):
        load_model(folder, "cpu")
    model = load_model(tiny_run / "artifact", "cpu")
    model.close()
    with pytest.raises(RuntimeError, match="closed"):
        model.style_chances(*manifest_style_input(model.manifest, 1))


def test_the_validation_loss_is_of_these_weights(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(tiny_run / "latents" / "validation")
    toml = tmp_path / "tiny.toml"
    shipped = Path(recipes.__file__).with_name("configs") / "default.toml"
    text = shipped.read_text().replace("window = 256", f"window = {WINDOW}")
    toml.write_text(text.replace("overlap_frames = 64", "overlap_frames = 8"))
    artifact = str(tiny_run / "artifact")
    out = tmp_path / "curve.json"
    told = ["train", "loss", artifact, f"3={artifact}", "--data", data, "--recipe", str(toml)]
    told += ["--out", str(out)]
    with pytest.raises(SystemExit, match="0"):
        main(told)
    one, again = capsys.readouterr().out.splitlines()
    assert again == f"3={one}"
    curve = json.loads(out.read_text())
    assert curve[artifact] == curve["3"]
    assert f"all {curve['3']['all']:.4f}" in one
    with pytest.raises(SystemExit, match=r"[1-9]"):
        main(["train", "loss", artifact, "--data", str(tmp_path / "nowhere")])
    assert "holds no latents" in capsys.readouterr().err
    assert one.startswith(f"{artifact}: all ")
    # Three steps taught nothing yet: a network that answers the mean has a loss of about 1.
    assert 0.5 < float(one.split("all ")[1].split(",")[0]) < 1.5


def test_the_manifest_says_how_it_was_made(tiny_run: Path) -> None:
    manifest = json.loads((tiny_run / "artifact" / "manifest.json").read_text())
    assert manifest["training"]["backbone"]["width"] == 32
    assert manifest["training"]["data"]["songs"] == 3
    assert manifest["styles"] == list(tiny_recipe().layout.styles)
    assert [b["name"] for b in manifest["condition_layout"]] == [
        "grid", "chords", "style", "timbre",
    ]  # fmt: skip

"""All networks of the default model in one short run: songs made by processes, then one by one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from sine_songs import sine_song

from stembridge.chords.spectrum import N_BINS
from stembridge.conditions import HEARD
from stembridge.dataset.song import STEMS
from stembridge.nn.parity import PARITY_NAME, check_other_shapes, check_stored
from stembridge.nn.registry import read_network
from stembridge.paths import pretrained_dir
from stembridge.runtime.load import load_model
from stembridge.training.encoded_songs import load
from stembridge.training.express_export import export_express
from stembridge.training.express_recipe import ExpressRecipe, load_express
from stembridge.training.express_run import run_express

RECIPE = """
denoiser_s = 3
[songs]
train = 8
validation = 2
longest = 90
[backbone]
width = 16
dilations = [1, 0]
heads = 2
level_features = 8
[denoiser]
batch = 2
warmup = 2
[denoiser.task]
window = 32
continuation_frames = 8
[ears]
steps = 2
batch = 2
frames = 32
[reader]
steps = 2
batch = 2
frames = 32
[style]
steps = 2
batch = 4
frames = [16, 32]
[serving]
sampler = "dpmpp_2m"
steps = 4
sigma_min = 0.02
sigma_max = 80.0
sigma_context = 0.1
overlap_frames = 8
chords_from_context = true
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[ExpressRecipe, Path]:
    folder = tmp_path_factory.mktemp("express")
    (folder / "tiny.toml").write_text(RECIPE)
    recipe = load_express(pretrained_dir(), folder / "tiny.toml")
    run_express(recipe.plan("cpu"), recipe.orders(folder, sine_song), folder, 2, lambda line: None)
    return recipe, folder


@pytest.mark.slow
@pytest.mark.weights
def test_one_run_trains_every_network_and_a_second_leaves_them_alone(
    run: tuple[ExpressRecipe, Path],
) -> None:
    recipe, folder = run
    assert read_network(folder / "run" / "denoiser").kind == "backbone"
    assert read_network(folder / "ears").kind == "chord_ears"
    assert set(read_network(folder / "style").artifact["style_timbres"]["pop"]) == set(STEMS)
    for stem in STEMS:
        assert 0 < read_network(folder / "readers" / stem).artifact["threshold"] < 1
    songs = [load(path) for path in sorted((folder / "songs" / "train").glob("*.npz"))]
    assert len(songs) == 8
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.safetensors")}
    run_express(recipe.plan("cpu"), recipe.orders(folder, sine_song), folder, 1, lambda line: None)
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*.safetensors")}


@pytest.mark.slow
@pytest.mark.weights
def test_its_artifact_opens_hears_and_computes_what_torch_computed(
    run: tuple[ExpressRecipe, Path], tmp_path: Path
) -> None:
    recipe, folder = run
    export_express(recipe, folder, tmp_path)
    model = load_model(tmp_path, "cpu")
    try:
        assert [
            d for d in check_stored(model, load_file(tmp_path / PARITY_NAME)) if not d.acceptable
        ] == []
        assert [d for d in check_other_shapes(model) if not d.acceptable] == []
        chances = model.chord_chances(np.zeros((1, 20, N_BINS), np.float32))
        assert chances is not None
        assert chances.shape == (1, 20, 97)
    finally:
        model.close()
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["condition_layout"][-1] == {"name": HEARD, "channels": 1 + 4 * 65}
    assert set(manifest["note_readers"]) == set(STEMS)
    for stem in STEMS:  # the codecs are the base's, to the byte
        name = manifest["encoders"][stem]
        assert (tmp_path / name).read_bytes() == (pretrained_dir() / name).read_bytes()

"""All networks of the default model in one short run: songs made by processes, then one by one."""

from __future__ import annotations

from pathlib import Path

import pytest
from sine_songs import sine_song

from stembridge.conditions import full_layout
from stembridge.dataset.song import STEMS
from stembridge.nn.backbone import BackboneConfig
from stembridge.nn.registry import read_network
from stembridge.paths import pretrained_dir
from stembridge.training.batches import TaskConfig
from stembridge.training.chord_ears import EarsTraining
from stembridge.training.denoiser import DenoiserTraining
from stembridge.training.encoded_songs import load
from stembridge.training.express import SongOrder
from stembridge.training.express_run import Express, run_express
from stembridge.training.live import LiveTraining
from stembridge.training.note_reader import ReaderTraining
from stembridge.training.recipe import load_recipe
from stembridge.training.style_classifier import StyleTraining

LAYOUT = full_layout(["pop"], {stem: ("a",) for stem in STEMS}, latent_channels=64)
FRAMES = 32


@pytest.mark.slow
def test_one_run_trains_every_network_and_a_second_leaves_them_alone(tmp_path: Path) -> None:
    recipe = load_recipe()
    encoders = {
        stem: ((pretrained_dir() / f"encoder-{stem}.onnx").read_bytes(), recipe.codec_config(stem))
        for stem in STEMS
    }
    orders = [
        SongOrder(split, count, tmp_path / "songs" / split, encoders, LAYOUT, sine_song)
        for split, count in (("validation", 2), ("train", 8))
    ]
    plan = Express(
        BackboneConfig(4, 64, LAYOUT.channels, width=16, dilations=(1, 0), heads=2),
        DenoiserTraining(batch=2, warmup=2, task=TaskConfig(window=FRAMES, continuation_frames=8)),
        LiveTraining(seconds=3.0, capacity=8, frames=90, first=6),
        EarsTraining(steps=2, batch=2, frames=FRAMES),
        ReaderTraining(steps=2, batch=2, frames=FRAMES),
        StyleTraining(steps=2, batch=4, frames=(16, FRAMES)),
        device="cpu",
    )  # fmt: skip
    lines: list[str] = []
    run_express(plan, orders, tmp_path, 2, lines.append)
    assert read_network(tmp_path / "run" / "denoiser").kind == "backbone"
    assert read_network(tmp_path / "ears").kind == "chord_ears"
    styles = read_network(tmp_path / "style").artifact["style_timbres"]
    assert set(styles["pop"]) == set(STEMS)
    for stem in STEMS:
        assert 0 < read_network(tmp_path / "readers" / stem).artifact["threshold"] < 1
    made = [load(path) for path in sorted((tmp_path / "songs" / "train").glob("*.npz"))]
    assert any(song.encoded.mixed is not None and song.encoded.mixed[0].all() for song in made)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}
    run_express(plan, orders, tmp_path, 2, lines.append)
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}

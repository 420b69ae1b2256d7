"""The shipped model's whole chain at toy size: downloads to a verified artifact, once and again."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load as load_arrays
from tiny_recipe import tiny_express, tiny_recipe
from toy_kit import toy_kit

from stembridge.chords.spectrum import N_BINS
from stembridge.conditions import HEARD
from stembridge.dataset import recorded
from stembridge.dataset.kit import Kit
from stembridge.dataset.song import STEMS
from stembridge.dataset.soundfonts import HELD_OUT, find_soundfont
from stembridge.errors import CreateFailedError, MissingExtraError, NoSuchFileError
from stembridge.nn.exporting import update_manifest
from stembridge.nn.parity import PARITY_NAME, store_references
from stembridge.nn.registry import read_network
from stembridge.paths import pretrained_dir
from stembridge.runtime.load import load_model
from stembridge.training import density, from_material
from stembridge.training.denoiser import DenoiserTraining
from stembridge.training.encoded_songs import load
from stembridge.training.express_recipe import ExpressRecipe
from stembridge.training.fresh_songs import FreshSongs
from stembridge.training.from_material import (
    ModelOrder,
    compare_material,
    make_model,
    tried_out,
    verify,
)
from stembridge.training.live import LOG_NAME, log_lines, train_live
from stembridge.training.model_card import CARD_NAME

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelOrder, list[str]]:
    """An order that was carried out, with toy instruments, and what was said."""
    pytest.importorskip("fluidsynth", reason="FluidSynth or its Python binding is not installed")
    try:
        find_soundfont(HELD_OUT)
    except MissingExtraError as error:
        pytest.skip(reason=str(error))
    folder, told = tmp_path_factory.mktemp("chain"), list[str]()
    (folder / "downloads").mkdir()
    order = ModelOrder(
        folder / "downloads", folder / "run", tiny_recipe(), tiny_express(), workers=1, some=True
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(from_material, "build_kit", lambda _, out, held_out: toy_kit(out) and ())
        patch.setattr(density, "COMPOSED", 4)
        patch.setattr(density, "perform", _on_the_small_soundfont)
        make_model(order, told.append)
    return order, told


def _never(*_: object, **__: object) -> None:
    pytest.fail("this was done before")


def _stopped_at_the_end(
    made: ModelOrder, folder: Path, patch: pytest.MonkeyPatch, without: tuple[str, ...]
) -> ModelOrder:
    """The order before its artifact was whole, in another folder that lacks some of its own."""
    order = replace(made, out=folder / "run")
    shutil.copytree(made.out, order.out, ignore=shutil.ignore_patterns(*without))
    (order.out / "artifact").rename(order.out / "artifact.partial")
    patch.setattr(from_material, "build_kit", lambda *_, **__: ())
    patch.setattr(from_material, "calibrate", lambda *_: None)
    return order


def _on_the_small_soundfont(song, name: str, rate: int):
    from stembridge.dataset.synthetic import perform

    return perform(song, name, rate, HELD_OUT)


@pytest.mark.slow
def test_every_network_is_trained_and_the_artifact_opens_with_its_thresholds(
    made: tuple[ModelOrder, list[str]],
) -> None:
    order, told = made
    run, artifact = order.out, order.out / "artifact"
    assert read_network(run / "run" / "denoiser").kind == "backbone"
    assert read_network(run / "ears").kind == "chord_ears"
    styles = read_network(run / "codecs" / "style")
    assert set(styles.artifact["style_timbres"]["pop"]) == set(STEMS)
    assert read_network(run / "fresh" / "guitar").kind == "note_reader"
    assert len(list((run / "songs" / "fresh").glob("*.npz"))) == 2
    songs = [load(path) for path in sorted((run / "songs" / "train").glob("*.npz"))]
    assert len(songs) == 6
    manifest = json.loads((artifact / "manifest.json").read_text())
    assert manifest["condition_layout"][-1] == {"name": HEARD, "channels": 1 + 4 * 9}
    for stem in STEMS:
        threshold = manifest["note_readers"][stem]["made_threshold"]
        assert density.LOWEST_SHARE <= threshold <= 1
    # The guitar's reader went on, with the recipe's own threshold; the others did not.
    assert manifest["note_readers"]["guitar"]["threshold"] == 0.3
    assert not (run / "fresh" / "piano").exists()
    kept = (run / "codecs" / "artifact" / "style.onnx").read_bytes()
    assert (artifact / "style.onnx").read_bytes() == kept
    assert manifest["style_timbres"] == styles.artifact["style_timbres"]
    for stem in STEMS:
        name = manifest["encoders"][stem]  # codecs are those that were fitted, to the byte
        fitted = run / "codecs" / "artifact" / name
        assert (artifact / name).read_bytes() == fitted.read_bytes()
    steps = log_lines(run / "run")[-1]["step"]
    assert manifest["training"]["note"].startswith(f"{steps} steps of 2 windows of 1.0 s")
    card = (artifact / CARD_NAME).read_text()
    assert f"{steps} steps of 2" in card
    assert "Note readers that went on with 2 fresh songs: guitar 2 steps." in card
    assert any(line.startswith("verified: ") for line in told)
    model = load_model(artifact, "cpu")
    chances = model.chord_chances(np.zeros((1, 20, N_BINS), np.float32))
    model.close()
    assert chances is not None
    assert chances.shape == (1, 20, 97)


@pytest.mark.slow
def test_what_is_missing_is_told_with_its_address(
    made: tuple[ModelOrder, list[str]], tmp_path: Path
) -> None:
    _, told = made
    assert "git clone --depth 1 https://github.com/freepats/upright-piano-KW" in told[0]
    assert "charts and drum performances are the package's own" in told
    order = ModelOrder(tmp_path, tmp_path / "run", tiny_recipe(), tiny_express())
    with pytest.raises(
        NoSuchFileError, match=r"--some:\n  groove-v1\.0\.0-midionly\.zip: https://"
    ):
        make_model(order, told.append)
    assert not order.out.exists()


@pytest.mark.slow
def test_the_same_order_goes_on_and_does_nothing_twice(
    made: tuple[ModelOrder, list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Songs of networks that are there are not needed any more; they are 46 GB.
    order = _stopped_at_the_end(made[0], tmp_path, monkeypatch, without=("songs", "latents"))
    written = (order.out / "artifact.partial", order.out / "codecs" / "artifact")
    networks = [p for p in order.out.rglob("*.safetensors") if p.parent not in written]
    before = {path: path.stat().st_mtime_ns for path in networks}
    assert len(before) > 10
    for name in ("start_makers", "train_live", "train_ears", "fit_note_reader", "fit_again"):
        monkeypatch.setattr(f"stembridge.training.express_run.{name}", _never)
    assert make_model(order, lambda _: None) == order.out / "artifact"
    assert not [path for path in order.out.rglob("songs") if path.is_dir()]
    assert before == {path: path.stat().st_mtime_ns for path in networks}


@pytest.mark.slow
def test_readers_go_on_beside_songs_that_are_made_again_if_they_were_left_elsewhere(
    made: tuple[ModelOrder, list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    order = _stopped_at_the_end(made[0], tmp_path, monkeypatch, without=("songs", "fresh"))
    make_model(order, lambda _: None)
    counts = {home.name: len(list(home.iterdir())) for home in (order.out / "songs").iterdir()}
    assert counts == {"validation": 2, "train": 6, "fresh": 2}
    assert read_network(order.out / "fresh" / "guitar").kind == "note_reader"


@pytest.mark.slow
def test_another_network_than_trained_is_refused(
    made: tuple[ModelOrder, list[str]],
) -> None:
    artifact = made[0].out / "artifact"
    answers = artifact / PARITY_NAME
    whole = answers.read_bytes()
    try:
        store_references(artifact, {name: 2 * value for name, value in load_arrays(whole).items()})
        update_manifest(artifact, {}, [PARITY_NAME])
        with pytest.raises(CreateFailedError, match=r"is not what was trained: .*encoder"):
            verify(artifact, lambda _: None)
    finally:
        answers.write_bytes(whole)
        update_manifest(artifact, {}, [PARITY_NAME])


def test_a_try_is_small_everywhere() -> None:
    order = ModelOrder(Path(), Path(), tiny_recipe(), replace(tiny_express(), calibration=12))
    small = tried_out(order, 20)
    assert small.tables.songs.train == 20
    wide = replace(tiny_express(), denoiser=DenoiserTraining(steps=1, batch=256))
    assert tried_out(replace(order, tables=wide), 20).tables.denoiser.batch == 20
    assert small.tables.songs.validation == small.tables.figures.songs == 2
    assert (small.tables.calibration, small.tables.figures.long) == (2, 0)
    assert small.tables.fresh.songs == 2
    assert small.codecs.data.songs == 20


def test_charts_and_drums_that_are_not_the_packages_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    for name in (from_material.GROOVE, from_material.BILLBOARD):
        (tmp_path / name).write_bytes(b"")

    def write(_: Path, __: Path, out: Path) -> None:
        out.mkdir()
        (out / "charts.txt.gz").write_bytes(b"others")
        own = Path(from_material.__file__).parents[1] / "dataset/material/grooves.npz"
        (out / "grooves.npz").write_bytes(own.read_bytes())

    monkeypatch.setattr(from_material, "write_material", write)
    compare_material(tmp_path, tmp_path / "out", told.append)
    assert told == [
        "charts.txt.gz: NOT as in the package, whose is used",
        "grooves.npz: as in the package, whose is used",
    ]


def test_a_log_is_read_as_it_was_written(tmp_path: Path) -> None:
    lines = [{"step": 20, "s": 1.5}, {"step": 40, "s": 3.0}]
    (tmp_path / LOG_NAME).write_text("\n".join(map(json.dumps, lines)) + "\n")
    assert log_lines(tmp_path) == lines
    assert log_lines(tmp_path / "nowhere") == []


@pytest.mark.slow
def test_an_interrupted_clock_goes_on(made: tuple[ModelOrder, list[str]], tmp_path: Path) -> None:
    recipe = ExpressRecipe(tiny_express(), made[0].out / "codecs" / "artifact", tiny_recipe())
    plan, run = recipe.plan("cpu"), tmp_path / "run"
    shutil.copytree(made[0].out / "run", run)
    before = log_lines(run)
    train_live(plan.backbone, plan.denoiser, plan.live, songs=made[0].out / "songs" / "train",
               layout=recipe.layout, folder=run)  # fmt: skip
    assert log_lines(run) == before  # its time was over


def test_steps_without_a_gpu_are_small_and_the_card_says_so(
    made: tuple[ModelOrder, list[str]], tmp_path: Path
) -> None:
    tables = replace(tiny_express(), cpu_batch=3)
    tables = replace(tables, denoiser=replace(tables.denoiser, batch=64))
    recipe = ExpressRecipe(tables, made[0].out / "codecs" / "artifact", tiny_recipe())
    batches = [recipe.plan(device).denoiser.batch for device in ("cpu", "cuda:0")]
    assert batches == [3, 64]
    (tmp_path / "run").mkdir()
    line = {"step": 20, "s": 1.5, "batch": 3}
    (tmp_path / "run" / LOG_NAME).write_text(json.dumps(line) + "\n")
    assert recipe.note(tmp_path).startswith("20 steps of 3 windows")
    assert recipe.facts(tmp_path)["training"]["run"]["batch"] == 3


def test_every_seventh_fresh_song_is_the_bands_and_all_are_cut(tmp_path: Path) -> None:
    kit = toy_kit(tmp_path / "kit").folder
    songs = FreshSongs(kit, tiny_recipe().data, first=3)
    made = songs("train", 6)
    assert made.song.name == "band-train-00009"  # no other network's song
    whole = recorded.make_song("train", 9, Kit(kit), rate=16000, length_s=6.0)
    assert made.song.audio.shape[1] <= whole.audio.shape[1]
    np.testing.assert_array_equal(made.song.audio, whole.audio[:, : made.song.audio.shape[1]])
    assert made.heard is None
    no_fonts = replace(tiny_recipe().data, soundfonts=("none.sf2",))
    made = FreshSongs(kit, no_fonts, first=3, on_kit=True)("train", 0)
    assert made.song.name == "train-00003"
    assert np.abs(made.song.audio).max() > 0.01


def test_only_a_base_of_the_same_styles_and_conditions_lends_its_style_classifier(
    tmp_path: Path,
) -> None:
    manifest = json.loads((pretrained_dir() / "manifest.json").read_text())

    def keeps(**changed: object) -> bool:
        (tmp_path / "manifest.json").write_text(json.dumps(manifest | changed))
        return ExpressRecipe(tiny_express(), tmp_path, tiny_recipe()).keeps_styles

    assert keeps()
    assert not keeps(style_classifier=None)
    assert not keeps(styles=["polka"])
    assert not keeps(condition_layout=[{"name": "grid", "channels": 16}])

"""Fine-tuning an artifact on one's own songs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from stembridge.cli import main
from stembridge.conditions import full_layout
from stembridge.dataset.annotated import AnnotatedSong, load_song
from stembridge.dataset.song import STEMS
from stembridge.errors import BadArgsError, ModelUntrustedError
from stembridge.musical_time import TimeSignature
from stembridge.nn.backbone import BackboneConfig
from stembridge.nn.parity import PARITY_NAME, check_stored
from stembridge.runtime.load import load_model
from stembridge.training.batches import BatchSource, TaskConfig
from stembridge.training.denoiser import new_denoiser
from stembridge.training.finetune import FineTuneReport, FineTuning, finetune
from stembridge.training.finetune_report import HTML_NAME, JSON_NAME, write_report
from stembridge.training.latents import Encoded, LatentSet, write_encoded
from stembridge.training.model_card import CARD_NAME
from stembridge.training.split import split_songs
from stembridge.training.start import Start, encoded
from stembridge.training.validation import ALL, KeptOut, validation_losses

RATE = 16000
QUICK = FineTuning(batch=4, processes=1, learning_rate=5e-3, save_every=10, validation=0.25)


def own_songs() -> Iterator[AnnotatedSong]:
    """Recordings of one kind: a beating drone on bass and a click on every beat; no more stems."""
    for index in range(4):
        rng = np.random.default_rng(index)
        t = np.arange(4 * RATE) / RATE
        audio = np.zeros((4, t.size), np.float32)
        audio[0] = 0.1 * np.sin(2 * np.pi * 60 * t) * np.sin(2 * np.pi * t) ** 2
        audio[1] = 0.2 * rng.standard_normal(t.size) * np.exp(-((2 * t) % 1) * 30)
        yield AnnotatedSong(f"mine-part{index:03d}" if index < 2 else f"other{index}", audio, RATE,
                            120.0, TimeSignature())  # fmt: skip


@pytest.fixture(scope="module")
def tuned(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, FineTuneReport]:
    out = tmp_path_factory.mktemp("tuned") / "mine"
    artifact = tiny_run / "artifact"
    return artifact, finetune(own_songs(), out, init=artifact, steps=40, settings=QUICK)


def test_the_validation_loss_falls(tuned: tuple[Path, FineTuneReport]) -> None:
    _, report = tuned
    assert report.after < 0.8 * report.before
    assert report.gain == pytest.approx(1 - report.after / report.before)
    assert (len(report.split.train) + len(report.split.kept_out), report.steps) == (4, 40)
    # Guitar and piano were never there, so they count nowhere.
    assert set(report.best.losses) == {ALL, "bass", "drums"}
    assert [point.step for point in report.points] == [0, 7, 13, 20, 27, 33, 40]
    assert report.after == min(point.losses[ALL] for point in report.points)


def test_the_new_artifact_opens_with_the_old_codec_and_a_new_denoiser(
    tuned: tuple[Path, FineTuneReport],
) -> None:
    old_folder, report = tuned
    old, new = load_model(old_folder, "cpu"), load_model(report.artifact, "cpu")
    audio = next(own_songs()).audio[:1, : 100 * 512]
    np.testing.assert_array_equal(old.encode("bass", audio), new.encode("bass", audio))
    manifest = new.manifest
    assert manifest.name == f"{old.manifest.name}-tuned"
    assert old.manifest.style_classifier is not None
    assert (manifest.style_classifier, manifest.style_timbres) == (None, {})
    assert manifest.style_chords == {}
    assert manifest.files["encoder-bass.onnx"] == old.manifest.files["encoder-bass.onnx"]
    assert manifest.files["weights.safetensors"] != old.manifest.files["weights.safetensors"]
    assert manifest.mixture_lufs == old.manifest.mixture_lufs
    tuning = manifest.training["fine_tune"]
    assert tuning["from_sha256"] == old.manifest.artifact_sha256
    assert tuning["validation_loss_after"][ALL] == report.after
    assert "fine-tuning from" in (report.artifact / CARD_NAME).read_text()
    assert "figures" not in tuning
    assert manifest.figures == {}
    from safetensors.numpy import load

    stored = load((report.artifact / PARITY_NAME).read_bytes())
    assert all(check.euclidean < 2e-3 for check in check_stored(new, stored))


def test_no_step_changes_nothing(tiny_run: Path, tmp_path: Path) -> None:
    """The weights that are read are those that were exported."""
    artifact = tiny_run / "artifact"
    source = Start.open(artifact)
    model = load_model(artifact, "cpu")
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 4, 8, 20, generator=generator)
    sigma = torch.full((1, 4, 20), 0.7)
    conditions = torch.randn(1, source.layout.channels, 20, generator=generator)
    with torch.no_grad():
        expected = source.denoiser(source.weights)(x, sigma, conditions).numpy()
    found = model.denoise(x.numpy(), sigma.numpy(), conditions.numpy())
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_report_shows_what_was_gained_and_lets_one_hear_it(
    tuned: tuple[Path, FineTuneReport],
) -> None:
    _, report = tuned
    assert write_report(report) == report.artifact / HTML_NAME
    page = (report.artifact / HTML_NAME).read_text()
    facts = json.loads((report.artifact / JSON_NAME).read_text())
    assert facts["gain"] == pytest.approx(report.gain)
    assert f"{report.gain * 100:.0f} % better (1 song kept aside" in page
    assert set(facts["kept_aside"]) | set(facts["trained_on"]) == {"mine", "other2", "other3"}
    assert set(facts["kept_aside"]).isdisjoint(facts["trained_on"])
    assert f"stembridge serve --model {report.artifact}" in page
    assert page.count("<svg") == 1
    # What was given, the stem before and after, and as it is; nothing comes from elsewhere.
    assert page.count("<audio controls") == page.count("<img src='data:image/png") == 4
    assert "http" not in page.replace("http-equiv", "")
    load_model(report.artifact, "cpu").close()  # files beside the manifest do not disturb it


def test_the_command_takes_a_folder_of_stems_at_the_models_rate(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for song in own_songs():
        home = tmp_path / "stems" / song.name.replace("-part", "-")
        home.mkdir(parents=True)
        for name in ("bass", "drums"):
            soundfile.write(home / f"{name}.wav", song.audio[STEMS.index(name)], RATE)
    out, artifact = tmp_path / "mine", tiny_run / "artifact"
    words = ["train", "denoiser", "--data", str(tmp_path / "stems"), "--out", str(out)]
    with pytest.raises(SystemExit) as ended:
        main([*words, "--init", str(artifact), "--steps", "2", "--processes", "1"])
    assert not ended.value.code
    said = capsys.readouterr()
    assert said.out.strip() == str(out)
    assert "kept aside to measure this" in said.err
    assert f"serve --model {out}\n" in said.err  # in one piece, to be copied
    for name in (HTML_NAME, JSON_NAME, CARD_NAME):
        assert (out / name).is_file()
    assert load_model(out, "cpu").manifest.training["fine_tune"]["validation_songs"] == 1


def test_a_second_call_goes_on_and_another_start_is_refused(
    tuned: tuple[Path, FineTuneReport],
) -> None:
    artifact, report = tuned
    again = finetune(own_songs(), report.artifact, init=artifact, steps=40, settings=QUICK)
    assert again.after == pytest.approx(report.after, rel=1e-5)  # nothing was left to train
    with pytest.raises(BadArgsError, match="another model"):
        finetune(own_songs(), report.artifact, init=report.artifact, steps=41, settings=QUICK)


def test_other_songs_kept_aside_in_the_same_folder_are_refused(
    tuned: tuple[Path, FineTuneReport],
) -> None:
    artifact, report = tuned
    other = replace(QUICK, seed=2)
    assert split_songs(report.split.train + report.split.kept_out, 0.25, 2) != report.split
    with pytest.raises(BadArgsError, match="other songs aside"):
        finetune(own_songs(), report.artifact, init=artifact, steps=40, settings=other)


def test_pieces_of_one_recording_stay_on_one_side() -> None:
    names = ("a-part000", "a-part001", "a-part002", "b", "c-part000", "c-part001")
    for seed in range(6):
        split = split_songs(names, 0.25, seed)
        assert sorted(split.train + split.kept_out) == sorted(names)
        sides = [{name[0] for name in side} for side in (split.train, split.kept_out)]
        assert sides[1]
        assert not sides[0] & sides[1]
        assert not split.within_one
        assert split.n_train_songs == 3 - len(sides[1])
    assert split_songs(names, 0.25, 0) == split_songs(names, 0.25, 0)
    only = split_songs(names[:3], 0.25, 0)
    assert (len(only.train), len(only.kept_out), only.within_one) == (2, 1, True)


def test_too_few_or_foreign_songs_are_refused_in_words(tiny_run: Path, tmp_path: Path) -> None:
    artifact = tiny_run / "artifact"
    short = [replace(song, audio=song.audio[:, :RATE]) for song in own_songs()]
    with pytest.raises(BadArgsError, match="at least two songs"):
        finetune(short, tmp_path / "a", init=artifact, steps=1)
    foreign = [replace(song, rate=44100) for song in own_songs()]
    with pytest.raises(BadArgsError, match="44100 Hz"):
        finetune(foreign, tmp_path / "b", init=artifact, steps=1)


def test_changed_weights_are_never_opened(tiny_run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in (tiny_run / "artifact").iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    (copy / "weights.safetensors").write_bytes((copy / "weights.safetensors").read_bytes() + b"x")
    with pytest.raises(ModelUntrustedError):
        finetune(own_songs(), tmp_path / "out", init=copy, steps=1)
    manifest = json.loads((copy / "manifest.json").read_text())
    # The network's own file is served, never read for its weights.
    (copy / "manifest.json").write_text(json.dumps(manifest | {"weights": None}))
    with pytest.raises(BadArgsError, match=r"no safetensors file of weights.*Export it again"):
        Start.open(copy)
    del manifest["training"]["backbone"]
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BadArgsError, match="cannot be trained further"):
        finetune(own_songs(), tmp_path / "out", init=copy, steps=1)


def test_songs_of_the_recipe_can_be_learned_too(tiny_run: Path) -> None:
    model = load_model(tiny_run / "artifact", "cpu")
    song = load_song(min((tiny_run / "songs" / "train").glob("*.json")))
    layout = Start.open(tiny_run / "artifact").layout
    found = encoded(song, model, layout)
    stored = LatentSet.open(tiny_run / "latents" / "train")
    n = found.latents.shape[2]
    assert np.abs(found.latents - stored.latents[0, :, :, :n]).max() < 0.05
    np.testing.assert_array_equal(found.conditions, stored.conditions[0, :, :n])


def test_validation_losses_are_reproducible_and_know_a_better_network(tmp_path: Path) -> None:
    layout = full_layout(["pop"], {"bass": ("pick",)})
    zeros = np.zeros((4, 3, 30), np.float16)
    write_encoded(tmp_path, [Encoded(zeros, np.zeros((layout.channels, 30), np.float16),
                                     np.ones(4, bool))])  # fmt: skip
    task = TaskConfig(window=12, continuation_frames=6)
    source = BatchSource(LatentSet.open(tmp_path), layout, task, 0)
    shape = BackboneConfig(
        stems=4, channels=3, conditions=layout.channels, width=8, dilations=(1,), level_features=8
    )
    untrained = new_denoiser(shape)
    losses = validation_losses(untrained, source, batches=3)
    assert losses == validation_losses(untrained, source, batches=3)
    # All latents are 0: of c_skip x and the target 0 a fresh network leaves (sigma/sigma_total)^2
    # of the noise, weighted with its inverse: the noise's own power over 1 + sigma^2.
    batch = source.batch(0, 8)
    s = batch.sigma.unsqueeze(2)
    first = (batch.noise**2 / (1 + s**2))[(batch.counted > 0).unsqueeze(2).expand_as(batch.noise)]
    alone = validation_losses(untrained, source, batches=1)
    assert alone[ALL] == pytest.approx(float(first.mean()), rel=1e-4)


def test_every_kept_out_song_weighs_the_same(tmp_path: Path) -> None:
    layout = full_layout(["pop"], {"bass": ("pick",)})
    conditions = np.zeros((layout.channels, 30), np.float16)
    names = ["a-part000", "a-part001", "a-part002", "b"]
    levels = [0.0, 0.0, 0.0, 3.0]  # of latents; an untrained network errs more on louder ones
    write_encoded(tmp_path, [Encoded(np.full((4, 3, 30), level, np.float16), conditions,
                                     np.ones(4, bool)) for level in levels])  # fmt: skip
    task = TaskConfig(window=12, continuation_frames=6, given=(1.0, 0, 0, 0), continuation=0.0)
    kept_out = KeptOut(LatentSet.open(tmp_path), names, layout, task, 0)
    shape = BackboneConfig(
        stems=4, channels=3, conditions=layout.channels, width=8, dilations=(1,), level_features=8
    )
    found = kept_out.measure(new_denoiser(shape))
    assert set(found.songs) == {"a", "b"}
    assert found.songs["b"] > 2 * found.songs["a"]
    assert found.losses[ALL] == pytest.approx(np.mean(list(found.songs.values())), rel=1e-4)
    assert kept_out.n_windows == 256

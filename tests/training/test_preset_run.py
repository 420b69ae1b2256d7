"""Every system of the papers, small: learns, stops and goes on, exports, answers, serves."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file

from stembridge.cli import main
from stembridge.conditions import Conditions
from stembridge.diffusion.inpaint import Known
from stembridge.errors import BadArgsError, CancelledError, NoSuchFileError
from stembridge.inference import codec, infer, settings_of
from stembridge.nn.preset_variants import on_spectra
from stembridge.nn.presets import PRESETS, Preset, shrunk
from stembridge.nn.registry import build
from stembridge.nn.sources import denoiser_config
from stembridge.runtime.load import load_model
from stembridge.training import denoiser, preset_run
from stembridge.training.preset_run import Order, train_preset
from stembridge.training.song_store import SongFiles, mapped

pytestmark = pytest.mark.slow

RATE, STEPS = 22050, 6
STEMS = ("bass", "drums", "guitar", "piano")
SHARED = ("msldm-large", "isldm")  # systems whose autoencoder is msldm's


def small(name: str) -> Preset:
    """A copy of a preset that learns and is traced in seconds.

    Networks of one stem each are those of msldm and msdm four times: with one block a level here.
    """
    preset = PRESETS[name] if name == "tiny" else shrunk(PRESETS[name])
    if preset.kind != "unet1d_per_stem":
        return preset
    levels = len(preset.unet.factors)
    return replace(preset, unet=replace(preset.unet, n_blocks=(1,) * levels))


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two songs of four beating tones each, 3 s."""
    folder, t = tmp_path_factory.mktemp("music"), np.arange(3 * RATE) / RATE
    for song in range(2):
        home = folder / f"song {song}"
        home.mkdir()
        for i, stem in enumerate(STEMS):
            pitch = (55 + 7 * song) * 2**i
            tone = 0.2 * np.sin(2 * np.pi * pitch * t) * (1 + np.sin(2 * np.pi * 2 * t)) / 2
            soundfile.write(home / f"{stem}.wav", tone, RATE)
    return folder


@pytest.fixture(scope="module")
def trained(music: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The run of a preset's small copy; made once."""
    home, said = tmp_path_factory.mktemp("runs"), []
    torch.set_num_threads(1)  # as a run does before its first step: the last bits hang on it

    def run(name: str) -> Path:
        preset = small(name)
        folder = home / name
        if not folder.exists():
            # One autoencoder serves all systems of four stems. TorchScript, since writing ONNX
            # takes ten seconds each: one preset shows that.
            shared = run("msldm") / "codec" if name in SHARED else None
            order = Order(
                preset, music, folder, steps=STEPS, codec_steps=1, codec_from=shared, half=False,
                format="onnx" if name == "tiny" else "torchscript",
            )  # fmt: skip
            train_preset(order, said.append)
        return folder

    return run


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_learns_exports_and_serves(name: str, trained: Callable[[str], Path]):
    model = load_model(trained(name) / "artifact", "cpu")
    manifest, preset = model.manifest, PRESETS[name]
    facts = manifest.training
    assert facts["loss_after"] < facts["loss_before"]
    assert facts["steps"] == STEPS
    assert manifest.stems == preset.stems
    assert manifest.latents_add_up is (preset.codec is None)
    assert manifest.sampler.churn == preset.habit.churn
    shape = (1, manifest.n_stems, manifest.latent_channels, manifest.window_frames)
    nothing = Known(np.zeros(shape, np.float32), np.zeros((*shape[:2], shape[3]), np.float32))
    told = Conditions(np.zeros((1, manifest.condition_channels, shape[3]), np.float32))
    made = infer(model, told, nothing, settings_of(manifest, steps=2), [0])
    assert made.shape == shape
    sound = codec.decode(model, manifest.stems[0], made[0, 0], shape[3] * manifest.hop)
    assert np.isfinite(sound).all()
    model.close()


def test_a_trained_msg_ld_takes_a_mix_apart(
    trained: Callable[[str], Path], music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    stems = [soundfile.read(music / "song 0" / f"{stem}.wav")[0] for stem in STEMS]
    mix = np.sum(stems, axis=0)[:RATE]
    soundfile.write(tmp_path / "mix.wav", mix, RATE, subtype="FLOAT")
    words = [
        "separate",
        str(tmp_path / "mix.wav"),
        "--out",
        str(tmp_path / "out"),
        "--cpu",
        "--json",
    ]
    with pytest.raises(SystemExit, match="0"):
        main([*words, "--float", "--model", str(trained("msg-ld") / "artifact")])
    told = json.loads(capsys.readouterr().out)
    assert [stem["stem"] for stem in told["stems"]] == [*STEMS, "rest"]
    made = [soundfile.read(stem["path"])[0] for stem in told["stems"]]
    assert np.abs(np.sum(made, axis=0) - mix).max() < 1e-5
    assert all(np.square(one).sum() > 1e-4 * np.square(mix).sum() for one in made[:4])
    assert json.loads(Path(told["receipt"]).read_text())["method"] == "mask"


def test_each_part_of_isldm_learns_its_own_stem(trained: Callable[[str], Path]):
    state = load_file(trained("isldm") / "run" / "denoiser" / "model.safetensors")
    firsts = [state[f"network.networks.{k}.to_time.0.1.weight"] for k in range(4)]
    assert all(not torch.equal(firsts[0], other) for other in firsts[1:])


def test_mixldm_learns_mixtures(trained: Callable[[str], Path]):
    folder = trained("mixldm")
    songs, latents = sorted((folder / "songs").glob("*.npy")), folder / "latents"
    assert np.load(songs[0]).shape[0] == 4
    assert {np.load(file).shape[0] for file in latents.glob("*.npy")} == {1}
    encoded = np.load(latents / songs[0].name)
    model = load_model(folder / "artifact", "cpu")
    audio = np.load(songs[0]).astype(np.float32).sum(0) / 32767
    whole = audio[: len(audio) // 320 * 320]
    served = model.encode("mixture", np.ascontiguousarray(whole[None]))
    assert np.abs(served - encoded).max() < 0.01 * np.abs(served).max() + 1e-3
    model.close()


@pytest.mark.parametrize("name", PRESETS)
def test_ctrl_c_stops_between_two_steps_and_the_run_goes_on_bit_for_bit(
    name: str, trained: Callable[[str], Path], music: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    whole = trained(name)
    preset = small(name)
    codec_of = trained("msldm") if name in SHARED else whole
    order = Order(
        preset, music, tmp_path / "again", steps=STEPS, half=False, format="torchscript",
        codec_from=codec_of / "codec" if (codec_of / "codec").exists() else None,
    )  # fmt: skip
    step = denoiser.Run.train_step
    # Whatever began pytest may have it ignore Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupted(run, *arguments):
        if run.step == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return step(run, *arguments)

    # What is compared is there before anything is exported.
    monkeypatch.setattr(preset_run, "_exported", lambda *_arguments: tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(denoiser.Run, "train_step", interrupted)
        with pytest.raises(CancelledError, match="Stopped at step 3; the same command goes on"):
            train_preset(order, lambda line: None)
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler
    train_preset(order, lambda line: None)
    ours, theirs = (load_file(f / "run" / "state.safetensors") for f in (order.folder, whole))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_folder_holds_one_run(trained: Callable[[str], Path], music: Path):
    order = Order(shrunk(PRESETS["msdm"]), music, trained("msldm"))
    with pytest.raises(BadArgsError, match="another preset"):
        train_preset(order, lambda line: None)


def test_a_run_goes_on_with_the_autoencoder_it_began_with(music: Path, tmp_path: Path):
    order = Order(shrunk(PRESETS["mixldm"]), music, tmp_path / "run", codec_from=tmp_path / "a")
    with pytest.raises(NoSuchFileError, match="no autoencoder"):
        train_preset(order, lambda line: None)
    for other in (tmp_path / "b", None):
        with pytest.raises(BadArgsError, match="another autoencoder"):
            train_preset(replace(order, codec_from=other), lambda line: None)


def test_songs_shorter_than_a_window_are_refused(music: Path, tmp_path: Path):
    order = Order(replace(shrunk(PRESETS["msdm"]), window_frames=1 << 18), music, tmp_path / "run")
    with pytest.raises(BadArgsError, match=r"as long as the 11\.9 s"):
        train_preset(order, lambda line: None)


def test_windows_are_the_songs_own_samples(trained: Callable[[str], Path]):
    files = sorted((trained("msdm") / "songs").glob("*.npy"))
    separate, summed = (SongFiles(mapped(files), summed=flag) for flag in (False, True))
    songs, starts = np.array([1, 0]), np.array([100, 7])
    apart = separate.windows(songs, starts, 50).latents
    assert apart.shape == (2, 4, 1, 50)
    assert np.allclose(apart[0, 2, 0], np.load(files[1])[2, 100:150] / 32767)
    assert torch.allclose(summed.windows(songs, starts, 50).latents[:, 0], apart.sum(1))
    labelled = SongFiles(mapped(files), summed=True, labelled=True)
    latents, told, _ = labelled.windows(songs, starts, 50)
    assert told.shape == (2, 4, 50) and set(told.unique().tolist()) <= {0.0, 1.0}
    flags = told[:, :, :1, None]
    assert torch.allclose(latents[:, 0], (apart * flags).sum(1), atol=1e-6)


def test_linear_codecs_keep_the_ratio_of_noise_to_latents():
    small, full = on_spectra(PRESETS["mixldm"], 64), PRESETS["mixldm"]
    assert small.unet.latent_channels == 4 * on_spectra(PRESETS["msldm"], 64).unet.latent_channels
    assert small.sigma_max / small.sigma_data == full.sigma_max / full.sigma_data
    assert small.learning.noise.high == pytest.approx(7.5)


def test_systems_on_linear_codecs_have_as_many_weights():
    with torch.device("meta"):
        counts = [
            sum(p.numel() for p in build(p.kind, denoiser_config(p)).parameters())
            for p in (on_spectra(PRESETS[name], 96) for name in ("msldm", "isldm", "mixldm"))
        ]
    assert max(counts) < 1.1 * min(counts)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("msdlm", "--data", "."), "There is no preset 'msdlm'; there are msldm"),
        (("tiny", "--data", "nowhere"), "There is no folder 'nowhere'"),
        (("tiny", "--data", "empty"), "'empty' holds no music to learn from"),
        (("msdm", "--data", "empty", "--spectra", "64"), "--spectra goes with latent systems"),
        (("tiny", "--data", "empty", "--gpu", "7"), "There is no GPU 7"),
        (("gmsdi", "--data", "empty", "--text-model", "empty"), "no text encoder in 'empty'"),
        (("msldm", "--data", "empty", "--text-model", "empty"), "msldm is told no words"),
    ],
)
def test_mistakes_get_sentences(
    words: tuple[str, ...], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit) as ended:
        main(["train", "preset", *words, "--out", "run"])
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "run" / "songs" / ".complete").exists()
    assert ("--text-model" in words) <= (not (tmp_path / "run").exists())


def test_an_autoencoder_that_does_not_fit_is_refused(
    trained: Callable[[str], Path], music: Path, tmp_path: Path
):
    taken = replace(
        Order(shrunk(PRESETS["mixldm"]), music, tmp_path / "run"),
        codec_from=trained("msldm") / "codec",
    )
    with pytest.raises(BadArgsError, match="has latent_channels 8, but mixldm-mini needs 32"):
        train_preset(taken, lambda line: None)
    with pytest.raises(NoSuchFileError, match="no autoencoder"):
        train_preset(
            replace(taken, codec_from=tmp_path, folder=tmp_path / "other"), lambda line: None
        )

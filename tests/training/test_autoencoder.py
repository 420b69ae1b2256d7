"""SourceVAE training on synthetic tones: it learns, stops, and goes on bit for bit."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from stembridge.nn.presets import PRESETS
from stembridge.nn.registry import read_network
from stembridge.nn.source_vae import SourceVAE
from stembridge.training.autoencoder import (
    VAETraining,
    padded,
    standardise,
    train_vae,
)
from stembridge.training.checkpoint import load_state
from stembridge.training.dac_weights import load_dac_weights
from stembridge.training.discriminators import DiscriminatorConfig
from stembridge.training.losses import MelScales
from stembridge.training.progress import progress_bar

TINY = PRESETS["tiny"].codec
SMALL_JUDGES = DiscriminatorConfig((2, 3), (4, 4), (256,), band_width=4)
PLAIN = VAETraining(
    steps=24, learning_rate=3e-3, discriminators=None, kl_weight=0.1, save_every=1000
)
ADVERSARIAL = VAETraining(
    steps=4,
    learning_rate=1e-3,
    discriminators=SMALL_JUDGES,
    mel_scales=MelScales((128, 512), (20, 40)),
    ema=0.9,
    save_every=2,
)


def tones(seed: int) -> torch.Tensor:
    """Two decaying tones, [2, 3200]."""
    generator = torch.Generator().manual_seed(seed)
    hz = 100 + 800 * torch.rand(2, 1, generator=generator)
    t = torch.arange(3200)[None] / TINY.sample_rate
    return 0.5 * torch.sin(2 * math.pi * hz * t) * torch.exp(-5 * t)


def stream(first: int = 0) -> Iterator[torch.Tensor]:
    step = first
    while True:
        yield tones(step)
        step += 1


class Songs:
    """A source that can start anywhere."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __iter__(self) -> Iterator[torch.Tensor]:
        raise AssertionError("from_step should be used")

    def from_step(self, step: int) -> Iterator[torch.Tensor]:
        self.asked.append(step)
        return stream(step)


def test_padding_is_the_papers():
    assert padded(torch.ones(1, 22050), 320).shape == (1, 70 * 320)
    assert padded(torch.ones(1, 640), 320).shape == (1, 3 * 320)
    assert padded(torch.ones(1, 640), 320).sum() == 640


@pytest.mark.slow
def test_one_batch_is_learned(tmp_path: Path):
    seen: list[dict[str, float]] = []
    batch = tones(0)
    train_vae(
        TINY, PLAIN, (batch for _ in range(PLAIN.steps)), tmp_path, lambda _, x: seen.append(x)
    )
    assert len(seen) == PLAIN.steps
    assert all(math.isfinite(value) for losses in seen for value in losses.values())
    assert seen[-1]["mel"] < 0.5 * seen[0]["mel"]


def test_a_resumed_run_is_the_same_run(tmp_path: Path):
    straight, resumed = tmp_path / "straight", tmp_path / "resumed"
    train_vae(TINY, ADVERSARIAL, stream(), straight)
    train_vae(TINY, replace(ADVERSARIAL, steps=2), stream(), resumed)
    songs = Songs()
    train_vae(TINY, ADVERSARIAL, songs, resumed)
    assert songs.asked == [2]
    expected, found = load_state(straight), load_state(resumed)
    assert expected is not None
    assert found is not None
    assert found[0].keys() == expected[0].keys()
    assert [name for name in found[0] if not torch.equal(found[0][name], expected[0][name])] == []
    logs = [(folder / "log.jsonl").read_text() for folder in (straight, resumed)]
    assert [json.loads(line)["step"] for line in logs[1].splitlines()] == [1, 2, 3, 4]
    assert logs[0] == logs[1]


def test_a_stopped_run_goes_on_from_its_last_checkpoint(tmp_path: Path):
    class StoppedError(Exception):
        pass

    def stop(step: int, losses: dict[str, float]) -> None:
        if step == 3:
            raise StoppedError

    with pytest.raises(StoppedError):
        train_vae(TINY, ADVERSARIAL, stream(), tmp_path, stop)
    state = load_state(tmp_path)
    assert state is not None
    assert state[1]["step"] == 2


def test_the_averaged_network_is_written_and_exportable(tmp_path: Path):
    trained = train_vae(TINY, ADVERSARIAL, stream(), tmp_path)
    network = read_network(tmp_path / "vae")
    assert network.kind == "source_vae"
    assert network.artifact == {"sample_rate": 22050, "hop": 320, "latent_channels": 8}
    state = load_state(tmp_path)
    assert state is not None
    name = "decoder.model.0.weight_v"
    assert torch.equal(network.module.state_dict()[name], trained.state_dict()[name])
    assert torch.equal(network.module.state_dict()[name], state[0][f"average.{name}"])
    assert not torch.equal(network.module.state_dict()[name], state[0][f"vae.{name}"])


def test_both_sides_of_the_game_move(tmp_path: Path):
    seen: list[dict[str, float]] = []
    train_vae(TINY, ADVERSARIAL, stream(), tmp_path, lambda _, x: seen.append(x))
    assert set(seen[0]) == {"judges", "mel", "kl", "adversarial", "features"}
    assert seen[0]["judges"] != seen[-1]["judges"]


def test_too_few_batches_are_an_error(tmp_path: Path):
    with pytest.raises(ValueError, match="ended at step 1 of 4"):
        train_vae(TINY, ADVERSARIAL, [tones(0)], tmp_path)


def test_standardised_latents_have_unit_variance():
    torch.manual_seed(0)
    vae = SourceVAE(TINY).eval()
    batches = [tones(seed) for seed in range(8)]
    standardise(vae, batches)
    encoder, decoder = vae.codec_pair()
    with torch.no_grad():
        latents = torch.cat([encoder(batch) for batch in batches])
        assert torch.allclose(latents.mean(dim=(0, 2)), torch.zeros(8), atol=1e-3)
        assert torch.allclose(latents.std(dim=(0, 2)), torch.ones(8), atol=0.02)
        plain = vae.decode(vae.posterior(batches[0]).mean)
        assert torch.allclose(decoder(encoder(batches[0])), plain, atol=1e-5)
    with pytest.raises(ValueError, match="no audio"):
        standardise(vae, [])


def test_progress_shows_steps_and_losses(capsys: pytest.CaptureFixture[str]):
    with progress_bar(4) as on_step:
        on_step(3, {"mel": 1.25})
    shown = capsys.readouterr().out
    assert "3/4" in shown
    assert "mel 1.250" in shown


def dac_file(path: Path, width: int) -> dict[str, torch.Tensor]:
    """A file laid out like DAC's published ones, whose latents are wider than ours."""
    wide = replace(TINY, encoder_width=width, latent_channels=32)
    torch.manual_seed(9)
    state = {n: t for n, t in SourceVAE(wide).state_dict().items() if "latent_" not in n}
    state["quantizer.quantizers.0.codebook.weight"] = torch.zeros(4, 4)
    torch.save({"state_dict": state, "metadata": {"kwargs": {"sample_rate": 24000}}}, path)
    return state


def test_dac_weights_are_taken_where_they_fit(tmp_path: Path):
    theirs = dac_file(tmp_path / "dac.pth", TINY.encoder_width)
    vae = SourceVAE(TINY)
    kept = load_dac_weights(vae, tmp_path / "dac.pth")
    own = vae.state_dict()
    assert {name.rpartition(".")[0] for name in kept} == {"encoder.block.6", "decoder.model.0"}
    for name, tensor in theirs.items():
        if name in own and name not in kept:
            assert torch.equal(own[name], tensor), name


def test_a_new_run_starts_from_dac_weights_and_a_resumed_one_does_not(tmp_path: Path):
    theirs = dac_file(tmp_path / "dac.pth", TINY.encoder_width)
    gentle = replace(ADVERSARIAL, learning_rate=0.0, steps=1)
    run = tmp_path / "run"
    vae = train_vae(TINY, gentle, stream(), run, dac_weights=tmp_path / "dac.pth")
    name = "encoder.block.0.weight_v"
    assert torch.equal(vae.state_dict()[name], theirs[name])
    torch.save({"state_dict": {n: 0 * t for n, t in theirs.items()}}, tmp_path / "zero.pth")
    again = train_vae(TINY, gentle, stream(), run, dac_weights=tmp_path / "zero.pth")
    assert torch.equal(again.state_dict()[name], theirs[name])


def test_other_architectures_are_refused(tmp_path: Path):
    dac_file(tmp_path / "dac.pth", width=6)
    vae = SourceVAE(replace(TINY, decoder_width=32))
    with pytest.raises(ValueError, match="tensors fit"):
        load_dac_weights(vae, tmp_path / "dac.pth")

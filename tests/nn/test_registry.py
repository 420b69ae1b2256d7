"""Network folders: what is written is what is read."""

import json
from pathlib import Path

import pytest
import torch

from stembridge.nn.presets import PRESETS
from stembridge.nn.registry import BUILDERS, build, read_network, write_network
from stembridge.nn.sources import preset_codec, preset_denoiser


@pytest.mark.parametrize("make", [preset_codec, preset_denoiser])
def test_a_network_survives_its_folder(tmp_path: Path, make):
    network = make(PRESETS["tiny"], seed=3)
    write_network(network, tmp_path / "net")
    again = read_network(tmp_path / "net")
    assert again.kind == network.kind
    assert json.dumps(again.artifact) == json.dumps(network.artifact)
    for name, value in network.module.state_dict().items():
        assert torch.equal(again.module.state_dict()[name], value)
    assert {p.name for p in (tmp_path / "net").iterdir()} == {"config.json", "model.safetensors"}


def test_random_weights_follow_the_seed_and_leave_the_global_one():
    state = torch.random.get_rng_state()
    first, same, other = (preset_codec(PRESETS["tiny"], seed) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), state)
    key = "encoder.block.0.weight_v"
    weights = [network.module.state_dict()[key] for network in (first, same, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_unknown_kinds_and_fields_are_named():
    with pytest.raises(ValueError, match=r"'perceptron'; known: .*source_vae"):
        build("perceptron", {})
    with pytest.raises(ValueError, match="depth"):
        build("source_vae", {"depth": 3})


def test_every_kind_of_the_project_is_registered():
    assert {"waveform", "source_vae", "linear_codec", "unet1d", "backbone"} <= set(BUILDERS)


def test_waveforms_are_their_own_latents():
    codec = build("waveform", {})
    audio = torch.randn(2, 7)
    assert codec.encoder(audio).shape == (2, 1, 7)
    assert torch.equal(codec.decoder(codec.encoder(audio)), audio)

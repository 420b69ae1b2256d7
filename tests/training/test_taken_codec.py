"""EnCodec and DAC (tiny random weights) as the codec of a latent preset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tiny_engines import save_dac, save_encodec

from stembridge.engines.quantised import STEM, QuantisedCodec
from stembridge.errors import BadArgsError
from stembridge.nn.presets import PRESETS, shrunk
from stembridge.runtime.load import load_model
from stembridge.training.preset_run import Order, train_preset
from stembridge.training.taken_codec import on_codec

from .test_preset_run import music as music


@pytest.mark.parametrize(("save", "name"), [(save_encodec, "encodec"), (save_dac, "dac")])
def test_a_latent_preset_learns_on_its_latents(
    save: Callable[[Path], Path], name: str, music: Path, tmp_path: Path
) -> None:
    folder = save(tmp_path / "weights")
    preset = on_codec(shrunk(PRESETS["msldm"]), folder)
    assert preset.name == f"msldm-mini-{name}"
    order = Order(preset, music, tmp_path / "run", steps=3, codec_from=folder, half=False,
                  format="torchscript")  # fmt: skip
    model = load_model(train_preset(order, lambda line: None), "cpu")
    manifest, theirs = model.manifest, QuantisedCodec(folder)
    assert (manifest.sample_rate, manifest.hop) == (theirs.manifest.sample_rate, preset.hop)
    assert "weights" in manifest.licence
    stored = np.concatenate(
        [np.load(f).astype(np.float32) for f in (tmp_path / "run" / "latents").glob("*.npy")], 2
    )
    assert stored.std(axis=(0, 2)) == pytest.approx(preset.sigma_data, rel=0.2)
    # Served at another length than exported with: the same latents, and the same sound of them.
    sound = np.random.default_rng(0).normal(0, 0.1, (1, 40 * preset.hop)).astype(np.float32)
    mean, deviation = np.load(tmp_path / "run" / "codec" / "scale.npy")[:, None, :, None]
    latents = theirs.encode(STEM, sound)
    np.testing.assert_allclose(
        model.encode("bass", sound) * deviation + mean, latents, atol=1e-3 * np.abs(latents).max()
    )
    made = theirs.decode(STEM, latents)
    served = model.decode("piano", (latents - mean) / deviation)
    np.testing.assert_allclose(served, made, atol=1e-3 * np.abs(made).max())
    model.close()


def test_systems_without_such_latents_say_so(tmp_path: Path) -> None:
    folder = save_encodec(tmp_path)
    for name, works_on in (("msdm", "waveforms"), ("msg-ld", "pictures of mel bands")):
        with pytest.raises(BadArgsError, match=f"{name} works on {works_on}"):
            on_codec(PRESETS[name], folder)
    with pytest.raises(BadArgsError, match="no EnCodec or DAC"):
        on_codec(PRESETS["msldm"], tmp_path / "nowhere")

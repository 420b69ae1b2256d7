"""MT-MusicLDM and MSG-LD: spectra, their autoencoder, the 3-D U-Net over stems, DDIM's levels."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from stembridge.conditions import Conditions
from stembridge.diffusion import karras_sigmas, sample_ancestral
from stembridge.diffusion.inpaint import Known
from stembridge.diffusion.schedule import ddim_sigmas, ddpm_levels
from stembridge.nn.exporting import CodecExport, export_codec
from stembridge.nn.mel import Mel, MelConfig
from stembridge.nn.mel_vae import MelVAE, MelVAEConfig
from stembridge.nn.precondition import EpsilonPreconditioned, denoising_loss
from stembridge.nn.presets import PRESETS, shrunk
from stembridge.nn.registry import build
from stembridge.nn.sources import denoiser_config, preset_codec
from stembridge.nn.unet3d import UNet3d

SMALL = {name: shrunk(PRESETS[name]) for name in ("msg-ld", "mt-musicldm")}


def small_unet(name: str) -> EpsilonPreconditioned:
    torch.manual_seed(0)
    return build("unet3d", denoiser_config(SMALL[name])).eval()


def given(name: str, batch: int = 2):
    config, generator = SMALL[name].unet, torch.Generator().manual_seed(1)
    x = torch.randn(batch, 4, config.latent_channels, 16, generator=generator)
    told = torch.randn(batch, config.condition_channels, 16, generator=generator)
    return x, torch.full((batch, 4, 16), 2.0), told


def test_spectra_are_on_the_grid_and_say_which_band_sounds():
    mel, t = Mel(MelConfig()), torch.arange(16_000) / 16_000
    spectra = mel(0.3 * torch.sin(2 * math.pi * 1000 * t)[None])
    assert spectra.shape == (1, 100, 64)
    middle = spectra[0, 50]
    centre = mel.filters[middle.argmax()].argmax() * 16_000 / 1024
    assert centre.item() == pytest.approx(1000, abs=60)
    assert middle.min().item() == pytest.approx(math.log(1e-5), abs=3)


def test_the_way_back_gives_the_spectra_it_was_given():
    mel, t = Mel(MelConfig(iterations=16)), torch.arange(8000) / 16_000
    sound = 0.2 * sum(torch.sin(2 * math.pi * f * t) for f in (220.0, 330.0, 1000.0))[None]
    spectra = mel(sound)
    again = mel(mel.audio(spectra))
    assert again.shape == spectra.shape
    away = (again - spectra)[:, 5:-5].abs()  # tones that begin and end at once are harder
    assert away[(spectra > spectra.max() - 4)[:, 5:-5]].mean() < 0.35


def test_the_papers_frame_arithmetic_and_shapes():
    """1024 spectra of 64 bands, 10.24 s, are [8, 256, 16]; on the meta device, nothing is made."""
    config = MelVAEConfig()
    assert (config.latent_hop, config.frequencies, config.latent_channels) == (640, 16, 128)
    with torch.device("meta"):
        vae = MelVAE(config)
        assert vae.posterior(torch.zeros(1, 1024, 64)).mean.shape == (1, 8, 256, 16)
        assert vae.decode(torch.zeros(1, 8, 256, 16)).shape == (1, 1024, 64)


@pytest.mark.parametrize(("name", "millions"), [("msg-ld", 309.4), ("mt-musicldm", 715.7)])
def test_full_size_on_the_meta_device(name: str, millions: int):
    """Counts are this network's own: the papers print none."""
    preset = PRESETS[name]
    with torch.device("meta"):
        network = UNet3d(preset.unet)
        shape = (1, 4, 128, preset.window_frames)
        told = torch.zeros(1, preset.unet.condition_channels, preset.window_frames)
        made = network(torch.zeros(shape), torch.ones(1, 4, preset.window_frames), told)
    assert made.shape == shape
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(millions, abs=0.1)


@pytest.mark.parametrize("name", SMALL)
def test_what_is_told_is_heard_and_everything_learns(name: str):
    denoiser, (x, sigma, told) = small_unet(name), given(name)
    with torch.no_grad():
        change = denoiser(x, sigma, told) - denoiser(x, sigma, 0 * told)
    assert change.abs().max() > 1e-4
    denoiser(x, sigma, told).square().sum().backward()
    silent = [n for n, p in denoiser.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


def test_the_network_sees_what_a_ddpm_saw_and_its_loss_is_that_of_the_noise():
    class Spy(nn.Module):
        def forward(self, x, sigma, conditions):
            self.seen = x
            return 0.5 * x

    spy, generator = Spy(), torch.Generator().manual_seed(0)
    clean, noise = (torch.randn(3, 4, 2, 5, generator=generator) for _ in range(2))
    a = torch.tensor([0.9, 0.5, 0.05])
    sigma = ((1 - a) / a).sqrt()[:, None, None].expand(3, 4, 5)
    loss = denoising_loss(EpsilonPreconditioned(spy), clean, noise, sigma, torch.zeros(3, 0, 5))
    root = a.sqrt()[:, None, None, None]
    z = root * clean + (1 - a).sqrt()[:, None, None, None] * noise
    assert torch.allclose(spy.seen, z, atol=1e-5)
    assert loss.item() == pytest.approx((0.5 * z - noise).square().mean().item(), rel=1e-4)


def test_levels_are_ldms_and_steps_are_read_back():
    levels = ddpm_levels()
    assert levels[0] == pytest.approx(0.039, abs=5e-4) and levels[-1] == pytest.approx(
        83.8, rel=0.01
    )
    sigmas = ddim_sigmas(200)
    assert len(sigmas) == 201 and sigmas[-1] == 0
    assert sigmas[0] == levels[996] and sigmas[-2] == levels[1]
    network, seen = small_unet("msg-ld").network, []
    network._sinusoids = lambda step: seen.append(step) or torch.zeros(len(step), 8)
    x, sigma, told = given("msg-ld", 3)
    at = torch.tensor([levels[1], levels[501], levels[996]])[:, None, None]
    network(x, sigma * 0 + at, told)
    assert seen[0].tolist() == [1, 501, 996]


def test_all_fourteen_arrangements_keep_what_is_given():
    denoiser, config = small_unet("msg-ld"), SMALL["msg-ld"].unet
    shape = (1, 4, config.latent_channels, 8)
    rng = np.random.default_rng(0)
    latents = rng.normal(size=shape).astype(np.float32)
    nothing = Conditions(np.zeros((1, config.condition_channels, 8), np.float32))

    def D(x, sigma, conditions):  # noqa: N802
        with torch.inference_mode():
            return denoiser(
                *(torch.from_numpy(np.float32(a)) for a in (x, sigma, conditions.frames))
            ).numpy()

    subsets = [s for n in (1, 2, 3) for s in combinations(range(4), n)]
    assert len(subsets) == 14
    for kept in subsets:
        mask = np.zeros((1, 4, 8), np.float32)
        mask[:, list(kept)] = 1
        made = sample_ancestral(
            D, rng.normal(size=shape).astype(np.float32) * 80, ddim_sigmas(3), nothing,
            known=Known(latents, mask, "imputation"),
            noise=lambda: rng.normal(size=shape).astype(np.float32),
        )  # fmt: skip
        assert np.isfinite(made).all()
        assert np.array_equal(made[:, list(kept)], latents[:, list(kept)])


def test_the_autoencoder_answers_the_same_as_onnx(tmp_path: Path):
    network = preset_codec(replace(SMALL["msg-ld"], name="x"), seed=0)
    export_codec(tmp_path, CodecExport(("bass",), network), legacy=True)
    audio = 0.1 * np.random.default_rng(0).standard_normal((1, 40 * 320)).astype(np.float32)
    latents = run(tmp_path / "encoder.onnx", audio)
    assert latents.shape == (1, 16, 40)
    with torch.inference_mode():
        expected = network.module.encoder(torch.from_numpy(audio)).numpy()
        sound = network.module.decoder(torch.from_numpy(latents)).numpy()
    assert latents == pytest.approx(expected, abs=1e-4)
    off = np.linalg.norm(run(tmp_path / "decoder.onnx", latents) - sound)
    assert off < 1e-3 * np.linalg.norm(sound)


def run(path: Path, array: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: array})[0]


def test_a_schedule_has_as_many_levels_as_steps():
    assert len(karras_sigmas(5, 0.1, 1.0)) == len(ddim_sigmas(5)) == 6
    with pytest.raises(ValueError, match="1 to 999 steps"):
        ddim_sigmas(1000)

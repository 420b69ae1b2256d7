"""Every number of every preset, and of the autoencoder's losses, written down a second time.

Whoever changes one has to change it here, and say why it is no longer the papers'.
"""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
import torch

from stembridge.nn.habits import Ddpm, Habit, Learning, LogNormal, Uniform
from stembridge.nn.presets import PRESETS
from stembridge.nn.sources import denoiser_config, preset_facts
from stembridge.nn.unet1d import PerStem
from stembridge.training.autoencoder import VAETraining

FOUR = ("bass", "drums", "guitar", "piano")

SOURCE_VAE = {
    "sample_rate": 22050, "encoder_width": 64, "encoder_strides": (2, 4, 5, 8),
    "latent_channels": 80, "decoder_width": 1536, "decoder_strides": (8, 5, 4, 2),
    "exact_length": False,
}  # fmt: skip
TINY_VAE = {
    "sample_rate": 22050, "encoder_width": 4, "encoder_strides": (2, 4, 5, 8),
    "latent_channels": 8, "decoder_width": 64, "decoder_strides": (8, 5, 4, 2),
    "exact_length": True,
}  # fmt: skip
MSLDM_UNET = {
    "n_stems": 4, "latent_channels": 80, "condition_channels": 0, "width": 512, "patch_factor": 16,
    "multipliers": (1, 2, 2, 2, 1, 1, 1), "factors": (1, 1, 2, 1, 1, 2),
    "n_blocks": (2, 2, 2, 2, 2, 4), "attentions": (False, True, True, True, True, True),
    "heads": 12, "head_features": 64, "multiplier": 2, "groups": 8,
}  # fmt: skip
LARGE_UNET = MSLDM_UNET | {
    "width": 1024, "multipliers": (1, 2, 2, 1, 1, 1, 1, 1, 1), "factors": (1, 1, 2, 1, 1, 2, 2, 2),
    "n_blocks": (2, 2, 2, 2, 2, 4, 4, 6), "attentions": (False, *[True] * 7), "head_features": 128,
}  # fmt: skip
MSDM_UNET = MSLDM_UNET | {
    "latent_channels": 1, "width": 256, "multipliers": (1, 2, 4, 4, 4, 4, 4),
    "factors": (4, 4, 4, 2, 2, 2), "n_blocks": (2, 2, 2, 2, 2, 2),
    "attentions": (False, False, False, True, True, True), "heads": 8, "head_features": 128,
}  # fmt: skip
TINY_UNET = MSLDM_UNET | {
    "latent_channels": 8, "width": 32, "patch_factor": 4, "multipliers": (1, 2, 2),
    "factors": (1, 2), "n_blocks": (1, 1), "attentions": (False, True), "heads": 2,
    "head_features": 16,
}  # fmt: skip

MSLDM_LEARNING = Learning(
    noise=Uniform(0.0, 3.0), learning_rate=2e-5, batch=16, steps=400_000, betas=(0.9, 0.99),
    weight_decay=0.0, warmup=1, ema=0.0, drop=0.0,
)  # fmt: skip
MSDM_LEARNING = Learning(
    noise=LogNormal(-3.0, 1.0), learning_rate=1e-4, batch=8, steps=400_000, betas=(0.9, 0.99),
    weight_decay=0.0, warmup=1, ema=0.0, drop=0.0,
)  # fmt: skip
WEAK_LEARNING = Learning(
    noise=LogNormal(-3.0, 1.0), learning_rate=1e-5, batch=16, steps=400_000, betas=(0.9, 0.99),
    weight_decay=0.0, warmup=1, ema=0.0, drop=0.0,
)  # fmt: skip
TINY_LEARNING = Learning(
    noise=Uniform(0.0, 3.0), learning_rate=1e-3, batch=4, steps=200, betas=(0.9, 0.99),
    weight_decay=0.0, warmup=1, ema=0.0, drop=0.0,
)  # fmt: skip


def euler(steps: int = 150, churn: float = 20.0, **more: object) -> Habit:
    fields = {
        "eta": None, "resamples": 1, "rho": 7.0, "sigma_min": None, "sigma_max": None,
        "guidance": 1.0, "schedule": "karras",
    }  # fmt: skip
    return Habit(sampler="euler", steps=steps, churn=churn, **{**fields, **more})


def separating(churn: float) -> Habit:
    return euler(150, churn, resamples=2, sigma_max=1.0)


def latent(unet: dict, vae: dict = SOURCE_VAE, **more: object) -> dict:
    return {
        "stems": FOUR, "sample_rate": 22050, "window_frames": 1024, "codec": vae, "unet": unet,
        "sigma_data": 0.4, "sigma_min": 0.01, "sigma_max": 3.0, "output_limit": None,
        "per_stem": False, "whole_window": True, "learning": MSLDM_LEARNING, "habit": euler(),
        "habits": {},
    } | more  # fmt: skip


MSDM = {
    "stems": FOUR, "sample_rate": 22050, "window_frames": 262_144, "codec": None, "unet": MSDM_UNET,
    "sigma_data": 0.2, "sigma_min": 1e-4, "sigma_max": 20.0, "output_limit": 1.0,
    "per_stem": False, "whole_window": True, "learning": MSDM_LEARNING, "habit": euler(),
    "habits": {
        "partial": euler(256, 10.0), "separate_dirac": separating(20.0),
        "separate_gaussian": separating(40.0),
    },
}  # fmt: skip

GMSDI = MSDM | {
    "stems": ("mixture",), "unet": MSDM_UNET | {"n_stems": 1, "condition_channels": 4},
    "learning": replace(MSDM_LEARNING, drop=0.1),
    "habit": Habit("adpm2", 150, None, 1.0, 1, 7.0, None, None, 1.0, "karras"),
    "habits": {
        "coupled": Habit("adpm2", 600, None, 1.0, 1, 7.0, None, None, 1.0, "karras"),
        "partial": Habit("adpm2", 300, None, 1.0, 1, 7.0, None, None, 1.0, "karras"),
        "separate_dirac": Habit("ancestral", 150, None, 1.0, 2, 7.0, None, 1.0, 3.0, "karras"),
        "extract": Habit("ancestral", 150, None, 1.0, 2, 7.0, None, 1.0, 7.5, "karras"),
    },
}  # fmt: skip

MEL_VAE = {
    "sample_rate": 16_000, "n_fft": 1024, "hop": 160, "bands": 64, "floor": 1e-5,
    "iterations": 32, "width": 128, "multipliers": (1, 2, 4), "n_blocks": 2, "depth": 8,
}  # fmt: skip
UNET3D = {
    "n_stems": 4, "depth": 8, "frequencies": 16, "multipliers": (1, 2, 3, 5), "n_blocks": 2,
    "attention_levels": (1, 2, 3), "head_features": 32, "embedding": 512,
}  # fmt: skip
DDIM = Habit("ancestral", 200, None, 1.0, 1, 7.0, None, None, 1.0, "ddim")
MSG_LD = {
    "stems": FOUR, "sample_rate": 16_000, "window_frames": 256, "codec": MEL_VAE,
    "unet": UNET3D | {"width": 128, "told": "mixture"}, "sigma_data": 1.0,
    "sigma_min": pytest.approx(0.055, abs=5e-4), "sigma_max": pytest.approx(81.386, abs=1e-3),
    "output_limit": None, "per_stem": False, "whole_window": True,
    "learning": Learning(
        Ddpm(), learning_rate=3e-5, batch=8, steps=400_000, betas=(0.9, 0.999), weight_decay=0.01,
        warmup=1000, ema=0.9999, drop=0.1,
    ),
    "habit": DDIM, "habits": {},
}  # fmt: skip

TABLE = {
    "msldm": latent(MSLDM_UNET),
    "msldm-large": latent(LARGE_UNET),
    "isldm": latent(MSLDM_UNET, per_stem=True),
    "mixldm": latent(
        MSLDM_UNET | {"n_stems": 1, "latent_channels": 320},
        SOURCE_VAE | {"latent_channels": 320}, stems=("mixture",),
    ),
    "msdm": MSDM,
    "msdm-weak": MSDM | {
        "per_stem": True, "learning": WEAK_LEARNING,
        "habits": {
            "separate_dirac": separating(40.0), "separate_gaussian": separating(40.0),
        },
    },
    "gmsdi": GMSDI,
    "msg-ld": MSG_LD,
    "mt-musicldm": MSG_LD | {
        "unet": UNET3D | {"width": 192, "told": "embedding"},
        "habit": replace(DDIM, guidance=2.0), "habits": {"partial": DDIM},
    },
    "tiny": latent(
        TINY_UNET, TINY_VAE, window_frames=64, whole_window=False, learning=TINY_LEARNING
    ),
}  # fmt: skip


def test_every_number_of_every_preset():
    assert set(PRESETS) == set(TABLE)
    for name, wanted in TABLE.items():
        preset = PRESETS[name]
        found = {field: getattr(preset, field) for field in wanted}
        found["unet"] = asdict(preset.unet)
        found["codec"] = None if preset.codec is None else asdict(preset.codec)
        assert found == wanted, name
        assert preset.name == name


def test_the_numbers_reach_network_and_manifest():
    for name, wanted in TABLE.items():
        config, facts = denoiser_config(PRESETS[name]), preset_facts(PRESETS[name])
        assert config == wanted["unet"] | {
            "sigma_data": wanted["sigma_data"], "output_limit": wanted["output_limit"],
        }  # fmt: skip
        for field in ("stems", "window_frames", "sigma_min", "sigma_max", "sigma_data",
                      "whole_window"):  # fmt: skip
            assert facts[field] == wanted[field], (name, field)
        assert facts["latents_add_up"] is (wanted["codec"] is None)
        habits = {"generate": wanted["habit"], **wanted["habits"]}
        told = {"generate": facts["sampler"], **facts["habits"]}
        for purpose, habit in habits.items():
            fields = {**asdict(habit), "name": habit.sampler}
            del fields["sampler"]
            assert told[purpose] == fields, (name, purpose)


def test_loss_weights_and_settings_of_the_autoencoder():
    found = asdict(VAETraining())
    assert found == {
        "steps": 100_000, "learning_rate": 5e-5, "betas": (0.8, 0.99), "decay": 0.999996,
        "clip_vae": 1000.0, "clip_discriminators": 10.0, "mel_weight": 15.0,
        "feature_weight": 2.0, "adversarial_weight": 1.0, "kl_weight": 10.0,
        "mel_scales": {
            "windows": (32, 64, 128, 256, 512, 1024, 2048),
            "bands": (5, 10, 20, 40, 80, 160, 320),
        },
        "discriminators": {
            "periods": (2, 3, 5, 7, 11), "period_widths": (32, 128, 512, 1024, 1024),
            "windows": (2048, 1024, 512), "band_edges": (0.0, 0.1, 0.25, 0.5, 0.75, 1.0),
            "band_width": 32,
        },
        "ema": None, "seed": 0, "save_every": 1000, "device": "cpu",
    }  # fmt: skip


def test_networks_per_stem_hear_no_other_stem():
    torch.manual_seed(0)
    network = PerStem(PRESETS["tiny"].unet).eval()
    x, sigma = torch.randn(1, 4, 8, 8), torch.ones(1, 4, 8)
    moved = x.clone()
    moved[:, 1] += 1
    with torch.no_grad():
        change = network(moved, sigma, x[:, 0, :0]) - network(x, sigma, x[:, 0, :0])
    assert change[:, 1].abs().max() > 0
    assert change[:, [0, 2, 3]].abs().max() == 0
    assert len({id(one) for one in network.networks}) == 4

"""Presets with another codec, or told in another way."""

from __future__ import annotations

from dataclasses import replace

from stembridge.conditions import EMBEDDING, LABELS
from stembridge.nn.habits import Learning, Uniform
from stembridge.nn.linear_codec import LinearCodecConfig
from stembridge.nn.presets import Preset
from stembridge.nn.unet3d import UNet3dConfig

_BRIEF = Learning(Uniform(0.0, 7.5), 1e-3, batch=16, steps=2000, warmup=50, ema=0.995)
WORD_NUMBERS = 32  # of a caption, beside every sample of a waveform


def on_words(preset: Preset) -> Preset | None:
    """A system that is told words, told them by a text encoder; None for the others."""
    if dict(preset.told).keys() == {EMBEDDING}:
        return replace(preset, in_words=True)
    if dict(preset.told).keys() != {LABELS} or isinstance(preset.unet, UNet3dConfig):
        return None
    unet = replace(preset.unet, condition_channels=WORD_NUMBERS)
    return replace(preset, unet=unet, in_words=True)


def on_spectra(preset: Preset, width: int) -> Preset:
    """A latent system on a linear codec that is fitted in a minute: for comparisons on few cores.

    Noise levels keep their ratio to the latents' deviation, which is 1 here and .4 in the papers;
    two frames are folded, not 16, of which a narrow network would lose most.
    """
    channels = (4 if preset.hears_mixtures else 1) * 32
    codec = LinearCodecConfig(n_fft=2048, hop=2048, channels=channels, rate=22050, iterations=16)
    scale, noise = 1 / preset.sigma_data, preset.learning.noise
    if isinstance(noise, Uniform):
        noise = Uniform(noise.low * scale, noise.high * scale)
    if isinstance(preset.unet, UNet3dConfig):
        raise ValueError(f"{preset.name} has a codec of spectra of its own")
    unet = replace(  # ISLDM's four networks together have as many weights as MSLDM's one
        preset.unet, width=width // 2 if preset.per_stem else width, latent_channels=channels,
        patch_factor=2, multipliers=(1, 1, 1, 1), factors=(1, 2, 2), n_blocks=(1, 1, 1),
        attentions=(False, True, True), heads=4, head_features=32,
    )  # fmt: skip
    return replace(
        preset, name=f"{preset.name}-spectra", unet=unet, codec=codec,
        window_frames=128, sigma_data=1.0, learning=replace(_BRIEF, noise=noise),
        sigma_min=preset.sigma_min * scale, sigma_max=preset.sigma_max * scale,
    )  # fmt: skip

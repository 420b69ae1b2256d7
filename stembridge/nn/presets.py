"""Named configurations of the papers' systems, and a tiny one for tests.

Each is the same code with other numbers: MSLDM (S = 4, DAC-VAE latents), ISLDM (S = 1, one model
per stem), MixLDM (S = 1, the mixture), MSDM (S = 4, C = 1, waveforms without an autoencoder).
Numbers come from the released configurations; where the MSLDM paper's appendix differs from its
released model, the parameter counts of the paper's text decide (base width 512, Large 1024).
"""

from __future__ import annotations

from dataclasses import dataclass

from stembridge.nn.source_vae import SourceVAEConfig
from stembridge.nn.unet1d import UNet1dConfig
from stembridge.request import STEMS


@dataclass(frozen=True)
class Preset:
    """Codec, denoiser and noise range of one system.

    Attributes:
        name: name of the preset.
        stems: order of the stem axis.
        sample_rate: Hz.
        window_frames: latent frames the denoiser was trained on.
        vae: the autoencoder; None for waveform models (hop 1, C = 1).
        unet: the denoiser.
        sigma_data: standard deviation of the latents, as the papers set it.
        sigma_min: least noise of the sampler's schedule.
        sigma_max: greatest noise of the schedule.
        output_limit: clamp of the denoised output.
    """

    name: str
    stems: tuple[str, ...]
    sample_rate: int
    window_frames: int
    vae: SourceVAEConfig | None
    unet: UNet1dConfig
    sigma_data: float
    sigma_min: float
    sigma_max: float
    output_limit: float | None = None


_LARGE_UNET = UNet1dConfig(
    width=1024,
    multipliers=(1, 2, 2, 1, 1, 1, 1, 1, 1),
    factors=(1, 1, 2, 1, 1, 2, 2, 2),
    n_blocks=(2, 2, 2, 2, 2, 4, 4, 6),
    attentions=(False, *[True] * 7),
    head_features=128,
)

_MSDM_UNET = UNet1dConfig(
    latent_channels=1,
    width=256,
    multipliers=(1, 2, 4, 4, 4, 4, 4),
    factors=(4, 4, 4, 2, 2, 2),
    n_blocks=(2,) * 6,
    attentions=(False, False, False, True, True, True),
    heads=8,
    head_features=128,
)

_TINY_VAE = SourceVAEConfig(encoder_width=4, latent_channels=8, decoder_width=64, exact_length=True)

_TINY_UNET = UNet1dConfig(
    latent_channels=8,
    width=32,
    patch_factor=4,
    multipliers=(1, 2, 2),
    factors=(1, 2),
    n_blocks=(1, 1),
    attentions=(False, True),
    heads=2,
    head_features=16,
)


def _latent(name: str, stems: tuple[str, ...], vae: SourceVAEConfig, unet: UNet1dConfig) -> Preset:
    return Preset(
        name=name,
        stems=stems,
        sample_rate=vae.sample_rate,
        window_frames=1024,
        vae=vae,
        unet=unet,
        sigma_data=0.4,
        sigma_min=0.01,
        sigma_max=3.0,
    )


_ALL = (
    _latent("msldm", STEMS, SourceVAEConfig(), UNet1dConfig()),
    _latent("msldm-large", STEMS, SourceVAEConfig(), _LARGE_UNET),
    *(
        _latent(f"isldm-{stem}", (stem,), SourceVAEConfig(), UNet1dConfig(n_stems=1))
        for stem in STEMS
    ),
    # The mixture's own autoencoder has as many latent channels as four stems together.
    _latent(
        "mixldm",
        ("mixture",),
        SourceVAEConfig(latent_channels=320),
        UNet1dConfig(n_stems=1, latent_channels=320),
    ),
    Preset(
        name="msdm",
        stems=STEMS,
        sample_rate=22050,
        window_frames=1 << 18,
        vae=None,
        unet=_MSDM_UNET,
        sigma_data=0.2,
        sigma_min=1e-4,
        sigma_max=20.0,
        output_limit=1.0,
    ),
    Preset(
        name="tiny",
        stems=STEMS,
        sample_rate=22050,
        window_frames=64,
        vae=_TINY_VAE,
        unet=_TINY_UNET,
        sigma_data=0.4,
        sigma_min=0.01,
        sigma_max=3.0,
    ),
)

PRESETS: dict[str, Preset] = {preset.name: preset for preset in _ALL}
"""Preset name -> preset."""

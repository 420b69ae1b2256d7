"""Named configurations of the papers' systems, and a tiny one for tests.

Each is the same code with other numbers: MSLDM (S = 4, DAC-VAE latents), ISLDM (four networks of
one stem each), MixLDM (S = 1, the mixture), MSDM (S = 4, C = 1, waveforms without an autoencoder)
and its weakly supervised form (four networks). Numbers come from the released configurations; where
the MSLDM paper's appendix differs from its released model, the parameter counts of the paper's text
decide (base width 512, Large 1024).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from stembridge.conditions import EMBEDDING, LABELS
from stembridge.diffusion.schedule import ddim_sigmas
from stembridge.nn.habits import Ddpm, Habit, Learning, LogNormal, Uniform
from stembridge.nn.linear_codec import LinearCodecConfig
from stembridge.nn.mel_vae import MelVAEConfig
from stembridge.nn.source_vae import SourceVAEConfig
from stembridge.nn.unet1d import UNet1dConfig
from stembridge.nn.unet3d import UNet3dConfig
from stembridge.request import STEMS

MIXTURE = "mixture"
"""The one stem of a system that makes mixtures."""


@dataclass(frozen=True)
class TakenCodec:
    """Somebody else's codec: samples per latent frame, and channels of a latent."""

    hop: int
    latent_channels: int


@dataclass(frozen=True)
class Preset:
    """Codec, denoiser, noise range and habits of one system.

    Attributes:
        name: name of the preset.
        stems: order of the stem axis.
        sample_rate: Hz.
        window_frames: latent frames the denoiser was trained on.
        codec: the autoencoder; None for waveform models (hop 1, C = 1).
        unet: the denoiser.
        sigma_data: standard deviation of the latents, as the papers set it.
        sigma_min: least noise of the sampler's schedule.
        sigma_max: greatest noise of the schedule.
        learning: how the denoiser is trained.
        habit: how it is sampled.
        habits: how it is sampled for a purpose of its own: "partial" (some stems are given), or a
            procedure's name.
        output_limit: clamp of the denoised output.
        per_stem: every stem has a network of its own, which hears no other.
        whole_window: requests shorter than the trained window are made in a whole one.
        in_words: it is told captions by a text encoder, instead of labels or a sound's statistics.
    """

    name: str
    stems: tuple[str, ...]
    sample_rate: int
    window_frames: int
    codec: SourceVAEConfig | LinearCodecConfig | MelVAEConfig | TakenCodec | None
    unet: UNet1dConfig | UNet3dConfig
    sigma_data: float
    sigma_min: float
    sigma_max: float
    learning: Learning
    habit: Habit
    habits: dict[str, Habit] = field(default_factory=dict)
    output_limit: float | None = None
    per_stem: bool = False
    whole_window: bool = False
    in_words: bool = False

    @property
    def kind(self) -> str:
        """Key of the denoiser's builder in `registry.BUILDERS`."""
        if isinstance(self.unet, UNet3dConfig):
            return "unet3d"
        return "unet1d_per_stem" if self.per_stem else "unet1d"

    @property
    def hop(self) -> int:
        """Samples per latent frame."""
        if isinstance(self.codec, MelVAEConfig):
            return self.codec.latent_hop
        return 1 if self.codec is None else self.codec.hop

    @property
    def told(self) -> tuple[tuple[str, int], ...]:
        """Its block of conditions, with its channels; none for most."""
        channels = self.unet.condition_channels
        if not channels:
            return ()
        if isinstance(self.unet, UNet3dConfig):
            return ((self.unet.told, channels),)
        return ((EMBEDDING if self.in_words else LABELS, channels),)

    @property
    def hears_mixtures(self) -> bool:
        """Whether its one stem is the sum of all."""
        return self.stems == (MIXTURE,)


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


_MSLDM_LEARNING = Learning(Uniform(0.0, 3.0), learning_rate=2e-5, batch=16, steps=400_000)
_MSLDM_HABIT = Habit(churn=20.0)

# The released configuration names no number of steps; the checkpoints used lie at some 400 epochs.
_MSDM_LEARNING = Learning(LogNormal(-3.0, 1.0), learning_rate=1e-4, batch=8, steps=400_000)


def _separating(churn: float) -> Habit:
    return Habit(churn=churn, resamples=2, sigma_max=1.0)


def _latent(name: str, unet: UNet1dConfig, **more: Any) -> Preset:
    fields: dict[str, Any] = {
        "stems": STEMS, "codec": SourceVAEConfig(), "sample_rate": 22050, "window_frames": 1024,
        "sigma_data": 0.4, "sigma_min": 0.01, "sigma_max": 3.0, "learning": _MSLDM_LEARNING,
        "habit": _MSLDM_HABIT, "whole_window": True,
    }  # fmt: skip
    return Preset(name=name, unet=unet, **{**fields, **more})


_MSDM = Preset(
    name="msdm",
    stems=STEMS,
    sample_rate=22050,
    window_frames=1 << 18,
    codec=None,
    unet=_MSDM_UNET,
    sigma_data=0.2,
    sigma_min=1e-4,
    sigma_max=20.0,
    learning=_MSDM_LEARNING,
    habit=Habit(churn=20.0),
    habits={
        "partial": Habit(steps=256, churn=10.0),
        "separate_dirac": _separating(20.0),
        "separate_gaussian": _separating(40.0),
    },
    output_limit=1.0,
    whole_window=True,
)

# A model of mixtures that is told which stems sound. Numbers of its network and training are lost
# in the text at hand: MSDM's stand here. So are amounts of noise and, for Slakh, the text encoder.
_GMSDI = replace(
    _MSDM,
    name="gmsdi",
    stems=(MIXTURE,),
    unet=replace(_MSDM_UNET, n_stems=1, condition_channels=len(STEMS)),
    learning=replace(_MSDM_LEARNING, drop=0.1),
    habit=Habit("adpm2", steps=150, eta=1.0),
    habits={
        "coupled": Habit("adpm2", steps=600, eta=1.0),
        "partial": Habit("adpm2", steps=300, eta=1.0),
        "separate_dirac": Habit("ancestral", eta=1.0, sigma_max=1.0, resamples=2, guidance=3.0),
        "extract": Habit("ancestral", eta=1.0, sigma_max=1.0, resamples=2, guidance=7.5),
    },
)


def _over_stems(
    name: str, width: int, told: Literal["embedding", "mixture"], **more: Any
) -> Preset:
    levels = ddim_sigmas(200)
    habit = Habit("ancestral", steps=200, eta=1.0, schedule="ddim")
    fields: dict[str, Any] = {"habit": habit, **more}
    return Preset(
        name=name, stems=STEMS, sample_rate=16_000, window_frames=256, codec=MelVAEConfig(),
        unet=UNet3dConfig(width=width, told=told), sigma_data=1.0, sigma_min=levels[-2],
        sigma_max=levels[0], whole_window=True,
        learning=Learning(
            Ddpm(), learning_rate=3e-5, batch=8, steps=400_000, betas=(0.9, 0.999),
            weight_decay=0.01, warmup=1000, ema=0.9999, drop=0.1,
        ), **fields,
    )  # fmt: skip


_MT = _over_stems("mt-musicldm", 192, "embedding")

_ALL = (
    _latent("msldm", UNet1dConfig()),
    _latent("msldm-large", _LARGE_UNET),
    _latent("isldm", UNet1dConfig(), per_stem=True),
    # The mixture's own autoencoder has as many latent channels as four stems together.
    _latent(
        "mixldm", UNet1dConfig(n_stems=1, latent_channels=320),
        stems=(MIXTURE,), codec=SourceVAEConfig(latent_channels=320),
    ),
    _MSDM,
    replace(
        _MSDM,
        name="msdm-weak",
        learning=replace(_MSDM_LEARNING, learning_rate=1e-5, batch=16),
        habits={
            "separate_dirac": _separating(40.0),
            "separate_gaussian": _separating(40.0),
        },
        per_stem=True,
    ),
    _GMSDI,
    replace(
        _MT, habit=replace(_MT.habit, guidance=2.0),
        habits={"partial": replace(_MT.habit, guidance=1.0)},
    ),
    _over_stems("msg-ld", 128, "mixture"),
    _latent(
        "tiny", _TINY_UNET,
        codec=_TINY_VAE, window_frames=64, whole_window=False,
        learning=Learning(Uniform(0.0, 3.0), learning_rate=1e-3, batch=4, steps=200),
    ),
)  # fmt: skip

PRESETS: dict[str, Preset] = {preset.name: preset for preset in _ALL}
"""Preset name -> preset."""


def shrunk(preset: Preset) -> Preset:
    """A copy small enough to be tried on a CPU: the same structure, narrow, with short windows."""
    codec, unet = _shrunk_codec(preset), preset.unet
    if isinstance(unet, UNet3dConfig):
        unet = replace(unet, width=8, head_features=8, depth=2, frequencies=8)
    else:
        channels = 1 if codec is None else codec.latent_channels
        unet = replace(
            unet, width=16, patch_factor=2, heads=2, head_features=8, latent_channels=channels
        )
    frames = unet.frame_multiple * max(1, 32 // unet.frame_multiple)
    learning = replace(
        preset.learning, learning_rate=1e-3, batch=2, steps=200, warmup=1, ema=0.0
    )  # fmt: skip
    return replace(
        preset, name=f"{preset.name}-mini", unet=unet, codec=codec, window_frames=frames,
        learning=learning,
    )  # fmt: skip


def _shrunk_codec(preset: Preset) -> SourceVAEConfig | MelVAEConfig | None:
    if preset.codec is None:
        return None
    if isinstance(preset.codec, MelVAEConfig):
        return replace(
            preset.codec, n_fft=256, hop=80, bands=32, iterations=4, width=8, depth=2
        )  # fmt: skip
    # A mixture's own codec keeps having as many latent channels as four stems' together.
    return replace(_TINY_VAE, latent_channels=(4 if preset.hears_mixtures else 1) * 8)

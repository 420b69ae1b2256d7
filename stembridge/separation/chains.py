"""The methods `dirac` and `gaussian`: samples of all stems whose sum is held to the mixture.

For models whose latents add up as sounds do (waveform models). The prior is the model's own, of
all stems together, or of each alone where it is made of single-stem networks (MSDM's weakly
supervised separator). Every channel of a recording is an item of its own, with the same noise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.audio.resample import resample
from stembridge.conditions import Conditions
from stembridge.diffusion.schedule import karras_sigmas
from stembridge.inference import Settings, codec, infer, settings_of, shares
from stembridge.inference.of_stems import throughout
from stembridge.inference.told import told_of
from stembridge.request import STEMS
from stembridge.runtime.manifest import Manifest
from stembridge.runtime.model import StemModel
from stembridge.separation.mixture import Mixture, Report

STEPS, SIGMA_MIN, SIGMA_MAX = 150, 1e-4, 1.0  # MSDM's, for sounds of its scale
ALONE = ("extract", "ensemble")


def settings_for_chains(manifest: Manifest, method: str, steps: int | None) -> Settings:
    """How a separation is sampled: MSDM's schedule within the model's range of noise."""
    steps = steps or STEPS
    low, high = max(SIGMA_MIN, manifest.sigma_min), min(SIGMA_MAX, manifest.sigma_max)
    sigmas = tuple(karras_sigmas(steps, low, high, manifest.sampler.rho))
    procedure = method if method in ALONE else f"separate_{method}"
    # GMSDI's ensemble is sampled as its extractor is.
    habit = "extract" if method in ALONE else procedure
    return replace(
        settings_of(manifest, purpose=habit), procedure=procedure, steps=steps, sigmas=sigmas
    )


def chains_of(manifest: Manifest, method: str, n_frames: int) -> tuple[Conditions, ...]:
    """Its chains: each stem; for methods of `ALONE`, then what each is heard against."""
    if not manifest.is_told_stems:
        return ()
    told: list[tuple[str, ...]] = [(stem,) for stem in STEMS]
    if method in ALONE:
        told += [tuple(other for other in STEMS if other != stem) for stem in STEMS]
    vectors = [told_of(manifest, stems, ", ".join(stems)) for stems in told]
    return tuple(throughout(vector, n_frames) for vector in vectors)


@dataclass(frozen=True)
class Sampled:
    """Stems that are there already, `[S, channels, n]`; see `parts.Separate`."""

    stems: FloatArray
    sureness: None = None

    def __call__(self, recording: FloatArray, first: int) -> FloatArray:
        """Those of `[channels, n]` from sample `first` on."""
        return self.stems[..., first : first + recording.shape[1]]


def sampled(
    model: StemModel,
    mixture: Mixture,
    settings: Settings,
    seed: int,
    report: Report,
) -> Sampled:
    """The stems of a mixture.

    Args:
        model: of waveforms.
        mixture: open.
        settings: `settings_for_chains`.
        seed: of the noise.
        report: told of each stage; may raise to stop.
    """
    manifest = model.manifest
    channels = _channels(mixture, manifest.sample_rate, partial(report, "read", 1.0))
    first = manifest.stems[0]  # the encoders of sounds that add up are one
    mixed = np.stack(
        [
            codec.encode(model, first, channel, partial(report, "encode", i / len(channels)))
            for i, channel in enumerate(channels)
        ]
    )
    n_frames = mixed.shape[-1]
    told = Conditions(np.zeros((1, manifest.layout.channels, n_frames), np.float32))
    nothing = np.zeros((1, manifest.n_stems, manifest.latent_channels, n_frames), np.float32)
    known = codec.known_stems(manifest, nothing, [False] * manifest.n_stems)
    chains = chains_of(manifest, settings.procedure, n_frames)
    latents = infer(
        model, told, known, settings, [seed] * len(channels), mixture=mixed, chains=chains,
        negatives=(None,) * len(chains), callback=shares(partial(report, "sample")),
    )  # fmt: skip
    return Sampled(_sounds(model, mixture, latents, report))


def _channels(mixture: Mixture, rate: int, check: Callable[[], None]) -> FloatArray:
    """`[channels, n]` at the model's rate and level."""
    check()
    file = mixture.file
    whole = file.read(0, file.n_samples).samples
    rows = [resample(np.ascontiguousarray(row), file.sample_rate, rate) for row in whole]
    return np.stack(rows) * np.float32(mixture.gain)


def _sounds(model: StemModel, mixture: Mixture, latents: FloatArray, report: Report) -> FloatArray:
    """Latents `[channels, S, C, F]` as sounds `[S, channels, n]` of the file's rate and level."""
    manifest, file = model.manifest, mixture.file
    n_model, n, own = mixture.heard.size, file.n_samples, manifest.n_stems > 1
    stems = np.empty((latents.shape[1], file.n_channels, n), np.float32)
    for i, channel in enumerate(latents):
        for k, (one, out) in enumerate(zip(channel, stems, strict=True)):
            check = partial(report, "decode", (i + k / len(stems)) / len(latents))
            made = codec.decode(model, manifest.stems[k if own else 0], one, n_model, check)
            out[i] = resample(made, manifest.sample_rate, file.sample_rate, n)
    return stems / np.float32(mixture.gain)

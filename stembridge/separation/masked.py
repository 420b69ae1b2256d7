"""The method `mask`: a network that hears mixtures says what is in one, soft masks take it out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.audio.masks import masks_of, sound, spectra, window_for
from stembridge.audio.resample import fit_length, resample
from stembridge.conditions import HEARD, MIXTURE, Conditions, heard_block
from stembridge.inference import Settings, codec, infer, settings_of, shares
from stembridge.pool.threads import side_by_side
from stembridge.runtime.manifest import Manifest
from stembridge.runtime.model import StemModel
from stembridge.separation.mixture import Mixture, Report

T = TypeVar("T")

LEVELS = (80.0, 40.0, 20.0, 10.0, 5.0, 0.0)
"""Noise levels of the answers that are averaged, in latents of deviation 1.

Mean squared error of latents on ten songs of the real set: at 20 alone .61, at 80 .61, at 6 .62,
mean of the five .55; going on from one answer at a lower level makes it worse (.64)."""
AROUND_FRAMES = 2  # beside what is decoded: a decoder hears its neighbours


def hears_mixtures(manifest: Manifest) -> bool:
    """Whether a model was trained for it."""
    return any(block.name == HEARD for block in manifest.condition_layout)


def is_told_mixtures(manifest: Manifest) -> bool:
    """Whether it makes the stems of a mixture whose latents it is told (MSG-LD)."""
    return dict(manifest.layout.blocks).get(MIXTURE) == manifest.latent_channels


def settings_for_masks(manifest: Manifest) -> Settings:
    """How it is sampled: not at all, it answers."""
    scale = manifest.sigma_data
    levels = tuple(min(level * scale, manifest.sigma_max) for level in LEVELS)
    return replace(settings_of(manifest), procedure="listen", sigmas=levels, guidance=1.0, shift={})


def heard_latents(
    model: StemModel, heard: FloatArray, report: Callable[[float], None]
) -> FloatArray:
    """A mixture `[n]` at the model's rate and level by the encoder of each stem, `[S, C, F]`."""
    stems = model.manifest.stems

    def encode(i: int) -> FloatArray:
        return codec.encode(model, stems[i], heard, partial(report, i / len(stems)))

    return np.stack(_side_by_side(encode, range(len(stems))))


def conditions_of(model: StemModel, latents: FloatArray) -> Conditions:
    """Conditions that tell of nothing but a mixture `[S, C, F]` that may hold every stem."""
    layout = model.manifest.layout
    frames = np.zeros((1, layout.channels, latents.shape[-1]), np.float32)
    frames[0, layout.slices()[HEARD]] = heard_block(latents, [True] * len(latents))
    # Windows are made side by side: what is heard holds them together.
    return Conditions(frames, harmony=True)


def told_mixture(model: StemModel, heard: FloatArray, report: Report) -> Conditions:
    """Conditions that tell of the latents of a mixture `[n]`, by MSG-LD's only codec."""
    manifest = model.manifest
    latents = codec.encode(model, manifest.stems[0], heard, partial(report, "encode", 0.0))
    frames = np.zeros((1, manifest.layout.channels, latents.shape[-1]), np.float32)
    frames[0, manifest.layout.slices()[MIXTURE]] = latents
    return Conditions(frames, harmony=True)


def listen(model: StemModel, heard: FloatArray, seed: int, report: Report) -> FloatArray:
    """Latents `[S, C, F]` of the stems in a mixture `[n]` at the model's rate and level."""
    manifest = model.manifest
    if hears_mixtures(manifest):
        latents = heard_latents(model, heard, partial(report, "encode"))
        conditions, settings = conditions_of(model, latents), settings_for_masks(manifest)
    else:
        conditions, settings = told_mixture(model, heard, report), settings_of(manifest)
    shape = (1, manifest.n_stems, manifest.latent_channels, conditions.n_frames)
    known = codec.known_stems(manifest, np.zeros(shape, np.float32), [False] * shape[1])
    callback = shares(partial(report, "sample"))
    made: FloatArray = infer(model, conditions, known, settings, [seed], callback=callback)[0]
    return made


@dataclass
class Masked:
    """Takes a mixture apart part by part; see `parts.Separate`.

    Attributes:
        model, mixture: open.
        latents: `[S, C, F]` of its stems.
        report: told the share of the recording that is done; may raise to stop.
        kept, own: for each stem, power of what its masks let through, and the part of it in which
            the mask is sure.
    """

    model: StemModel
    mixture: Mixture
    latents: FloatArray
    report: Callable[[float], None]
    kept: FloatArray = field(init=False)
    own: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        self.kept = np.zeros(len(self.latents), np.float32)
        self.own = np.zeros(len(self.latents), np.float32)

    @property
    def sureness(self) -> list[float]:
        """For each stem 0 to 1: the mean of its mask, by power; the rest is others' bleed."""
        return [float(share) for share in self.own / np.maximum(self.kept, 1e-20)]

    def __call__(self, recording: FloatArray, first: int) -> FloatArray:
        """`[channels, n]` from sample `first` on: `[S, channels, n]`."""
        n, n_fft = recording.shape[1], window_for(self.mixture.file.sample_rate)
        heard = (self.mixture.downmix.weights[:, None] * recording).sum(0)
        masks = masks_of(self._estimates(first, n), n_fft)
        at = len(masks)  # pieces of work that are done: one for each stem, then for each channel
        power = np.abs(spectra(heard, n_fft)) ** 2
        self.kept += (masks * power).sum((1, 2))
        self.own += (masks**2 * power).sum((1, 2))
        stems = np.empty((len(masks), *recording.shape), np.float32)

        def take_out(i: int) -> None:
            self._tell(first, n, (at + i) / (at + len(recording)))
            found = spectra(recording[i], n_fft)
            for stem, mask in zip(stems, masks, strict=True):
                stem[i] = sound(mask * found, n)

        _side_by_side(take_out, range(len(recording)))
        return stems

    def _tell(self, first: int, n: int, share: float) -> None:
        """So much is done of the `n` samples from `first` on."""
        self.report((first + share * n) / self.mixture.file.n_samples)

    def _estimates(self, first: int, n: int) -> FloatArray:
        """What the decoders make of it, `[S, n]` at the file's rate and level."""
        manifest, rate = self.model.manifest, self.mixture.file.sample_rate
        per_frame = manifest.hop * rate / manifest.sample_rate
        low = max(0, int(first / per_frame) - AROUND_FRAMES)
        high = min(self.latents.shape[-1], int(np.ceil((first + n) / per_frame)) + AROUND_FRAMES)
        skip, n_model = first - round(low * per_frame), (high - low) * manifest.hop
        made = np.empty((len(self.latents), n), np.float32)

        def decode(i: int) -> None:
            self._tell(first, n, i / (len(made) + self.mixture.file.n_channels))
            latents = self.latents[i, :, low:high]
            estimate = codec.decode(self.model, manifest.stems[i], latents, n_model)
            at_rate = resample(estimate, manifest.sample_rate, rate)
            made[i] = fit_length(at_rate[skip:], n) / np.float32(self.mixture.gain)

        _side_by_side(decode, range(len(made)))
        return made


def _side_by_side(work: Callable[[int], T], numbers: Iterable[int]) -> list[T]:
    """Two at a time: networks and transforms leave a core idle now and then."""
    return side_by_side(work, numbers, threads=2)

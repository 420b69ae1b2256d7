"""FakeModel: a StemModel whose every part has a closed form, for fast tests without torch.

Use it to test your own client or plug-in against a real daemon or pipeline: it needs no artifact,
answers in milliseconds, puts its pulses on the beat the conditions describe, and listens to its
context, all deterministically.

The latents are a zero-lag envelope codec: channel c of a frame is the level of the c-th part of
the frame. The prior over them is a joint Gaussian, the stems correlated with each other, so the
optimal denoiser is a matrix product and every sampler can be checked against the exact answer.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stembridge.conditions import CHORD_CHANNELS, GRID_CHANNELS, GRID_PERIODS_BEATS, HEARD
from stembridge.errors import BadArgsError
from stembridge.request import STEMS
from stembridge.runtime.manifest import (
    ArtifactFile,
    ConditionBlock,
    Manifest,
    NoteReaderEntry,
    SamplerDefaults,
)

FloatArray = NDArray[np.float32]

# Latent = _SCALE * RMS - _OFFSET, which gives music at a usual level about unit variance.
_SCALE = 10.0
_OFFSET = 1.0
_FADE_BEATS = {"bass": 0.6, "drums": 0.1, "guitar": 0.4, "piano": 0.5}
_CARRIER_HZ = {"bass": 82.41, "drums": 1760.0, "guitar": 329.63, "piano": 523.25}
_JUMP = 1.0
_FILE = "fake"


def fake_manifest(**changes: Any) -> Manifest:
    """The manifest of a small model: 22,050 Hz, hop 512, windows of 256 frames (5.9 s).

    Args:
        changes: fields to set otherwise.
    """
    files = {_FILE: ArtifactFile(sha256="0" * 64, bytes=0)}
    fields: dict[str, Any] = {
        "name": "fake",
        "stems": STEMS,
        "sample_rate": 22_050,
        "hop": 512,
        "window_frames": 256,
        "overlap_frames": 64,
        "frame_multiple": 4,
        "latent_channels": 8,
        "sigma_min": 0.01,
        "sigma_max": 10.0,
        "sigma_data": 1.0,
        "sigma_context": 0.0,
        "context_mode": "clean",
        "condition_layout": (
            ConditionBlock(name="grid", channels=GRID_CHANNELS),
            ConditionBlock(name="chords", channels=CHORD_CHANNELS),
        ),
        "sampler": SamplerDefaults(name="dpmpp_2m", steps=8),
        "files": files,
        "denoiser": _FILE,
        "licence": "MIT",
    }
    fields |= changes
    fields.setdefault("encoders", dict.fromkeys(fields["stems"], _FILE))
    fields.setdefault("decoders", dict.fromkeys(fields["stems"], _FILE))
    return Manifest(**fields)


def hearing_manifest(**changes: Any) -> Manifest:
    """That of a model that hears mixtures: it takes every stem for as loud as the mix."""
    plain = fake_manifest(**changes)
    channels = 1 + plain.n_stems * (1 + plain.latent_channels)
    heard = ConditionBlock(name="heard", channels=channels)
    return fake_manifest(**{"condition_layout": (*plain.condition_layout, heard)} | changes)


class FakeModel:
    """A StemModel in closed form.

    Attributes:
        manifest: what it claims to be.
        device: always "cpu".
        n_calls: denoiser calls so far.
    """

    def __init__(
        self,
        manifest: Manifest | None = None,
        *,
        std: float = 0.15,
        correlation: float = 0.8,
        call_delay_s: float = 0.0,
    ) -> None:
        """Build it.

        Args:
            manifest: default `fake_manifest()`.
            std: standard deviation of the prior around its pulses, latent units.
            correlation: between any two stems, -1/(S-1) < correlation < 1.
            call_delay_s: pretend that every denoiser call takes this long, in s.
        """
        self.manifest = manifest or fake_manifest()
        self.device = "cpu"
        self.n_calls = 0
        self._delay_s = call_delay_s
        n_stems = self.manifest.n_stems
        self.covariance = std**2 * (
            (1 - correlation) * np.eye(n_stems) + correlation * np.ones((n_stems, n_stems))
        )

    def encode(self, stem: str, audio: FloatArray) -> FloatArray:
        """Levels of the parts of every frame: audio [B, n_samples] -> latents [B, C, F]."""
        manifest = self.manifest
        manifest.stem_index(stem)
        parts = audio.reshape(len(audio), -1, manifest.latent_channels, self._part)
        levels = np.sqrt(np.mean(np.square(parts), axis=-1))
        return np.ascontiguousarray(levels.swapaxes(1, 2) * _SCALE - _OFFSET, dtype=np.float32)

    def decode(self, stem: str, latents: FloatArray) -> FloatArray:
        """A tone of the stem's own pitch with the levels of the latents: -> audio [B, F * hop]."""
        levels = np.maximum(0.0, (latents + _OFFSET) / _SCALE).swapaxes(1, 2)
        envelope = np.repeat(levels.reshape(len(latents), -1), self._part, axis=-1)
        times_s = np.arange(envelope.shape[-1]) / self.manifest.sample_rate
        carrier = np.sqrt(2) * np.sin(2 * np.pi * _CARRIER_HZ.get(stem, 440.0) * times_s)
        return np.asarray(np.clip(envelope * carrier, -1, 1), np.float32)

    def denoise(
        self,
        x: FloatArray,
        sigma: FloatArray,
        conditions: FloatArray,
        tokens: FloatArray | None = None,
    ) -> FloatArray:
        """Posterior mean of a Gaussian: mu + P (P + diag(sigma^2))^-1 (x - mu), per frame.

        Tokens [B, N, E] raise what it would play on average by their mean.
        """
        self.n_calls += 1
        if self._delay_s:
            time.sleep(self._delay_s)
        mean = self.prior_mean(conditions)
        if tokens is not None:
            mean = mean + tokens.mean(axis=(1, 2))[:, None, None, None]
        noise = np.square(sigma, dtype=np.float64).swapaxes(1, 2)  # [B, F, S]
        # The tiny ridge only matters where sigma and the prior are both degenerate.
        total = self.covariance + noise[..., None] * np.eye(x.shape[1])
        gain = np.swapaxes(
            np.linalg.solve(total, np.broadcast_to(self.covariance, total.shape)), -1, -2
        )
        denoised = mean + np.einsum("bfst,btcf->bscf", gain, x - mean)
        return np.asarray(denoised, np.float32)

    def style_chances(
        self, latents: FloatArray, given: FloatArray, conditions: FloatArray
    ) -> FloatArray | None:
        """All on the style whose number is that of the given stems, [B, styles]."""
        n_styles = len(self.manifest.styles)
        if self.manifest.style_classifier is None:
            return None
        n_given = given.max(axis=2).sum(axis=1).astype(np.int64)
        chances: FloatArray = np.eye(n_styles, dtype=np.float32)[n_given % n_styles]
        return chances

    def chord_chances(self, spectra: FloatArray) -> FloatArray | None:
        """It brings no ears: chords are estimated."""
        return None

    def read_notes(self, stem: str, latents: FloatArray) -> FloatArray:
        """A note of one pitch wherever the level jumps: latents [B, C, F] -> [B, 4, 1, F]."""
        n_batch, n_channels, n_frames = latents.shape
        levels = latents.swapaxes(1, 2).reshape(n_batch, -1)
        rise = np.diff(levels, axis=1, prepend=-_OFFSET).reshape(n_batch, n_frames, n_channels)
        onset = (rise.max(axis=2) > _JUMP).astype(np.float32)
        sounding = (latents.max(axis=1) > -_OFFSET / 2).astype(np.float32)
        offset = (rise.argmax(axis=2) / n_channels - 0.5).astype(np.float32)
        rolls = [onset, sounding, offset, np.full_like(onset, 0.75)]
        return np.stack(rolls, axis=1)[:, :, None]

    def prior_mean(self, conditions: FloatArray) -> NDArray[np.float64]:
        """What this model would play on average: a fading pulse on every beat, [B, S, C, F].

        Without a grid (conditions [B, K, F] whose grid flag is 0) it is a steady level.
        """
        manifest = self.manifest
        n_channels = manifest.latent_channels
        shape = (len(conditions), manifest.n_stems, n_channels, conditions.shape[-1])
        heard = manifest.layout.slices().get(HEARD)
        if heard is not None and conditions[:, heard.start].any():
            return conditions[:, heard][:, 1 + manifest.n_stems :].reshape(shape).astype(np.float64)
        first = next((b.name for b in manifest.condition_layout), "")
        if first != "grid" or not conditions[:, :1].any():
            return np.zeros(shape)
        row = 2 + 2 * GRID_PERIODS_BEATS.index(1.0)
        known, log_tempo, sine, cosine = (conditions[:, r] for r in (0, 1, row, row + 1))
        centre_beats = np.arctan2(sine, cosine) / (2 * np.pi)
        frame_beats = 110.0 * 2.0**log_tempo / 60.0 * manifest.hop / manifest.sample_rate
        offsets = (np.arange(n_channels) + 0.5) / n_channels - 0.5
        beats = (centre_beats[:, None] + offsets[:, None] * frame_beats[:, None]) % 1.0  # [B, C, F]
        fades = np.array([_FADE_BEATS.get(stem, 0.3) for stem in manifest.stems])
        pulses = 3.0 * np.exp(-beats[:, None] / fades[:, None, None]) - _OFFSET
        return np.asarray(np.where(known[:, None, None] > 0, pulses, 0.0))

    def close(self) -> None:
        """Nothing to release."""

    @property
    def _part(self) -> int:
        return self.manifest.hop // self.manifest.latent_channels


def open_fake(text: str) -> FakeModel:
    """Open a fake model by name: "fake:", "fake:delay=0.05", "fake:stems=bass+vocals,delay=1".

    `delay` is in seconds per denoiser call; the notes of the stems named by `notes` can be read, so
    that instruments play them; "hears=mix" is one that hears mixtures.

    Raises:
        BadArgsError: the text says something else.
    """
    head, _, options = text.partition(":")
    chosen = dict(word.partition("=")[::2] for word in options.split(",") if word)
    try:
        if head != "fake" or set(chosen) - {"delay", "stems", "notes", "hears"}:
            raise ValueError
        changes: dict[str, Any] = {}
        if "stems" in chosen:
            changes["stems"] = tuple(chosen["stems"].split("+"))
        if "notes" in chosen:
            reader = NoteReaderEntry(file="fake", lowest=40, threshold=0.5)
            changes["note_readers"] = dict.fromkeys(chosen["notes"].split("+"), reader)
        manifest = (hearing_manifest if "hears" in chosen else fake_manifest)(**changes)
        return FakeModel(manifest, call_delay_s=float(chosen.get("delay", 0.0)))
    except ValueError:
        raise BadArgsError(
            f'"{text}" is not a fake model; write fake: or fake:delay=0.05.'
        ) from None

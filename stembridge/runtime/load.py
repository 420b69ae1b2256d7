"""From an artifact folder to a running model: verify first, then open."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from stembridge.errors import ModelUntrustedError, NoGpuError
from stembridge.paths import pretrained_dir
from stembridge.runtime.artifact_files import read_verified
from stembridge.runtime.device import Threads, cuda_devices, cuda_index
from stembridge.runtime.manifest import Manifest, read_manifest
from stembridge.runtime.model import FloatArray, StemModel
from stembridge.runtime.networks import Networks, OpenNetwork

if TYPE_CHECKING:
    from stembridge.runtime.onnx_model import OnnxCodec, OnnxNetwork

_log = logging.getLogger(__name__)
_Part = TypeVar("_Part")


class ArtifactModel:
    """A verified artifact on one device; implements `model.StemModel`."""

    def __init__(
        self,
        manifest: Manifest,
        codec: OnnxCodec,
        denoiser: OpenNetwork,
        style_classifier: OpenNetwork | None = None,
        note_readers: Mapping[str, OnnxNetwork] | None = None,
        chord_ears: OnnxNetwork | None = None,
    ) -> None:
        self._manifest = manifest
        self._codec: OnnxCodec | None = codec
        self._denoiser: OpenNetwork | None = denoiser
        self._style_classifier = style_classifier
        self._note_readers = dict(note_readers or {})
        self._chord_ears = chord_ears
        self._device = denoiser.device

    @property
    def manifest(self) -> Manifest:
        """The artifact's contract."""
        return self._manifest

    @property
    def device(self) -> str:
        """Where the networks run: "cpu" or "cuda:N"."""
        return self._device

    def encode(self, stem: str, audio: FloatArray) -> FloatArray:
        """Audio [B, n_samples] at the model rate -> scaled latents [B, C, F]."""
        return _open(self._codec).encode(stem, audio)

    def decode(self, stem: str, latents: FloatArray) -> FloatArray:
        """Scaled latents [B, C, F] -> audio [B, n], n at most F * hop."""
        return _open(self._codec).decode(stem, latents)

    def denoise(
        self,
        x: FloatArray,
        sigma: FloatArray,
        conditions: FloatArray,
        tokens: FloatArray | None = None,
    ) -> FloatArray:
        """Denoised latents [B, S, C, F] for x at sigma [B, S, F], conditions [B, K, F]."""
        more = () if tokens is None else (tokens,)
        return _open(self._denoiser)(x, sigma, conditions, *more)

    def style_chances(
        self, latents: FloatArray, given: FloatArray, conditions: FloatArray
    ) -> FloatArray | None:
        """Chances of the manifest's styles [B, styles]; None if the artifact hears none."""
        if self._manifest.style_classifier is None:
            return None
        chances = _open(self._style_classifier)(latents, given, conditions)
        if chances.shape != (len(latents), len(self._manifest.styles)) or np.isnan(chances).any():
            raise ModelUntrustedError("The model's style classifier gives no chances of styles.")
        return chances

    def chord_chances(self, spectra: FloatArray) -> FloatArray | None:
        """Spectra [B, T, 252] -> log chances of chords [B, T, 97]; None without ears."""
        return None if self._chord_ears is None else self._chord_ears(spectra)

    def read_notes(self, stem: str, latents: FloatArray) -> FloatArray:
        """Latents [B, C, F] -> what is played in them [B, 4, P, F] (`stembridge.parts.reader`)."""
        return _open(self._note_readers.get(stem))(latents)

    def close(self) -> None:
        """Release the networks."""
        self._note_readers.clear()
        self._chord_ears = None
        self._codec = self._denoiser = self._style_classifier = None


def _open(network: _Part | None) -> _Part:
    if network is None:
        raise RuntimeError("the model was closed")
    return network


def load_model(
    directory: Path | str | None = None,
    device: str = "auto",
    threads: Threads | None = None,
    *,
    bfloat16: bool = False,
    exact: bool = False,
) -> ArtifactModel:
    """Open an artifact.

    Args:
        directory: the artifact's folder; None is the default model inside the package.
        device: "cpu", "cuda:N", or "auto" (GPU 0 where torch and ONNX Runtime can both use it,
            else the CPU).
        threads: CPU threads; None chooses.
        bfloat16: run the denoiser's products in bfloat16: on a CPU with AMX 1.7 times as fast,
            at 8 bits of mantissa.
        exact: compute with what the manifest calls `denoiser` on a CPU, too.

    Raises:
        NoSuchFileError: if folder, manifest or a file is absent.
        ModelUntrustedError: if anything differs from the manifest.
        NoGpuError: if a GPU was asked for by number and cannot be used.
        BadArgsError: for an unknown device word.
    """
    index = cuda_index(device)
    folder = pretrained_dir() if directory is None else Path(directory)
    manifest = read_manifest(folder)
    files = {name: read_verified(folder, manifest, name) for name in sorted(manifest.network_files)}
    networks = Networks(manifest, files, threads or Threads(), index, exact)
    if device != "auto":
        return _open_on(networks, bfloat16)
    if not cuda_devices():  # no fault, so no advice
        _log.info("running on the CPU: there is no NVIDIA GPU")
        return _open_on(networks, bfloat16)
    try:
        return _open_on(replace(networks, index=0), bfloat16)
    except NoGpuError as error:
        _log.info("running on the CPU: %s", error)
        return _open_on(networks, bfloat16)


def _open_on(networks: Networks, bfloat16: bool) -> ArtifactModel:
    networks.require_device()
    return ArtifactModel(
        networks.manifest,
        networks.codec(),
        networks.denoiser(bfloat16),
        networks.style_classifier(),
        networks.note_readers(),
        networks.chord_ears(),
    )


def warm_up(model: StemModel, batch_sizes: Sequence[int] = (1,)) -> float:
    """Run every network once at the window's shape, so that the first request is not slower.

    Returns:
        Seconds spent.
    """
    manifest = model.manifest
    started = time.perf_counter()
    n_frames = manifest.window_frames
    for batch in batch_sizes:
        shape = (batch, manifest.n_stems, manifest.latent_channels, n_frames)
        x = np.zeros(shape, np.float32)
        sigma = np.full((batch, manifest.n_stems, n_frames), manifest.sigma_max, np.float32)
        conditions = np.zeros((batch, manifest.condition_channels, n_frames), np.float32)
        model.denoise(x, sigma, conditions)
        model.style_chances(x, np.ones_like(sigma), conditions)
    audio = np.zeros((1, n_frames * manifest.hop), np.float32)
    for stem in manifest.stems:
        latents = model.encode(stem, audio)
        model.decode(stem, latents)
        if stem in manifest.note_readers:
            model.read_notes(stem, latents)
    return time.perf_counter() - started

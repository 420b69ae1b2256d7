"""Does an exported artifact compute what its torch networks computed?

Every export stores torch's own answers to fixed noise in the artifact (`parity.safetensors`), so
that anybody can check ONNX Runtime and TorchScript against torch, on any machine and device,
without the checkpoint. With the networks at hand they are also compared at other shapes.

Measure: relative error |a - b| / |b|, once in the Euclidean norm (which is judged) and once as
the largest deviation over the largest value (which is shown).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from stembridge.chords.spectrum import N_BINS
from stembridge.runtime.manifest import Manifest
from stembridge.runtime.model import StemModel

PARITY_NAME = "parity.safetensors"
LIMIT = 1e-4
TWIN_LIMIT = 0.05  # of products in 8 bits, where noise is all there is to hear
CODEC_FRAMES = 16
_AUDIO_LEVEL = 0.1

FloatArray = NDArray[np.float32]
DenoiserInput = tuple[FloatArray, FloatArray, FloatArray]
Reference = Mapping[str, Callable[..., FloatArray]]


@dataclass(frozen=True)
class Deviation:
    """How far one network's export lies from what it is compared with."""

    name: str
    euclidean: float
    largest: float
    limit: float = LIMIT

    @property
    def acceptable(self) -> bool:
        """Whether the Euclidean error is a finite number within the limit."""
        return self.euclidean <= self.limit


def fixed_noise(name: str, shape: tuple[int, ...]) -> FloatArray:
    """Standard normal noise that is the same everywhere for the same name and shape."""
    generator = np.random.default_rng(zlib.crc32(f"{name}{shape}".encode()))
    return generator.standard_normal(shape, np.float32)


def reference_frames(frame_multiple: int) -> int:
    """Latent frames of the denoiser's stored comparison: at least 16, a multiple."""
    return -(-16 // frame_multiple) * frame_multiple


def audio_input(name: str, batch: int, n_samples: int) -> FloatArray:
    """Noise at about -20 dBFS, [B, n_samples]."""
    return fixed_noise(name, (batch, n_samples)) * np.float32(_AUDIO_LEVEL)


def denoiser_input(
    shape: tuple[int, int, int, int], condition_channels: int, sigma_range: tuple[float, float]
) -> DenoiserInput:
    """The denoiser's x [B, S, C, F], sigma [B, S, F] and conditions [B, K, F].

    Every stem of every item has its own sigma, spread evenly in its logarithm.
    """
    n_batch, n_stems, _, n_frames = shape
    spread = np.geomspace(*sigma_range, n_batch * n_stems).astype(np.float32)
    sigma = np.repeat(spread.reshape(n_batch, n_stems, 1), n_frames, axis=2)
    x = fixed_noise("x", shape) * (1 + sigma[:, :, None, :])
    return x, sigma, fixed_noise("conditions", (n_batch, condition_channels, n_frames))


def manifest_input(manifest: Manifest, batch: int, n_frames: int) -> DenoiserInput:
    """`denoiser_input` for an artifact."""
    shape = (batch, manifest.n_stems, manifest.latent_channels, n_frames)
    sigma_range = (manifest.sigma_min, manifest.sigma_max)
    return denoiser_input(shape, manifest.condition_channels, sigma_range)


def style_input(shape: tuple[int, int, int, int], condition_channels: int) -> DenoiserInput:
    """The style classifier's latents [B, S, C, F], given [B, S, F] and conditions [B, K, F].

    The last stem is not given; half of the frames of the one before are not.
    """
    n_batch, n_stems, _, n_frames = shape
    given = np.ones((n_batch, n_stems, n_frames), np.float32)
    given[:, -1] = 0.0
    given[:, -2:, n_frames // 2 :] = 0.0
    conditions = fixed_noise("grid", (n_batch, condition_channels, n_frames))
    return fixed_noise("styles", shape), given, conditions


def manifest_style_input(
    manifest: Manifest, batch: int, n_frames: int = CODEC_FRAMES
) -> DenoiserInput:
    """`style_input` for an artifact."""
    shape = (batch, manifest.n_stems, manifest.latent_channels, n_frames)
    return style_input(shape, manifest.condition_channels)


def spectra_input(batch: int, n_frames: int = CODEC_FRAMES) -> FloatArray:
    """The chord network's spectra [B, T, 252]: noise between 0 and 1, a third of it silence."""
    return np.clip(fixed_noise("spectra", (batch, n_frames, N_BINS)) * 0.5, 0, 1)


def store_references(directory: Path, references: Mapping[str, FloatArray]) -> Path:
    """Add torch's answers to the artifact's parity file; returns its path."""
    path = directory / PARITY_NAME
    kept = load(path.read_bytes()) if path.is_file() else {}
    partial = path.with_name(f".{PARITY_NAME}.partial")
    # Contiguous, because safetensors stores the buffer and not the strides.
    contiguous = {k: np.ascontiguousarray(v) for k, v in {**kept, **references}.items()}
    partial.write_bytes(save(contiguous))
    partial.replace(path)
    return path


def deviation(name: str, found: FloatArray, expected: FloatArray) -> Deviation:
    """Relative errors of found against expected; infinite if shapes differ or are not finite."""
    if found.shape != expected.shape or not np.isfinite(found).all():
        return Deviation(name, float("inf"), float("inf"))
    difference = found.astype(np.float64) - expected
    scale, peak = float(np.linalg.norm(expected)), float(np.abs(expected).max())
    return Deviation(
        name,
        float(np.linalg.norm(difference)) / max(scale, 1e-30),
        float(np.abs(difference).max()) / max(peak, 1e-30),
    )


def check_stored(model: StemModel, references: Mapping[str, FloatArray]) -> list[Deviation]:
    """Runtime answers against the stored answers of torch."""
    manifest = model.manifest
    checks = []
    for name, stem in _networks(manifest.encoders).items():
        audio = audio_input("encoder", 1, CODEC_FRAMES * manifest.hop)
        checks.append(deviation(name, model.encode(stem, audio), references[name]))
    for name, stem in _networks(manifest.decoders).items():
        latents = fixed_noise("decoder", (1, manifest.latent_channels, CODEC_FRAMES))
        checks.append(deviation(name, model.decode(stem, latents), references[name]))
    for stem, reader in manifest.note_readers.items():
        latents = fixed_noise("notes", (1, manifest.latent_channels, CODEC_FRAMES))
        found = model.read_notes(stem, latents)
        checks.append(deviation(reader.file, found, references[reader.file]))
    if manifest.chord_ears:
        found = _answering(model.chord_chances)(spectra_input(1))
        checks.append(deviation(manifest.chord_ears, found, references[manifest.chord_ears]))
    n_frames = reference_frames(manifest.frame_multiple)
    found = model.denoise(*manifest_input(manifest, 2, n_frames))
    checks.append(deviation(manifest.denoiser, found, references[manifest.denoiser]))
    if style := manifest.style_classifier:
        found = _answering(model.style_chances)(*manifest_style_input(manifest, 1))
        checks.append(deviation(style, found, references[style]))
    return checks


def check_twin(twin: StemModel, exact: StemModel) -> Deviation:
    """What serves on a CPU against the denoiser itself."""
    manifest = exact.manifest
    given = manifest_input(manifest, 2, manifest.window_frames)
    found = deviation(str(manifest.denoiser_cpu), twin.denoise(*given), exact.denoise(*given))
    return replace(found, limit=TWIN_LIMIT)


def check_other_shapes(model: StemModel, live: Reference | None = None) -> list[Deviation]:
    """Batch 3 and three times the length, where time and batch axes must be dynamic.

    Compared with the torch networks `live` (file name -> function) where they are given, else
    with the runtime's own answers item by item.
    """
    manifest = model.manifest
    audio = audio_input("encoder", 3, 3 * CODEC_FRAMES * manifest.hop)
    latents = fixed_noise("decoder", (3, manifest.latent_channels, 3 * CODEC_FRAMES))
    n_frames = 3 * reference_frames(manifest.frame_multiple)
    cases: list[tuple[str, Callable[..., FloatArray], tuple[FloatArray, ...]]] = []
    for name, stem in _networks(manifest.encoders).items():
        cases.append((name, _bound(model.encode, stem), (audio,)))
    for name, stem in _networks(manifest.decoders).items():
        cases.append((name, _bound(model.decode, stem), (latents,)))
    for stem, reader in manifest.note_readers.items():
        cases.append((reader.file, _bound(model.read_notes, stem), (latents,)))
    if manifest.chord_ears:
        given = (spectra_input(3, 3 * CODEC_FRAMES),)
        cases.append((manifest.chord_ears, _answering(model.chord_chances), given))
    cases.append((manifest.denoiser, model.denoise, manifest_input(manifest, 3, n_frames)))
    if manifest.style_classifier:
        styled = manifest_style_input(manifest, 3, 3 * CODEC_FRAMES)
        cases.append((manifest.style_classifier, _answering(model.style_chances), styled))
    return [_compare(name, run, given, live) for name, run, given in cases]


def _answering(hear: Callable[..., FloatArray | None]) -> Callable[..., FloatArray]:
    """A network that the manifest names as a function that always answers."""

    def heard(*given: FloatArray) -> FloatArray:
        chances = hear(*given)
        if chances is None:
            raise ValueError("the manifest names a network that the model does not have")
        return chances

    return heard


def _compare(
    name: str,
    run: Callable[..., FloatArray],
    given: tuple[FloatArray, ...],
    live: Reference | None,
) -> Deviation:
    found = run(*given)
    if live is not None and name in live:
        return deviation(f"{name} (other shape)", found, live[name](*given))
    single = [run(*(array[i : i + 1] for array in given)) for i in range(len(given[0]))]
    return deviation(f"{name} (batch of 3 against one by one)", found, np.concatenate(single))


def _bound(method: Callable[[str, FloatArray], FloatArray], stem: str) -> Callable[..., FloatArray]:
    return lambda array: method(stem, array)


def _networks(table: Mapping[str, str]) -> dict[str, str]:
    """File name -> one stem it serves."""
    return {name: stem for stem, name in table.items()}

"""Mixtures whose stems are known, and models that can take them apart in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np

from stembridge.testing import fake_manifest

HZ = {"bass": 82.41, "drums": 1760.0, "guitar": 329.63, "piano": 523.25}


def four_tones(rate: int, seconds: float) -> np.ndarray:
    """Four tones that swell, each somewhere else in the stereo picture, `[4, 2, n]`."""
    t = np.arange(round(rate * seconds)) / rate
    rows = []
    for i, hz in enumerate(HZ.values()):
        swell = 0.08 * (1.2 + np.sin(2 * np.pi * 0.3 * t + i))
        tone = swell * np.sin(2 * np.pi * hz * t + i)
        rows.append(np.stack([tone * (0.6 + 0.1 * i), tone * (1.0 - 0.1 * i)]))
    return np.stack(rows).astype(np.float32)


def cosines(n: int) -> np.ndarray:
    """Orthonormal discrete cosine transform `[n, n]`."""
    k, at = np.arange(n)[:, None], np.arange(n)[None]
    table = np.sqrt(2 / n) * np.cos(np.pi * k * (2 * at + 1) / (2 * n))
    table[0] /= np.sqrt(2)
    return table


class BandModel:
    """A waveform model of two stems: Gaussians with a spectrum each, in frames of 16 samples."""

    device = "cpu"

    def __init__(self) -> None:
        self.manifest = fake_manifest(
            stems=("bass", "drums"), hop=16, latent_channels=16, latents_add_up=True,
            condition_layout=(), sigma_min=1e-4, nominal_lufs=-20.0,
        )  # fmt: skip
        self._table = cosines(16)
        rising = np.linspace(0.02, 1.0, 16)
        self.variances = 0.01 * np.stack([rising[::-1] ** 2, rising**2])

    def draw(self, channels: int, n: int) -> np.ndarray:
        """Stems `[2, channels, n]`."""
        rng = np.random.default_rng(5)
        bands = rng.standard_normal((2, channels, n // 16, 16)) * np.sqrt(
            self.variances[:, None, None]
        )
        return (bands @ self._table).reshape(2, channels, n).astype(np.float32)

    def optimum(self, mixture: np.ndarray) -> np.ndarray:
        """The Wiener filter's stems of a mixture `[channels, n]`."""
        bands = mixture.reshape(len(mixture), -1, 16) @ self._table.T
        shares = self.variances / self.variances.sum(0)
        return ((bands * shares[:, None, None]) @ self._table).reshape(2, *mixture.shape)

    def encode(self, stem: str, audio: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(audio.reshape(len(audio), -1, 16).swapaxes(1, 2))

    def decode(self, stem: str, latents: np.ndarray) -> np.ndarray:
        return latents.swapaxes(1, 2).reshape(len(latents), -1)

    def denoise(
        self, x: np.ndarray, sigma: np.ndarray, conditions: Any, tokens: Any = None
    ) -> np.ndarray:
        bands = np.einsum("kt,bstf->bskf", self._table, x)
        variances = self.variances[None, :, :, None]
        made = bands * variances / (variances + np.square(sigma, dtype=np.float64)[:, :, None])
        return np.einsum("kt,bskf->bstf", self._table, made).astype(np.float32)

"""What the pipeline may ask of a model, whatever runs it.

Arrays are float32, time is the last axis. `B` batch, `S` stems (in `manifest.stems` order), `C`
latent channels per stem, `F` latent frames, `K` condition channels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from stembridge.runtime.manifest import Manifest

FloatArray = NDArray[np.float32]


class StemCodec(Protocol):
    """What turns sound into latents and back."""

    @property
    def manifest(self) -> Manifest:
        """The artifact's contract: stems, rates, shapes, noise range."""
        ...

    def encode(self, stem: str, audio: FloatArray) -> FloatArray:
        """Encode audio [B, n_samples] at the model rate into latents [B, C, F].

        `n_samples` must be a multiple of `manifest.hop`; the caller pads. Latents come scaled.
        """
        ...

    def decode(self, stem: str, latents: FloatArray) -> FloatArray:
        """Decode latents [B, C, F] into audio [B, n], with n at most F * hop."""
        ...


class StemModel(StemCodec, Protocol):
    """Encoder, decoder and preconditioned denoiser of one artifact on one device."""

    @property
    def device(self) -> str:
        """Where the networks run: "cpu" or "cuda:N"."""
        ...

    def denoise(
        self,
        x: FloatArray,
        sigma: FloatArray,
        conditions: FloatArray,
        tokens: FloatArray | None = None,
    ) -> FloatArray:
        """Return the denoised latents [B, S, C, F].

        Args:
            x: noisy latents [B, S, C, F].
            sigma: noise standard deviation of every frame of every stem [B, S, F].
            conditions: frame conditions [B, K, F]; K may be 0.
            tokens: [B, N, E] of the whole piece, for a network that takes them.
        """
        ...

    def style_chances(
        self, latents: FloatArray, given: FloatArray, conditions: FloatArray
    ) -> FloatArray | None:
        """Chances of `manifest.styles` [B, styles]; None if the model does not hear styles.

        Args:
            latents: latents [B, S, C, F].
            given: 1 where latents are known [B, S, F].
            conditions: frame conditions [B, K, F].
        """
        ...

    def chord_chances(self, spectra: FloatArray) -> FloatArray | None:
        """Log chances of chords [B, T, 97] in spectra [B, T, 252] (`stembridge.chords.network`).

        None if the model brings no network for it.
        """
        ...

    def read_notes(self, stem: str, latents: FloatArray) -> FloatArray:
        """Read the notes in latents [B, C, F]: [B, 4, P, F], see `stembridge.parts.reader`.

        Only for stems in `manifest.note_readers`.
        """
        ...

    def close(self) -> None:
        """Release the networks; the model must not be used afterwards."""
        ...

"""EnCodec and DAC: codecs whose latents are written as codes, by a residual vector quantiser.

Each is a `StemCodec` like any other: continuous latents in, sound out. `quantise` puts its own step
between: of every frame the nearest entry of a first codebook, of what that leaves the nearest of a
second, and so on (RVQ). Fewer codebooks are fewer bits and a coarser sound. Weights come from the
user's disk.
"""

from __future__ import annotations

from math import log2, prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stembridge.audio.buffer import FloatArray
from stembridge.engines.folder import check_folder, described, kind_in
from stembridge.engines.offline import LOCAL, library, opened, quietly
from stembridge.errors import BadArgsError
from stembridge.runtime.manifest import Manifest

KINDS = {"encodec": ("EncodecModel", "EnCodec"), "dac": ("DacModel", "DAC")}
WINDOW_S = 60.0  # longer sounds go through in parts
STEM = "sound"
"""The one kind of sound that such a codec knows: any."""


class QuantisedCodec:
    """Implements `runtime.model.StemCodec`, and the quantiser between its halves."""

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        """Open the codec of a folder as it was downloaded.

        Raises:
            MissingExtraError: transformers is not installed.
            BadArgsError: the folder holds no such codec.
            NoSuchFileError, ModelUntrustedError: its weights are missing, or are not what they
                should be.
        """
        kind = codec_in(folder)
        if kind is None:
            known = " or ".join(title for _, title in KINDS.values())
            raise BadArgsError(f"'{folder}' holds no {known} (config.json does not say so).")
        check_folder(folder)
        network, self.title = KINDS[kind]
        found = getattr(library("transformers", "text"), network)
        model = opened(folder, lambda: found.from_pretrained(folder, **LOCAL))
        self.model: Any = model.to(device).eval()
        config = self.model.config
        self._is_encodec = kind == "encodec"
        self.n_codebooks = int(config.num_quantizers if self._is_encodec else config.n_codebooks)
        self.codebook_size = int(config.codebook_size)
        self.n_channels = int(config.audio_channels) if self._is_encodec else 1
        self.levels_input = bool(getattr(config, "normalize", False))
        strides = config.upsampling_ratios if self._is_encodec else config.downsampling_ratios
        rate, hop = int(config.sampling_rate), prod(strides)
        self.manifest: Manifest = described(
            folder, self.title, rate, hop, max(1, int(WINDOW_S * rate / hop)), (STEM,)
        )

    @property
    def frame_rate(self) -> float:
        """Latent frames per second."""
        return self.manifest.sample_rate / self.manifest.hop

    def bits_per_second(self, codebooks: int) -> float:
        """Of so many codebooks."""
        return self.frame_rate * codebooks * log2(self.codebook_size)

    def encode(self, stem: str, audio: FloatArray) -> FloatArray:
        """Audio [B, n] -> continuous latents [B, C, F], before any quantising."""
        import torch

        with quietly(), torch.inference_mode():
            sound = torch.from_numpy(audio)[:, None].repeat(1, self.n_channels, 1)
            return self._array(self.model.encoder(sound.to(self.model.device)))

    def decode(self, stem: str, latents: FloatArray) -> FloatArray:
        """Latents [B, C, F] -> audio [B, n]."""
        import torch

        with quietly(), torch.inference_mode():
            return self._array(self.model.decoder(self._tensor(latents)).mean(1))

    def quantise(self, latents: FloatArray, codebooks: int) -> NDArray[np.int64]:
        """Codes [B, codebooks, F] of latents [B, C, F]."""
        import torch

        quantiser = self.model.quantizer
        with quietly(), torch.inference_mode():
            if self._is_encodec:
                bandwidth = self.bits_per_second(codebooks) / 1000 + 1e-6
                codes = quantiser.encode(self._tensor(latents), bandwidth).transpose(0, 1)
            else:
                codes = quantiser(self._tensor(latents), codebooks)[1]
        return np.asarray(codes.cpu().numpy(), np.int64)

    def dequantise(self, codes: NDArray[np.int64]) -> FloatArray:
        """Latents [B, C, F] of codes [B, codebooks, F]."""
        import torch

        quantiser, told = self.model.quantizer, torch.from_numpy(codes).to(self.model.device)
        with quietly(), torch.inference_mode():
            if self._is_encodec:
                return self._array(quantiser.decode(told.transpose(0, 1)))
            return self._array(quantiser.from_codes(told)[0])

    def _tensor(self, latents: FloatArray) -> Any:
        import torch

        return torch.from_numpy(np.ascontiguousarray(latents)).to(self.model.device)

    @staticmethod
    def _array(tensor: Any) -> FloatArray:
        return np.asarray(tensor.float().cpu().numpy(), np.float32)


def codec_in(folder: Path) -> str | None:
    """What a folder says that it holds, "encodec" or "dac"; None if it is neither.

    Raises:
        ModelUntrustedError: what it says cannot be read.
    """
    kind = kind_in(folder)
    return kind if kind in KINDS else None

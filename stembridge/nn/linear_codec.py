"""The default model's autoencoder: a closed-form linear codec per stem.

Encoder: log-magnitude STFT frames that belong to one latent frame are joined to a patch, weighted
by frequency, and projected on the leading principal components of that stem's patches (Jolliffe,
Principal Component Analysis, ch. 2). Decoder: the transpose, then phase by integrating the
frequency gradient of the log magnitude (Prusa, Balazs, Soendergaard 2017, eq. 8: the time part of
phase gradient heap integration) and a few fast Griffin-Lim iterations (Perraudin et al. 2013).

Fitted in a minute on two cores (training/codec.py), it beats a neural autoencoder trained for
hours on them. It is one more codec behind the same interface: `encoder`, `decoder`, ONNX.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from stembridge.nn.fourier import ShortTimeFourier

# Window shape constant of the Hann window in phase gradient integration (Prusa et al., table 1).
_HANN_GAMMA = 0.25645


@dataclass(frozen=True)
class LinearCodecConfig:
    """Shape of one stem's codec.

    Attributes:
        n_fft: window length in samples; its quarter is the STFT hop.
        hop: samples per latent frame, a multiple of n_fft / 4.
        channels: latent channels C, the number of principal components kept.
        floor: magnitude that counts as silence, relative to a full-scale sine.
        knee_hz: above it, bins weigh less, as a musical ear's resolution does.
        rate: Hz.
        iterations: Griffin-Lim iterations in the decoder.
        momentum: of fast Griffin-Lim, 0 is the plain one.
    """

    n_fft: int
    hop: int
    channels: int
    floor: float = 1e-3
    knee_hz: float = 1500.0
    rate: int = 44100
    iterations: int = 8
    momentum: float = 0.9

    @property
    def stft_hop(self) -> int:
        """Samples between STFT frames."""
        return self.n_fft // 4

    @property
    def frames_per_latent(self) -> int:
        """STFT frames in one patch."""
        return self.hop // self.stft_hop

    @property
    def patch_size(self) -> int:
        """Values in one patch."""
        return self.frames_per_latent * (self.n_fft // 2 + 1)


class LinearCodec(nn.Module):
    """Log-magnitude patches on principal components.

    `basis` `[C, P]` maps weighted, centred patches to latents of mean variance 1; `dual` `[C, P]`
    maps latents back to log10 magnitudes.
    """

    mean: Tensor
    basis: Tensor
    dual: Tensor

    def __init__(self, config: LinearCodecConfig) -> None:
        """Builds an unfitted codec; `training.codec.fit` or a state dict fills it."""
        super().__init__()
        self.config = config
        self.stft = ShortTimeFourier(config.n_fft, config.stft_hop)
        self.register_buffer("mean", torch.zeros(config.patch_size))
        self.register_buffer("basis", torch.zeros(config.channels, config.patch_size))
        self.register_buffer("dual", torch.zeros(config.channels, config.patch_size))

    @property
    def log_floor(self) -> float:
        """Log10 of the floor, the value of a silent bin."""
        return math.log10(self.config.floor)

    def patches(self, audio: Tensor) -> Tensor:
        """Log10 magnitude patches `[B, F, P]` of audio `[B, F·hop]`."""
        fourier = self.stft.fourier
        spectra = self.stft(audio)
        half = fourier.columns
        power = spectra[:, :, :half] ** 2 + spectra[:, :, half:] ** 2
        magnitude = fourier.to_bins(power).clamp_min(1e-14).sqrt()
        return self._joined(magnitude, audio.shape[0])

    def fast_patches(self, audio: Tensor) -> Tensor:
        """The same as `patches`, by FFT: ten times faster, but not exportable to ONNX."""
        return self._joined(torch.fft.rfft(self.stft.frames(audio)).abs(), audio.shape[0])

    def _joined(self, magnitude: Tensor, batch: int) -> Tensor:
        logs = torch.log10(magnitude / (self.config.n_fft / 4) + self.config.floor)
        return logs.reshape(batch, -1, self.config.patch_size)

    def project(self, patches: Tensor) -> Tensor:
        """Patches `[B, F, P]` to latents `[B, C, F]`."""
        return ((patches - self.mean) @ self.basis.T).transpose(1, 2)

    def encoder(self, audio: Tensor) -> Tensor:
        """Audio `[B, F·hop]` to latents `[B, C, F]`."""
        return self.project(self.patches(audio))

    def decoded_patches(self, latents: Tensor) -> Tensor:
        """Latents `[B, C, F]` to log10 magnitude patches `[B, F, P]`."""
        return latents.transpose(1, 2) @ self.dual + self.mean

    def decoder(self, latents: Tensor) -> Tensor:
        """Latents `[B, C, F]` to audio `[B, F·hop]`."""
        batch = latents.shape[0]
        bins = self.config.n_fft // 2 + 1
        logs = self.decoded_patches(latents).reshape(batch, -1, bins).clamp(self.log_floor, 1.0)
        magnitude = (10.0**logs - self.config.floor).clamp_min(0.0) * (self.config.n_fft / 4)
        phase = self._initial_phase(logs).reshape(-1, bins)
        fourier = self.stft.fourier
        packed = fourier.from_bins(magnitude.reshape(-1, bins))
        angle = fourier.from_bins(phase)
        return self._griffin_lim(packed, torch.cat([angle.cos(), angle.sin()], 2), batch)

    def _initial_phase(self, logs: Tensor) -> Tensor:
        """Phase `[B, J, bins]` whose time derivative follows from log magnitudes `[B, J, bins]`.

        Prusa et al. eq. 8: the phase step per hop a in bin m is
        a·n/(2γ)·(ln s[m+1] - ln s[m-1]) + 2π·a·m/n; steps are averaged over neighbouring frames.
        """
        n, hop = self.config.n_fft, self.config.stft_hop
        gamma = _HANN_GAMMA * n * n
        natural = logs * math.log(10.0)
        padded = nn.functional.pad(natural, (1, 1), mode="replicate")
        slope = (padded[:, :, 2:] - padded[:, :, :-2]) * (hop * n / (2 * gamma))
        centre = torch.arange(n // 2 + 1, dtype=logs.dtype) * (2 * math.pi * hop / n)
        step = slope + centre
        step = torch.cat([step[:, :1], 0.5 * (step[:, 1:] + step[:, :-1])], 1)
        # Summed in double precision and wrapped: thousands of radians leave float32 no digits.
        turns = torch.cumsum(step.double() / (2 * math.pi), 1)
        return (2 * math.pi * (turns - torch.floor(turns))).float()

    def _griffin_lim(self, magnitude: Tensor, unit: Tensor, batch: int) -> Tensor:
        """Audio `[B, n]` with packed magnitudes, from packed unit-length starting phases."""
        doubled = torch.cat([magnitude, magnitude], 2)
        spectra = doubled * unit
        previous = spectra
        half = self.stft.fourier.columns
        # Bins below the floor have no phase worth keeping; dividing by them would only amplify
        # rounding errors until two runtimes disagree.
        silence = (self.config.floor * self.config.n_fft / 4) ** 2
        for _ in range(self.config.iterations):
            projected = self.stft(self.stft.inverse(spectra, batch))
            pushed = projected + self.config.momentum * (projected - previous)
            previous = projected
            power = pushed[:, :, :half] ** 2 + pushed[:, :, half:] ** 2
            scale = magnitude * torch.rsqrt(power + silence)
            spectra = pushed * torch.cat([scale, scale], 2)
        return self.stft.inverse(spectra, batch)

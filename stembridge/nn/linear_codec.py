"""The default model's autoencoder: a closed-form linear encoder per stem, and a small decoder.

Encoder: log-magnitude STFT frames that belong to one latent frame are joined to a patch, weighted
by frequency, and projected on the leading principal components of that stem's patches (Jolliffe,
Principal Component Analysis, ch. 2). Decoder: a linear map back and a small network's correction,
which sees the neighbouring frames too; then phase by integrating the frequency gradient of the log
magnitude (Prusa, Balazs, Soendergaard 2017, eq. 8: the time part of phase gradient heap
integration) and a few fast Griffin-Lim iterations (Perraudin et al. 2013).

Fitted in minutes on two cores (training/codec.py, training/codec_decoder.py), it beats a neural
autoencoder trained for hours on them. The decoder may be fitted anew without touching the latents,
and so without training the denoiser again. Behind the interface of any other codec: `encoder`,
`decoder`, ONNX.
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
        decoder_floor: the floor of what the decoder makes; None for the encoder's. The encoder
            spends no latents on what lies below its own; the decoder may still guess it.
        hidden: width of the decoder's correction; 0 for a linear decoder.
        iterations: Griffin-Lim iterations in the decoder.
        momentum: of fast Griffin-Lim, 0 is the plain one.
    """

    n_fft: int
    hop: int
    channels: int
    floor: float = 1e-3
    knee_hz: float = 1500.0
    rate: int = 44100
    decoder_floor: float | None = None
    hidden: int = 0
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


def with_neighbours(latents: Tensor) -> Tensor:
    """Latents `[B, F, C]` beside those of the frame before and after, `[B, F, 3C]`."""
    padded = nn.functional.pad(latents, (0, 0, 1, 1))
    return torch.cat([padded[:, :-2], latents, padded[:, 2:]], 2)


class Correction(nn.Module):
    """What a linear decoder cannot know: a network of one hidden layer, 0 before training."""

    def __init__(self, channels: int, hidden: int, patch_size: int) -> None:
        super().__init__()
        self.enter = nn.Linear(3 * channels, hidden)
        self.leave = nn.Linear(hidden, patch_size, bias=False)
        nn.init.zeros_(self.leave.weight)

    def forward(self, neighbours: Tensor) -> Tensor:
        """Three frames' latents `[..., 3C]` to log10 magnitudes `[..., P]`."""
        hidden = nn.functional.gelu(self.enter(neighbours), approximate="tanh")
        return self.leave(hidden)


class LinearCodec(nn.Module):
    """Log-magnitude patches on principal components.

    `basis` `[C, P]` maps weighted, centred patches to latents of mean variance 1; `dual` `[C, P]`
    and `offset` `[P]` map latents back to log10 magnitudes, `correction` adds what they miss.
    """

    mean: Tensor
    basis: Tensor

    def __init__(self, config: LinearCodecConfig) -> None:
        """Builds an unfitted codec; `training.codec.fit` or a state dict fills it.

        `fit` alone makes a decoder with the encoder's floor; `fit_decoder` one with its own.
        """
        super().__init__()
        self.config = config
        self.stft = ShortTimeFourier(config.n_fft, config.stft_hop)
        self.register_buffer("mean", torch.zeros(config.patch_size))
        self.register_buffer("basis", torch.zeros(config.channels, config.patch_size))
        self.dual = nn.Parameter(torch.zeros(config.channels, config.patch_size))
        self.offset = nn.Parameter(torch.zeros(config.patch_size))
        self.correction = (
            Correction(config.channels, config.hidden, config.patch_size) if config.hidden else None
        )

    @property
    def log_floor(self) -> float:
        """Log10 of the encoder's floor, the value of a silent bin."""
        return math.log10(self.config.floor)

    @property
    def decoder_floor(self) -> float:
        """Magnitude that counts as silence in the decoder."""
        return self.config.decoder_floor or self.config.floor

    def patches(self, audio: Tensor) -> Tensor:
        """Log10 magnitude patches `[B, F, P]` of audio `[B, F·hop]`."""
        fourier = self.stft.fourier
        spectra = self.stft(audio)
        half = fourier.columns
        power = spectra[:, :, :half] ** 2 + spectra[:, :, half:] ** 2
        magnitude = fourier.to_bins(power).clamp_min(1e-14).sqrt()
        return self._joined(magnitude, audio.shape[0])

    def fast_patches(self, audio: Tensor, floor: float | None = None) -> Tensor:
        """The same by FFT, which ONNX has not: ten times faster; with another floor if told."""
        magnitude = torch.fft.rfft(self.stft.frames(audio)).abs()
        return self._joined(magnitude, audio.shape[0], floor)

    def _joined(self, magnitude: Tensor, batch: int, floor: float | None = None) -> Tensor:
        logs = torch.log10(magnitude / (self.config.n_fft / 4) + (floor or self.config.floor))
        return logs.reshape(batch, -1, self.config.patch_size)

    def project(self, patches: Tensor) -> Tensor:
        """Patches `[B, F, P]` to latents `[B, C, F]`."""
        return ((patches - self.mean) @ self.basis.T).transpose(1, 2)

    def encoder(self, audio: Tensor) -> Tensor:
        """Audio `[B, F·hop]` to latents `[B, C, F]`."""
        return self.project(self.patches(audio))

    def fast_encoder(self, audio: Tensor) -> Tensor:
        """`encoder` by FFT."""
        return self.project(self.fast_patches(audio))

    def decoded_patches(self, latents: Tensor) -> Tensor:
        """Latents `[B, C, F]` to log10 magnitude patches `[B, F, P]`."""
        return self.decoded_middle(with_neighbours(latents.transpose(1, 2)))

    def decoded_middle(self, neighbours: Tensor) -> Tensor:
        """Three frames' latents `[..., 3C]` to the middle one's log10 magnitudes `[..., P]`."""
        channels = self.config.channels
        linear = neighbours[..., channels : 2 * channels] @ self.dual + self.offset
        return linear if self.correction is None else linear + self.correction(neighbours)

    def decoder(self, latents: Tensor) -> Tensor:
        """Latents `[B, C, F]` to audio `[B, F·hop]`."""
        batch = latents.shape[0]
        bins = self.config.n_fft // 2 + 1
        floor = self.decoder_floor
        logs = self.decoded_patches(latents).reshape(batch, -1, bins).clamp(math.log10(floor), 1.0)
        magnitude = (10.0**logs - floor).clamp_min(0.0) * (self.config.n_fft / 4)
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
        slope = (padded[:, :, 2:] - padded[:, :, :-2]) * (hop * n / (4 * math.pi * gamma))
        # In turns, of which only the fraction counts: thousands of radians leave no digits.
        step = slope + (torch.arange(n // 2 + 1) * hop % n).to(logs.dtype) / n
        step = torch.cat([step[:, :1], 0.5 * (step[:, 1:] + step[:, :-1])], 1)
        turns = torch.cumsum(step.double(), 1)
        return (2 * math.pi * (turns - torch.floor(turns))).float()

    def _griffin_lim(self, magnitude: Tensor, unit: Tensor, batch: int) -> Tensor:
        """Audio `[B, n]` with packed magnitudes, from packed unit-length starting phases."""
        doubled = torch.cat([magnitude, magnitude], 2)
        spectra = doubled * unit
        previous = spectra
        half = self.stft.fourier.columns
        # Bins below the floor have no phase worth keeping; dividing by them would only amplify
        # rounding errors until two runtimes disagree.
        silence = (self.decoder_floor * self.config.n_fft / 4) ** 2
        for _ in range(self.config.iterations):
            projected = self.stft(self.stft.inverse(spectra, batch))
            pushed = projected + self.config.momentum * (projected - previous)
            previous = projected
            power = pushed[:, :, :half] ** 2 + pushed[:, :, half:] ** 2
            scale = magnitude * torch.rsqrt(power + silence)
            spectra = pushed * torch.cat([scale, scale], 2)
        return self.stft.inverse(spectra, batch)

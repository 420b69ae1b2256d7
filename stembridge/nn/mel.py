"""Log-mel spectra of audio, and audio of log-mel spectra, as convolutions with fixed kernels.

Source of the numbers: AudioLDM's and MusicLDM's front end (16 kHz, window 1024, hop 160, 64 bands
to 8 kHz, natural logarithm of magnitudes, floored at 1e-5), which MT-MusicLDM and MSG-LD share.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

# Slaney's mel scale: linear below 1 kHz (3 mel per 200 Hz), logarithmic above.
_HZ_PER_MEL = 200 / 3
_BREAK_HZ = 1000.0
_LOG_STEP = math.log(6.4) / 27

_QUIET = 0.03  # -30 dB of a full-scale sine


def _to_mel(hz: Tensor) -> Tensor:
    above = _BREAK_HZ / _HZ_PER_MEL + (hz.clamp_min(1e-9) / _BREAK_HZ).log() / _LOG_STEP
    return torch.where(hz < _BREAK_HZ, hz / _HZ_PER_MEL, above)


def _to_hz(mel: Tensor) -> Tensor:
    break_mel = _BREAK_HZ / _HZ_PER_MEL
    above = _BREAK_HZ * ((mel - break_mel) * _LOG_STEP).exp()
    return torch.where(mel < break_mel, mel * _HZ_PER_MEL, above)


def mel_filters(n_mels: int, n_fft: int, sample_rate: int) -> Tensor:
    """Triangular filters [n_mels, n_fft / 2 + 1] from 0 Hz to Nyquist, each of unit area in Hz.

    Edges are equally spaced on Slaney's mel scale (Auditory Toolbox, 1998).
    """
    nyquist = torch.tensor([sample_rate / 2], dtype=torch.float64)
    edges = _to_hz(torch.linspace(0, 1, n_mels + 2, dtype=torch.float64) * _to_mel(nyquist))
    bins = torch.linspace(0, sample_rate / 2, n_fft // 2 + 1, dtype=torch.float64)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (bins - low) / (centre - low), (high - bins) / (high - centre)
    triangles = torch.minimum(rising, falling).clamp_min(0)
    return (triangles * 2 / (high - low)).float()


@dataclass(frozen=True)
class MelConfig:
    """Shape of the spectra.

    Attributes:
        sample_rate: Hz; bands reach up to half of it.
        n_fft: window in samples.
        hop: samples between spectra.
        bands: mel bands.
        floor: magnitude that counts as silence.
        iterations: Griffin-Lim iterations on the way back.
    """

    sample_rate: int = 16_000
    n_fft: int = 1024
    hop: int = 160
    bands: int = 64
    floor: float = 1e-5
    iterations: int = 32


class Mel(nn.Module):
    """Both ways; spectrum j is centred on sample (j + 1/2) hop, so J hop samples make J spectra.

    The way back is a stand-in: the papers' is a HiFi-GAN whose weights are not at hand. It divides
    by the bands' filters and finds phases by fast Griffin-Lim (Perraudin et al. 2013), which
    sounds hollow.
    """

    kernels: Tensor
    filters: Tensor
    unfilter: Tensor
    window: Tensor

    def __init__(self, config: MelConfig) -> None:
        super().__init__()
        self.config = config
        n, n_bins = config.n_fft, config.n_fft // 2 + 1
        window = torch.hann_window(n)
        phase = 2 * math.pi * torch.outer(torch.arange(n_bins), torch.arange(n)).double() / n
        kernels = torch.cat([phase.cos(), -phase.sin()]).float() * window
        filters = mel_filters(config.bands, n, config.sample_rate)
        buffers = {
            "kernels": kernels[:, None], "filters": filters,
            "unfilter": torch.linalg.pinv(filters), "window": window,
        }  # fmt: skip
        for name, value in buffers.items():
            self.register_buffer(name, value, persistent=False)
        self.left = (n - config.hop) // 2
        self.right = n - config.hop - self.left

    def forward(self, audio: Tensor) -> Tensor:
        """Log-mel spectra [B, J, bands] of audio [B, J hop]."""
        real, imaginary = self._transform(audio).chunk(2, dim=1)
        magnitude = (real.square() + imaginary.square()).clamp_min(1e-18).sqrt()
        return (self.filters @ magnitude).clamp_min(self.config.floor).log().transpose(1, 2)

    def audio(self, spectra: Tensor) -> Tensor:
        """Audio [B, J hop] whose spectra are near [B, J, bands]."""
        mel = spectra.clamp(max=6.0).exp().transpose(1, 2)
        wanted = (self.unfilter @ mel).clamp_min(0.0)
        doubled = torch.cat([wanted, wanted], 1)
        # Phases of tones that go on evenly: bin k turns by 2 pi k hop / n from one to the next.
        n, hop = self.config.n_fft, self.config.hop
        turns = torch.arange(n // 2 + 1, device=mel.device) * hop % n / n
        # Not an arange, nor ones: a trace would take their length for a constant.
        steps = (mel[:1, :1] * 0 + 1).cumsum(2) - 1
        angle = 2 * math.pi * (turns[:, None] * steps % 1.0)
        guess = doubled * torch.cat([angle.cos(), angle.sin()], 1)
        previous, silence = guess, (_QUIET * n / 4) ** 2
        for _ in range(self.config.iterations):
            projected = self._transform(self._inverse(guess))
            pushed = projected + 0.9 * (projected - previous)
            previous = projected
            real, imaginary = pushed.chunk(2, dim=1)
            # Bins of next to nothing have no phase worth keeping, and two runtimes disagree on it.
            size = (real.square() + imaginary.square() + silence).rsqrt() * wanted
            guess = pushed * torch.cat([size, size], 1)
        return self._inverse(guess)

    def _transform(self, audio: Tensor) -> Tensor:
        """Real and imaginary parts [B, 2 bins, J]."""
        padded = functional.pad(audio, (self.left, self.right))[:, None]
        return functional.conv1d(padded, self.kernels, stride=self.config.hop)

    def _inverse(self, parts: Tensor) -> Tensor:
        """Least squares (Griffin and Lim 1984, eq. 6)."""
        n, hop = self.config.n_fft, self.config.hop
        # Every bin but the first and the last stands for its mirror image as well.
        half = torch.full((n // 2 + 1,), 2.0 / n, device=parts.device)
        half[0] = half[-1] = 1.0 / n
        weighted = parts * torch.cat([half, half])[None, :, None]
        summed = functional.conv_transpose1d(weighted, self.kernels, stride=hop)
        ones = parts[:1, :1] * 0 + 1
        squares = functional.conv_transpose1d(ones, self.window.square()[None, None], stride=hop)
        cut = slice(self.left, -self.right)
        return summed[:, 0, cut] / squares[:, 0, cut].clamp_min(1e-3)

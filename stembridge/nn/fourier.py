"""Real Fourier transforms and short-time Fourier frames as plain matrix products.

ONNX has an STFT operator, but no inverse, and its CPU kernel is slow; two small matrix products
per transform (Cooley and Tukey 1965, one factorisation N = N1·N2) are exact, export everywhere,
and run at the speed of GEMM.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class RealFourier(nn.Module):
    """Forward and inverse real DFT of length N = N1·N2.

    With n = N2·n1 + n2 and k = k1 + N1·k2, e^{-2πi nk/N} factors into a DFT over n1, a twiddle
    e^{-2πi n2·k1/N}, and a DFT over n2. Only k2 <= N2/2 is computed.

    Spectra are "packed": `[T, N1, 2H]` with H = N2/2 + 1, entry (k1, k2) holding bin k1 + N1·k2,
    real parts in the first H columns and imaginary parts in the last. Element-wise work needs no
    other order; `to_bins` and `from_bins` translate real-valued arrays.
    """

    forward1: Tensor
    forward2: Tensor
    inverse1: Tensor
    inverse2: Tensor
    cos: Tensor
    sin: Tensor
    fold: Tensor

    def __init__(self, n: int) -> None:
        """Args: n: transform length, a power of two, at least 16."""
        super().__init__()
        self.n = n
        self.n1 = 2 ** (int(math.log2(n)) // 2)
        self.n2 = n // self.n1
        self.columns = self.n2 // 2 + 1
        n1, n2 = torch.arange(self.n1), torch.arange(self.n2)
        first = 2 * math.pi * torch.outer(n1, n1).double() / self.n1
        twiddle = 2 * math.pi * torch.outer(n1, n2).double() / n
        second = 2 * math.pi * torch.outer(n2, torch.arange(self.columns)).double() / self.n2
        cos1, sin1, cos2, sin2 = first.cos(), first.sin(), second.cos(), second.sin()
        forward2 = torch.cat([torch.cat([cos2, -sin2], 1), torch.cat([sin2, cos2], 1)])
        inverse2 = torch.cat([torch.cat([cos2.T, sin2.T], 1), torch.cat([-sin2.T, cos2.T], 1)])
        constants = {
            "forward1": torch.cat([cos1, -sin1]),  # [2·N1, N1]
            "forward2": forward2,  # [2·N2, 2·H]
            "inverse1": torch.cat([cos1, -sin1], 1),  # [N1, 2·N1]
            "inverse2": inverse2,  # [2·H, 2·N2]
            "cos": twiddle.cos(),
            "sin": twiddle.sin(),
        }
        for name, value in constants.items():
            self.register_buffer(name, value.float(), persistent=False)
        fold = torch.full((n // 2 + 1,), 2.0 / n)
        fold[0] = fold[-1] = 1.0 / n
        packed = self.from_bins(fold[None])
        self.register_buffer("fold", torch.cat([packed, packed], 2), persistent=False)

    def to_bins(self, packed: Tensor) -> Tensor:
        """A real array per bin, packed `[T, N1, H]`, in ascending order `[T, N/2+1]`."""
        return packed.transpose(1, 2).reshape(packed.shape[0], -1)[:, : self.n // 2 + 1]

    def from_bins(self, bins: Tensor) -> Tensor:
        """The inverse of `to_bins`; places beyond the Nyquist bin become 0."""
        padded = nn.functional.pad(bins, (0, self.columns * self.n1 - bins.shape[1]))
        return padded.reshape(-1, self.columns, self.n1).transpose(1, 2)

    def forward(self, frames: Tensor) -> Tensor:
        """Real frames `[T, N]` to packed spectra `[T, N1, 2H]`."""
        a = self.forward1 @ frames.reshape(-1, self.n1, self.n2)
        re, im = a[:, : self.n1], a[:, self.n1 :]
        turned = torch.cat([re * self.cos + im * self.sin, im * self.cos - re * self.sin], 2)
        return turned @ self.forward2

    def inverse(self, packed: Tensor) -> Tensor:
        """Packed spectra `[T, N1, 2H]` to real frames `[T, N]`."""
        d = (packed * self.fold) @ self.inverse2
        re, im = d[:, :, : self.n2], d[:, :, self.n2 :]
        turned = torch.cat([re * self.cos - im * self.sin, re * self.sin + im * self.cos], 1)
        return (self.inverse1 @ turned).reshape(-1, self.n)


class ShortTimeFourier(nn.Module):
    """STFT with a Hann window whose frame j is centred on sample (j + 1/2)·hop.

    So J frames belong to exactly J·hop samples, and latent frames line up with audio without any
    offset. Spectra are packed (see `RealFourier`), batch and frames folded: `[B·J, N1, 2H]`.
    """

    window: Tensor

    def __init__(self, n: int, hop: int) -> None:
        """Args: n: window length, a multiple of hop. hop: samples between frames."""
        super().__init__()
        self.n, self.hop, self.overlap = n, hop, n // hop
        self.fourier = RealFourier(n)
        self.register_buffer("window", torch.hann_window(n, periodic=True), persistent=False)
        self.left = (n - hop) // 2
        self.right = n - hop - self.left

    def frames(self, audio: Tensor) -> Tensor:
        """Audio `[B, J·hop]` to windowed frames `[B, J, n]`."""
        blocks = nn.functional.pad(audio, (self.left, self.right))
        blocks = blocks.reshape(audio.shape[0], -1, self.hop)
        count = blocks.shape[1] - self.overlap + 1
        frames = torch.cat([blocks[:, i : i + count] for i in range(self.overlap)], dim=2)
        return frames * self.window

    def forward(self, audio: Tensor) -> Tensor:
        """Audio `[B, J·hop]` to packed spectra."""
        return self.fourier(self.frames(audio).reshape(-1, self.n))

    def inverse(self, packed: Tensor, batch: int) -> Tensor:
        """Packed spectra to audio `[B, J·hop]`, least squares (Griffin and Lim 1984, eq. 6)."""
        frames = (self.fourier.inverse(packed) * self.window).reshape(batch, -1, self.n)
        weights = (self.window**2).expand(1, frames.shape[1], self.n)
        return self._overlap_add(frames) / self._overlap_add(weights).clamp_min(1e-3)

    def _overlap_add(self, frames: Tensor) -> Tensor:
        batch, count = frames.shape[0], frames.shape[1]
        parts = frames.reshape(batch, count, self.overlap, self.hop)
        total = nn.functional.pad(parts[:, :, 0], (0, 0, 0, self.overlap - 1))
        for i in range(1, self.overlap):
            total = total + nn.functional.pad(parts[:, :, i], (0, 0, i, self.overlap - 1 - i))
        return total.reshape(batch, -1)[:, self.left : self.left + count * self.hop]

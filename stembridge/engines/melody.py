"""What MusicGen hears of a melody: its strongest pitch class, eight times a second.

The paper's bottleneck (Copet et al. 2023, section 2.4): a chromagram is reduced to the strongest
bin of each frame, since the model copied the reference when it heard more. This is the feature
extractor of the published weights without torchaudio, which has no build for current PyTorch; a
factor common to all bins does not change which is strongest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stembridge.audio.buffer import FloatArray
from stembridge.engines.offline import library

if TYPE_CHECKING:
    from torch import Tensor

N_FFT, HOP, N_CHROMA = 16384, 4096, 12


def strongest_pitches(audio: FloatArray, rate: int) -> Tensor:
    """One-hot pitch classes `[1, T, 12]` from C on of audio `[n]`; T is n / 4096 + 1."""
    import torch

    library("transformers", "engines")
    from transformers.audio_utils import chroma_filter_bank

    sound = torch.from_numpy(audio)
    if len(sound) < N_FFT:
        lack = N_FFT - len(sound)
        sound = torch.nn.functional.pad(sound, (lack // 2, lack - lack // 2))
    spectrum = torch.stft(
        sound, N_FFT, HOP, window=torch.hann_window(N_FFT), center=True, return_complex=True
    )
    bank = chroma_filter_bank(
        num_frequency_bins=N_FFT, num_chroma=N_CHROMA, sampling_rate=rate, tuning=0
    )
    chroma = torch.from_numpy(bank).float() @ spectrum.abs().square()
    return torch.nn.functional.one_hot(chroma.argmax(0), N_CHROMA).float()[None]

"""Files become samples the engine can play: device rate, device channels, listening level."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.audio.buffer import FloatArray
from stembridge.audio.loudness import amplitude, gain_to, peak
from stembridge.audio.resample import resample
from stembridge.context.probe import open_context

LISTENING_LUFS = -18.0
"""Takes are compared at one loudness: the louder one always seems the better one."""

HIGHEST_PEAK = 0.98


def load_mix(
    files: Sequence[tuple[str, float]],
    rate: int,
    n_channels: int,
    roots: AllowedRoots,
    *,
    gain_db: float = 0.0,
    match: bool = True,
) -> FloatArray:
    """Sum files, each starting at frame 0.

    Args:
        files: (path, linear gain).
        rate: of the result, in Hz.
        n_channels: of the result; mono files go to all, others channel by channel.
        roots: folders files may lie in.
        gain_db: applied last.
        match: bring the sum to `LISTENING_LUFS` (without exceeding full scale) before.

    Returns:
        float32 [n, n_channels], finite.

    Raises:
        NoSuchFileError, PathDeniedError, BadAudioError: as `open_context`.
    """
    parts = [_load(path, rate, n_channels, roots) * np.float32(gain) for path, gain in files]
    mix = np.zeros((max(len(part) for part in parts), n_channels), np.float32)
    for part in parts:
        mix[: len(part)] += part
    mix *= np.float32(matching_gain(mix, rate) if match else 1.0) * np.float32(amplitude(gain_db))
    return np.nan_to_num(mix, copy=False, nan=0.0, posinf=0.0, neginf=0.0)


def matching_gain(mix: FloatArray, rate: int) -> float:
    """Factor that brings `[n, channels]` to the listening level; 1 for silence."""
    gain = gain_to(LISTENING_LUFS, mix.mean(axis=1, dtype=np.float32), rate)
    return 1.0 if gain is None else min(gain, HIGHEST_PEAK / max(peak(mix), 1e-9))


def _load(path: str, rate: int, n_channels: int, roots: AllowedRoots) -> FloatArray:
    with open_context(path, roots) as file:
        audio = file.read(0, file.n_samples)
    channels = [resample(channel, audio.sample_rate, rate) for channel in audio.samples]
    if len(channels) == 1:
        channels *= n_channels
    silent = np.zeros_like(channels[0])
    return np.stack((channels + [silent] * n_channels)[:n_channels], axis=1)

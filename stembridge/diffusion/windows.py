"""Requests longer than the network's window, made window by window.

    frames    0 ................................................. F
    window 0  [==============]
    window 1             [???==============]
    window 2                           [???==============]

The frames marked ??? were made by the window before; the next window is given them (see
`inpaint`) and continues from them, so no crossfade is needed and nothing already made changes.
Given stems are given in every window. The windows share the length evenly, which makes the fewest
frames twice.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stembridge.diffusion.inpaint import Known
from stembridge.diffusion.noise import FrameNoise
from stembridge.diffusion.types import Array, Callback, Denoiser, Sampler, StepInfo

FloatArray = NDArray[np.float32]


def plan_windows(n_frames: int, window: int, overlap: int, multiple: int = 1) -> list[range]:
    """Where the windows lie.

    Args:
        n_frames: length of the request F.
        window: longest window the network takes, a multiple of `multiple`.
        overlap: frames two neighbours share at least, below `window`.
        multiple: window lengths are multiples of this.

    Returns:
        Windows of one common length that together cover 0..F. Only a single window reaches beyond
        F, by less than `multiple`.
    """
    n_windows = max(1, -(-(n_frames - overlap) // (window - overlap)))
    shared = n_frames + (n_windows - 1) * overlap
    length = min(window, -(-shared // (n_windows * multiple)) * multiple)
    last_start = max(0, n_frames - length)
    starts = [i * last_start // max(1, n_windows - 1) for i in range(n_windows)]
    return [range(start, start + length) for start in starts]


def sample_in_windows(
    D: Denoiser,
    conditions: FloatArray,
    known: Known,
    *,
    sampler: Sampler,
    sigmas: list[float],
    noise: FrameNoise,
    window: int,
    overlap: int,
    multiple: int = 1,
    callback: Callback | None = None,
) -> FloatArray:
    """Sample latents of any length.

    Args:
        D: denoiser; it is called with at most `window` frames, always a multiple of `multiple`.
        conditions: [B or 1, K, F] for the whole request.
        known: given latents for the whole request [B or 1, S, C, F], with an all-zero mask where
            nothing is given; its mode is also how windows are given each other's frames.
        sampler: one of `SAMPLERS`.
        sigmas: the schedule of each window.
        noise: the takes' noise; its length is the batch B.
        window: longest window in frames.
        overlap: frames shared by neighbours at least.
        multiple: see D.
        callback: told before each network call, counting over all windows.

    Returns:
        Latents [B, S, C, F]; the given ones are returned exactly.
    """
    n_frames = conditions.shape[-1]
    windows = plan_windows(n_frames, window, overlap, multiple)
    reach = max(n_frames, windows[-1].stop)
    batch = len(noise.seeds)
    conditions = _stretched(conditions, batch, reach)
    latents = _stretched(known.latents, batch, reach).copy()
    mask = _stretched(known.mask, batch, reach).copy()
    for i, place in enumerate(windows):
        at = slice(place.start, place.stop)
        held = replace(known, latents=latents[..., at], mask=mask[..., at])
        latents[..., at] = sampler(
            D,
            sigmas[0] * noise.at(0, place.start, len(place)),
            sigmas,
            np.ascontiguousarray(conditions[..., at]),
            known=held if held.mask.any() else None,
            noise=noise.stream(place.start, len(place)),
            callback=_counted(callback, i, len(windows)),
        )
        mask[..., at] = 1.0
    return latents[..., :n_frames]


def _stretched(array: Array, batch: int, n_frames: int) -> FloatArray:
    """The array with B items, its last frame repeated until `n_frames`."""
    missing = n_frames - array.shape[-1]
    if missing > 0:
        array = np.concatenate([array, np.repeat(array[..., -1:], missing, axis=-1)], axis=-1)
    return np.broadcast_to(array, (batch, *array.shape[1:]))


def _counted(callback: Callback | None, window: int, n_windows: int) -> Callback | None:
    if callback is None:
        return None

    def counted(info: StepInfo) -> None:
        done = window * info.n_calls + info.call
        callback(StepInfo(done, n_windows * info.n_calls, info.sigma))

    return counted

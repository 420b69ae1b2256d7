"""Requests longer than the network's window, made in windows that overlap.

    frames    0 ................................................. F
    window 0  [==============]
    window 1             [???==============]
    window 2                           [???==============]

In turn: the frames marked ??? were made by the window before; the next window is given them (see
`inpaint`) and continues from them. Nothing already made changes, but what one window does a little
wrong the next takes for right, and the sound changes where its own frames begin.

Together: all windows take each step of the sampler side by side, and answer as one where they
overlap (MultiDiffusion, Bar-Tal et al. 2023, arXiv 2302.08113, eq. 5, with weights that fade).
No window is later than another, but only what they are all told holds them together: without
chords, distant windows chose keys of their own.

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
    together: bool = False,
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
        together: all windows at once; else one after the other.
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
    if together:
        joined = _Joined(D, windows, overlap, callback)
        made: FloatArray = sampler(
            joined,
            sigmas[0] * noise.at(0, 0, reach),
            sigmas,
            conditions,
            known=replace(known, latents=latents, mask=mask) if mask.any() else None,
            noise=noise.stream(0, reach),
            callback=joined.tell,
        )
        return made[..., :n_frames]
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


class _Joined:
    """A denoiser of any length, made of one for windows; where they overlap, they fade over."""

    def __init__(
        self, D: Denoiser, windows: list[range], overlap: int, callback: Callback | None
    ) -> None:
        self._D, self._places, self._callback = D, windows, callback
        self._step = StepInfo(0, 1, 0.0)
        self._shares = _fading_shares(windows, overlap)

    def tell(self, info: StepInfo) -> None:
        """Takes note of the step that the sampler is about to make."""
        self._step = info

    def __call__(self, x: Array, sigma: Array, conditions: Array) -> Array:
        answer = np.zeros_like(x)
        for i, (place, share) in enumerate(zip(self._places, self._shares, strict=True)):
            at = slice(place.start, place.stop)
            self._tell_call(i)
            parts = (np.ascontiguousarray(array[..., at]) for array in (x, sigma, conditions))
            answer[..., at] += share * self._D(*parts)
        return answer

    def _tell_call(self, window: int) -> None:
        step, n_windows = self._step, len(self._places)
        if self._callback is not None:
            done = step.call * n_windows + window
            self._callback(StepInfo(done, step.n_calls * n_windows, step.sigma))


def _fading_shares(windows: list[range], overlap: int) -> list[FloatArray]:
    """Weight of every frame of every window; those of a frame add up to 1."""
    total = np.zeros(windows[-1].stop, np.float32)
    weights = []
    for place in windows:
        frames = np.arange(len(place), dtype=np.float32)
        edge = np.minimum(frames + 1, len(place) - frames)
        weights.append(np.minimum(edge / max(1, overlap), 1.0).astype(np.float32))
        total[place.start : place.stop] += weights[-1]
    return [
        weight / total[place.start : place.stop]
        for weight, place in zip(weights, windows, strict=True)
    ]


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

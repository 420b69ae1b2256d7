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

In a circle: the piece is a loop, and a window that reaches beyond its end goes on at its start.
Together, at least two of them, so that every seam lies in the middle of another window.

Given stems are given in every window. The windows share the length evenly, which makes the fewest
frames twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stembridge.conditions import Conditions, stretched
from stembridge.diffusion.inpaint import Known
from stembridge.diffusion.noise import FrameNoise
from stembridge.diffusion.types import Array, Callback, Denoiser, Sampler, StepInfo

FloatArray = NDArray[np.float32]

AT_ONCE = 4
"""Windows that the network is given together: the cores share them, and memory stays bounded."""


@dataclass(frozen=True)
class Windows:
    """How a piece of any length is shared out.

    Attributes:
        longest: frames the network takes at most, a multiple of `multiple`.
        overlap: frames two neighbours share at least, below `longest`.
        multiple: window lengths are multiples of this.
        together: all windows at once; else one after the other.
        circular: the piece is a loop; its windows are always together.
        whole: a piece shorter than a window is made in a whole one (its end is thrown away).
    """

    longest: int
    overlap: int
    multiple: int = 1
    together: bool = False
    circular: bool = False
    whole: bool = False

    def plan(self, n_frames: int) -> list[range]:
        """Where they lie, see `plan_windows`; beyond F means from 0 on."""
        if self.circular:
            return plan_circle(n_frames, self.longest, self.overlap, self.multiple)
        if self.whole:
            n_frames = max(n_frames, self.longest)
        return plan_windows(n_frames, self.longest, self.overlap, self.multiple)


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


def plan_circle(n_frames: int, window: int, overlap: int, multiple: int = 1) -> list[range]:
    """Where the windows of a loop lie; arguments as `plan_windows`.

    Returns:
        At least two windows of one common length, evenly round the circle of F frames.
    """
    length = min(window, max(multiple, n_frames // multiple * multiple))
    n_windows = max(2, -(-n_frames // max(1, length - overlap)) if length < n_frames else 2)
    starts = [i * n_frames // n_windows for i in range(n_windows)]
    return [range(start, start + length) for start in starts]


def sample_in_windows(
    D: Denoiser,
    conditions: Conditions,
    known: Known,
    *,
    sampler: Sampler,
    sigmas: Sequence[float],
    noise: FrameNoise,
    windows: Windows,
    start: FloatArray | None = None,
    callback: Callback | None = None,
) -> FloatArray:
    """Sample latents of any length.

    Args:
        D: denoiser; it is called with window lengths only.
        conditions: for the whole request.
        known: given latents for the whole request [B or 1, S, C, F], with an all-zero mask where
            nothing is given; its mode is also how windows are given each other's frames.
        sampler: one of `SAMPLERS`.
        sigmas: the schedule of each window.
        noise: the takes' noise; its length is the batch B.
        windows: how the request is shared out.
        start: latents [B or 1, S, C, F] that sampling starts from, with noise of level sigmas[0]
            on them; None starts from noise alone.
        callback: told before each network call, counting over all windows.

    Returns:
        Latents [B, S, C, F]; the given ones are returned exactly.
    """
    n_frames, batch = conditions.n_frames, len(noise.seeds)
    places = windows.plan(n_frames)
    reach = n_frames if windows.circular else max(n_frames, places[-1].stop)
    conditions = conditions.stretched(batch, reach)
    latents = stretched(known.latents, batch, reach).copy()
    mask = stretched(known.mask, batch, reach).copy()
    origin = None if start is None else stretched(start, batch, reach)

    def sampled(D: Denoiser, at: range, its: Conditions, callback: Callback | None) -> FloatArray:
        x = sigmas[0] * noise.at(0, at.start, len(at))
        inside = slice(at.start, at.stop)
        held = replace(known, latents=latents[..., inside], mask=mask[..., inside])
        made: FloatArray = sampler(
            D,
            x if origin is None else origin[..., inside] + x,
            list(sigmas),
            its,
            known=held if held.mask.any() else None,
            noise=noise.stream(at.start, len(at)),
            callback=callback,
        )
        return made

    if windows.together or windows.circular:
        joined = JoinedWindows(D, places, windows.overlap, callback)
        return sampled(joined, range(reach), conditions, joined.tell)[..., :n_frames]
    for i, place in enumerate(places):
        its = conditions.window(place)
        inside = slice(place.start, place.stop)
        latents[..., inside] = sampled(D, place, its, _counted(callback, i, len(places)))
        mask[..., inside] = 1.0
    return latents[..., :n_frames]


class JoinedWindows:
    """A denoiser of any length, made of one for windows; where they overlap, they fade over.

    Args:
        D: the windows' denoiser.
        places: where they lie, from 0 on; frames beyond a piece's last are its first again.
        overlap: frames over which neighbours fade.
        callback: told before each call of D.
        passes: how often this denoiser is called in a step that `tell` announces.
    """

    def __init__(
        self,
        D: Denoiser,
        places: list[range],
        overlap: int,
        callback: Callback | None,
        passes: int = 1,
    ) -> None:
        self._D, self._places, self._callback = D, places, callback
        self._step, self._calls = StepInfo(0, 1, 0.0), 0
        self._calls_per_step = len(places) * passes
        self._overlap = overlap

    def tell(self, info: StepInfo) -> None:
        """Takes note of the step that the sampler is about to make."""
        self._step, self._calls = info, 0

    def __call__(self, x: Array, sigma: Array, conditions: Conditions) -> Array:
        """Denoised x [B, S, C, F]; D is given some windows at once, as a batch."""
        answer, n_frames = np.zeros_like(x), x.shape[-1]
        frames = [np.arange(place.start, place.stop) % n_frames for place in self._places]
        shares = _fading_shares(frames, n_frames, self._overlap)
        for first in range(0, len(frames), AT_ONCE):
            group = frames[first : first + AT_ONCE]
            for _ in group:
                self._tell_call()
            x_at, sigma_at = (np.concatenate([a[..., at] for at in group]) for a in (x, sigma))
            made = self._D(x_at, sigma_at, conditions.windows(group))
            pieces = np.split(made, len(group))
            for at, share, piece in zip(group, shares[first:], pieces, strict=False):
                np.add.at(np.moveaxis(answer, -1, 0), at, np.moveaxis(share * piece, -1, 0))
        return answer

    def _tell_call(self) -> None:
        step = self._step
        if self._callback is not None:
            done = step.call * self._calls_per_step + self._calls
            self._callback(StepInfo(done, step.n_calls * self._calls_per_step, step.sigma))
        self._calls += 1


def _fading_shares(frames: list[NDArray[np.intp]], n_frames: int, overlap: int) -> list[FloatArray]:
    """Weight of every frame of every window; those of a frame add up to 1."""
    total = np.zeros(n_frames, np.float32)
    weights = []
    for at in frames:
        place = np.arange(len(at), dtype=np.float32)
        edge = np.minimum(place + 1, len(at) - place)
        weights.append(np.minimum(edge / max(1, overlap), 1.0).astype(np.float32))
        np.add.at(total, at, weights[-1])
    return [weight / total[at] for weight, at in zip(weights, frames, strict=True)]


def _counted(callback: Callback | None, window: int, n_windows: int) -> Callback | None:
    if callback is None:
        return None

    def counted(info: StepInfo) -> None:
        done = window * info.n_calls + info.call
        callback(StepInfo(done, n_windows * info.n_calls, info.sigma))

    return counted

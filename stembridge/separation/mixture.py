"""A mixture as a model hears it, beside the file it is in."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.audio.buffer import FloatArray
from stembridge.audio.loudness import amplitude, integrated_loudness
from stembridge.context.mono import Downmix
from stembridge.context.probe import PIECE_VALUES, ContextFile, open_context
from stembridge.context.source import MonoFile
from stembridge.remarks import Remark
from stembridge.runtime.manifest import Manifest
from stembridge.separation.parts import InMemory, Readable
from stembridge.stages import Stage

MAX_GAIN_DB = 40.0
SHORT_S = 3.0
NAMED = "the mix"  # in remarks that are about a file

Report = Callable[[Stage, float], None]
"""Told the stage and the share of it that is done before each piece of work; may raise to stop."""


@dataclass(frozen=True)
class Mixture:
    """An open mixture.

    Attributes:
        file: the recording, open.
        heard: `[n_samples]` at the model's rate and level; zeros where it is silent.
        gain: the linear factor that brought it to that level.
        downmix: how its channels became one.
        remarks: what is to be known of it.
        silent: whether nothing sounds.
    """

    file: Readable
    heard: FloatArray
    gain: float
    downmix: Downmix
    remarks: tuple[Remark, ...]
    silent: bool


@contextlib.contextmanager
def open_mixture(
    path: str,
    manifest: Manifest,
    roots: AllowedRoots,
    report: Report = lambda stage, share: None,
) -> Iterator[Mixture]:
    """Open a mixture and listen to it once.

    Args:
        path: of the file.
        manifest: of the model that will hear it.
        roots: the folders it may come from.
        report: told how far it is; may raise to stop.

    Raises:
        NoSuchFileError, PathDeniedError, BadAudioError: the file.
    """
    with open_context(path, roots) as file:
        mono = MonoFile(file, manifest.sample_rate, _counted(file, report))
        heard = mono.read(0, file.n_samples)
        downmix = mono.downmix or Downmix(np.full(file.n_channels, 1 / file.n_channels, np.float32))
        gain = _gain(heard, manifest)
        remarks = tuple(_remarks(file, downmix, gain is None, manifest))
        yield Mixture(
            file, heard * np.float32(gain or 1.0), gain or 1.0, downmix, remarks, gain is None
        )


def _counted(file: ContextFile, report: Report) -> Callable[[], None]:
    """To be called before each piece of a file that is read twice: for its downmix, then in it."""
    values = file.n_channels * file.n_samples
    pieces, read = 2 * math.ceil(values / PIECE_VALUES), count()
    return lambda: report("read", min(1.0, next(read) / pieces))


def mixture_of(samples: FloatArray, manifest: Manifest) -> Mixture:
    """A mixture that is in memory, `[n]` at the model's rate."""
    gain = _gain(samples, manifest)
    heard, alone = samples * np.float32(gain or 1.0), Downmix(np.ones(1, np.float32))
    file = InMemory(samples, manifest.sample_rate)
    return Mixture(file, heard, gain or 1.0, alone, (), gain is None)


def _gain(heard: FloatArray, manifest: Manifest) -> float | None:
    """What brings a mixture to the model's level; None where it is silent."""
    loudness = integrated_loudness(heard, manifest.sample_rate)
    if loudness is None:
        return None
    return amplitude(float(np.clip(manifest.mixture_lufs - loudness, -MAX_GAIN_DB, MAX_GAIN_DB)))


def _remarks(
    file: ContextFile, downmix: Downmix, silent: bool, manifest: Manifest
) -> Iterator[Remark]:
    if file.fault is not None:
        told = {} if file.fault.promised_s is None else {"promised": file.fault.promised_s}
        yield Remark(file.fault.code, {"stem": NAMED, "seconds": file.duration_s, **told})
    if silent:
        yield Remark("mix_silent")
        return
    if file.duration_s < SHORT_S:
        yield Remark("mix_short", {"seconds": round(file.duration_s, 2)})
    if file.n_channels == 1:
        yield Remark("mix_mono")
    if downmix.cancels:
        yield Remark("out_of_phase", {"stem": NAMED})
    if file.sample_rate < manifest.sample_rate * 0.9:
        yield Remark("mix_low_rate", {"khz": round(file.sample_rate / 2e3, 1)})

"""A file as it sounds in the session: mono, at the model's rate, at the request's tempo, looped.

Files are decoded, mixed and resampled a few megabytes at a time, and no further than the request
reaches: what is held at once is one channel at the model's rate, for the length of the request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.audio.buffer import AudioBuffer, FloatArray
from stembridge.audio.conform import conform
from stembridge.audio.resample import fit_length, resampled
from stembridge.context.clipping import Clipping
from stembridge.context.mono import Downmix, find_downmix
from stembridge.context.probe import ContextFile, open_context
from stembridge.errors import BadArgsError
from stembridge.musical_time import resampled_length, seconds_to_samples
from stembridge.request import ContextClip

Check = Callable[[], None]
MARGIN_S = 0.05  # read more on both sides, so that filters see what lies beyond a clip's edge
MIN_LOOP_S = 0.005
LOOP_SLACK_S = 0.05  # a loop may end so much behind its file: silence, as after an MP3's padding
_STEP = 2**18


def read_whole(path: Path, rate: int) -> FloatArray:
    """A whole file `[n]`, its channels as one, at `rate` Hz, from any folder."""
    with open_context(str(path.resolve()), AllowedRoots.anywhere()) as file:
        return MonoFile(file, rate).read(0, file.n_samples)


class MonoFile:
    """An open file, heard in one channel at another rate.

    Attributes:
        downmix: how its channels become one; None until something has been heard.
        check: called before each piece of work; may raise to stop.
        clipping: told what is heard, if somebody wants to know.
    """

    def __init__(
        self,
        file: ContextFile,
        rate: int,
        check: Check = lambda: None,
        downmix: Downmix | None = None,
        clipping: Clipping | None = None,
    ) -> None:
        """Prepare.

        Args:
            file: open.
            rate: to bring it to, in Hz.
            check: called before each piece; may raise to stop.
            downmix: what another part of the same file was mixed with.
            clipping: of other parts of it, if this one is to be looked at, too.
        """
        self._file, self._rate, self.check, self.downmix = file, rate, check, downmix
        self.clipping = clipping

    def read(self, first: int, n_samples: int) -> FloatArray:
        """Samples `first` to `first + n_samples` of the file, `[n]` at the new rate."""
        file = self._file
        n_samples = max(0, min(n_samples, file.n_samples - first))
        length = resampled_length(n_samples, file.sample_rate, self._rate)
        out = np.zeros(length, np.float32)
        at = 0
        for piece in resampled(self._mono(first, n_samples), file.sample_rate, self._rate):
            piece = piece[: length - at]
            out[at : at + piece.size] = piece
            at += piece.size
        return out

    def _mono(self, first: int, n_samples: int) -> Iterator[FloatArray]:
        downmix = self.downmix or find_downmix(
            self._checked(first, n_samples), self._file.n_channels
        )
        if downmix.heard:
            self.downmix = downmix
        for piece in self._checked(first, n_samples):
            if self.clipping is not None:
                self.clipping.add(piece)
            yield downmix(piece)

    def _checked(self, first: int, n_samples: int) -> Iterator[AudioBuffer]:
        for piece in self._file.pieces(first, n_samples):
            self.check()
            yield piece


class Source:
    """A clip's file as it sounds at the request's tempo and the model's rate."""

    def __init__(self, sound: MonoFile, file: ContextFile, clip: ContextClip, bpm: float,
                 rate: int) -> None:  # fmt: skip
        self._sound, self._file, self._clip, self._bpm, self._rate = sound, file, clip, bpm, rate
        self._source_bpm = clip.source_bpm or bpm
        self._per_second = rate * self._source_bpm / bpm  # samples per second of the file

    def cut(self, skip: int, n_samples: int) -> FloatArray:
        """`n_samples` from `skip` samples after the clip's start; shorter where the file ends."""
        start_s = self._clip.file_start_s + skip / self._per_second
        end_s = start_s + (n_samples + 1) / self._per_second
        loop = self._loop()
        if loop is None or end_s <= loop[1]:
            end_s = min(end_s, self._file.duration_s)
            return self._read(start_s, end_s)[:n_samples]
        loop_start_s, loop_end_s = loop
        first_s = min(self._clip.file_start_s, loop_start_s)
        sound = self._read(first_s, loop_end_s)
        # Exact (fractional) positions: repeats stay on the beat however often they come round.
        lead = (self._clip.file_start_s - first_s) * self._per_second
        begin = (loop_start_s - first_s) * self._per_second
        period = (loop_end_s - loop_start_s) * self._per_second
        out = np.empty(n_samples, np.float32)
        for done in range(0, n_samples, _STEP):
            stop = min(done + _STEP, n_samples)
            at = np.arange(skip + done, skip + stop) + lead
            at = np.where(at < begin + period, at, begin + np.mod(at - begin, period))
            # Towards zero, so that a position just before the loop's end reads nothing beyond it.
            out[done:stop] = sound[np.minimum((at + 1e-6).astype(np.int64), sound.size - 1)]
        return out

    def _loop(self) -> tuple[float, float] | None:
        """Start and end of the repeated part in s; None if the clip plays straight through."""
        if not self._clip.loop:
            return None
        last_s = self._file.duration_s
        end_s = self._clip.loop_end_s or last_s
        end_s = end_s if end_s <= last_s + LOOP_SLACK_S else last_s
        start_s = self._clip.loop_start_s or 0.0
        if end_s - start_s < MIN_LOOP_S:
            raise BadArgsError(
                f"The loop of '{self._clip.path}' is empty: it starts at {start_s:.3f} s, and the "
                f"file or the loop ends at {end_s:.3f} s."
            )
        # As in Live: a clip that starts behind its loop never enters it.
        return (start_s, end_s) if self._clip.file_start_s < end_s else None

    def _read(self, start_s: float, end_s: float) -> FloatArray:
        """The file from `start_s` to `end_s`, stretched and resampled."""
        file_rate = self._file.sample_rate
        first = max(0, seconds_to_samples(start_s - MARGIN_S, file_rate))
        stop = seconds_to_samples(end_s + MARGIN_S, file_rate)
        sound = self._sound.read(first, stop - first)
        sound = conform(sound, self._rate, self._source_bpm, self._bpm, self._sound.check)
        lead = seconds_to_samples((start_s - first / file_rate) * self._speed, self._rate)
        length = seconds_to_samples((end_s - start_s) * self._speed, self._rate)
        return fit_length(sound[lead:], length)

    @property
    def _speed(self) -> float:
        """Seconds of the session per second of the file."""
        return self._source_bpm / self._bpm

"""Where an instrument's samples come from: files that may be read, so much and no more.

An instrument is a stranger's file: what it names may be a pipe, a link to elsewhere, a few
kilobytes that unpack to gigabytes, or numbers that are none.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.audio.buffer import FloatArray
from stembridge.errors import BadAudioError

_MOST_GB = 1
MOST_VALUES = _MOST_GB << 28
"""Samples of all channels and recordings of one instrument, four bytes each."""

_MOST_CHANNELS, _LOUDEST = 8, 16.0


@dataclass
class Shelf:
    """Opens the files of one instrument and counts what is taken from them.

    Attributes:
        roots: where files may be read.
        left: how many values may still be taken.
    """

    roots: AllowedRoots = field(default_factory=AllowedRoots.anywhere)
    left: int = field(default_factory=lambda: MOST_VALUES)

    def recording(self, source: Path | bytes, name: str) -> tuple[FloatArray, int]:
        """Samples `[n_channels, n]` of a sound file, or of its bytes, and their rate in Hz.

        Raises:
            PathDeniedError, NoSuchFileError: as `AllowedRoots.open`.
            BadAudioError: it is no sound, or more than an instrument may hold.
        """
        import soundfile

        opened = io.BytesIO(source) if isinstance(source, bytes) else self.open(source)
        try:
            with opened, soundfile.SoundFile(opened) as file:
                if file.channels > _MOST_CHANNELS:
                    raise BadAudioError(f"The sample '{name}' has {file.channels} channels.")
                self.take(file.frames * file.channels, name)
                samples = file.read(dtype="float32", always_2d=True)
                return tamed(samples.T), int(file.samplerate)
        except (OSError, RuntimeError) as error:
            raise BadAudioError(f"The sample '{name}' cannot be read.") from error

    def take(self, n_values: int, name: str) -> None:
        """Count what is read.

        Raises:
            BadAudioError: it is too much.
        """
        if n_values > self.left:
            raise BadAudioError(
                f"With the sample '{name}' the instrument would fill more than {_MOST_GB} GB; use "
                "a smaller one."
            )
        self.left -= n_values

    def open(self, path: Path) -> io.BufferedReader:
        """A regular file, opened for reading.

        Raises:
            PathDeniedError, NoSuchFileError: as `AllowedRoots.open`.
        """
        return os.fdopen(self.roots.open(str(path)), "rb")


def tamed(samples: FloatArray) -> FloatArray:
    """Samples in order of memory, finite and within reason."""
    tidy = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    return np.ascontiguousarray(np.clip(tidy, -_LOUDEST, _LOUDEST))

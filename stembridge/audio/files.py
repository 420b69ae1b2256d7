"""Audio files: reading context with distrust, writing stems whole or not at all.

The only user of soundfile. A header is believed only within limits (8 to 192 kHz, 8 channels,
15 minutes), checked before any sample is read: half a megabyte of FLAC can decode to 600. A stem
file appears under its name only when all its bytes are on the disk.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

import numpy as np
import soundfile

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.audio.buffer import AudioBuffer, FloatArray
from stembridge.errors import BadAudioError, DiskFullError
from stembridge.safe_files import write_file

MIN_RATE, MAX_RATE = 8000, 192_000  # Hz
MAX_CHANNELS = 8
MAX_DURATION_S = 15 * 60
MAX_FILE_BYTES = MAX_RATE * MAX_CHANNELS * MAX_DURATION_S * 8 + 2**20
MAX_LEVEL = 1000.0  # +60 dBFS: louder is not music but a broken file, and its square overflows
READ_SAMPLES = 2**20
SampleFormat = Literal["pcm24", "float"]
_SUBTYPES: dict[SampleFormat, str] = {"pcm24": "PCM_24", "float": "FLOAT"}


@dataclass(frozen=True)
class WrittenFile:
    """A file that is complete on the disk.

    Attributes:
        path: where it lies.
        sha256: hash of its bytes, hexadecimal.
        n_bytes: its size.
    """

    path: Path
    sha256: str
    n_bytes: int


class ContextFile:
    """An open audio file whose header has been found plausible.

    Attributes:
        sample_rate: Hz.
        n_channels: 1..8.
        n_samples: per channel.
    """

    def __init__(self, path: str, sound: Any) -> None:
        self._path, self._sound = path, sound
        self.sample_rate = int(sound.samplerate)
        self.n_channels = int(sound.channels)
        self.n_samples = int(sound.frames)
        _check_header(path, self.sample_rate, self.n_channels, self.n_samples)

    @property
    def duration_s(self) -> float:
        """Length in s."""
        return self.n_samples / self.sample_rate

    def read_mono(self, first: int, n_samples: int) -> FloatArray:
        """Like `read`, mixed to one channel `[n]` piece by piece to bound the memory used."""
        stop = first + n_samples
        return np.concatenate(
            [
                self.read(at, min(READ_SAMPLES, stop - at)).mono()
                for at in range(first, max(stop, first + 1), READ_SAMPLES)
            ]
        )

    def read(self, first: int, n_samples: int) -> AudioBuffer:
        """Samples `first` to `first + n_samples`; shorter where the file ends.

        Raises:
            BadAudioError: the file is broken there, or holds what is no sound.
        """
        try:
            self._sound.seek(min(first, self.n_samples))
            count = max(0, min(n_samples, self.n_samples - first))
            read = self._sound.read(count, dtype="float32", always_2d=True)
        except (soundfile.SoundFileError, OSError, RuntimeError) as error:
            _unreadable(self._path, error)
        # NaN spreads through max() and fails the comparison, as infinities do.
        if read.size and not max(float(read.max()), -float(read.min())) <= MAX_LEVEL:
            raise BadAudioError(f"'{self._path}' holds samples that are no sound (NaN or huge).")
        return AudioBuffer(read.T, self.sample_rate)


@contextlib.contextmanager
def open_context(path: str, roots: AllowedRoots) -> Iterator[ContextFile]:
    """Open an audio file of any format libsndfile reads.

    Raises:
        NoSuchFileError, PathDeniedError: as `AllowedRoots.open`.
        BadAudioError: empty, too large, no audio, or outside the limits above.
    """
    descriptor = roots.open(path)
    try:
        _check_size(path, os.fstat(descriptor).st_size)
        try:
            sound = soundfile.SoundFile(descriptor, closefd=False)
        except (soundfile.SoundFileError, OSError, RuntimeError, TypeError) as error:
            _unreadable(path, error)
        with sound:
            yield ContextFile(path, sound)
    finally:
        os.close(descriptor)


def _check_size(path: str, n_bytes: int) -> None:
    if n_bytes == 0:
        raise BadAudioError(f"'{path}' is empty.")
    if n_bytes > MAX_FILE_BYTES:
        raise BadAudioError(f"'{path}' is too large ({n_bytes / 2**30:.1f} GiB).")


def _check_header(path: str, rate: int, n_channels: int, n_samples: int) -> None:
    if n_samples <= 0:
        raise BadAudioError(f"'{path}' holds no audio.")
    if not MIN_RATE <= rate <= MAX_RATE:
        raise BadAudioError(
            f"'{path}' has a sample rate of {rate} Hz; {MIN_RATE} to {MAX_RATE} Hz can be read."
        )
    if not 1 <= n_channels <= MAX_CHANNELS:
        raise BadAudioError(
            f"'{path}' has {n_channels} channels; up to {MAX_CHANNELS} can be read."
        )
    if n_samples > MAX_DURATION_S * rate:
        raise BadAudioError(
            f"'{path}' lasts {n_samples / rate / 60:.0f} minutes; up to {MAX_DURATION_S // 60} "
            "can be read. Export the part you need."
        )


def _unreadable(path: str, error: Exception) -> NoReturn:
    reason = getattr(error, "error_string", None) or str(error)
    raise BadAudioError(f"'{path}' cannot be read as audio: {reason.rstrip('.')}.") from error


def encode_wav(samples: FloatArray, rate: int, sample_format: SampleFormat) -> bytes:
    """A mono WAV file as bytes; the same samples always give the same bytes.

    Args:
        samples: float32 [n], clipped to +-1 in 24-bit files.
        rate: Hz.
        sample_format: 24-bit integers or 32-bit floats.
    """
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype=_SUBTYPES[sample_format])
    data = file.getvalue()
    # libsndfile notes the time of writing in a float file's PEAK chunk (id, size, version, time).
    at = data.find(b"PEAK", 0, 256)
    return data if at < 0 else data[: at + 12] + bytes(4) + data[at + 16 :]


def write_stem(
    path: Path, samples: FloatArray, rate: int, sample_format: SampleFormat
) -> WrittenFile:
    """Write mono `[n]` as WAV, exactly n samples, atomically.

    Raises:
        DiskFullError, CreateFailedError: as `write_atomically`.
    """
    return write_atomically(path, encode_wav(samples, rate, sample_format))


def write_atomically(path: Path, data: bytes, *, follow: bool = False) -> WrittenFile:
    """Write a file so that its name only ever shows complete content (see `safe_files`).

    Raises:
        DiskFullError: no room; nothing is left behind.
        CreateFailedError: the folder cannot be written to.
        PathDeniedError: the folder is a link, and `follow` does not allow it.
    """
    write_file(path, data, follow=follow)
    return WrittenFile(path, hashlib.sha256(data).hexdigest(), len(data))


def ensure_room(folder: Path, n_bytes: int) -> None:
    """Refuse work whose result would not fit, before doing it.

    Raises:
        DiskFullError: fewer than `n_bytes` are free where `folder` lies or will lie.
    """
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    if free < n_bytes:
        raise DiskFullError(
            f"'{folder}' has {free / 2**20:.0f} MiB free and {n_bytes / 2**20:.0f} MiB are needed."
        )

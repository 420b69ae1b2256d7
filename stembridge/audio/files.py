"""Writing stems whole or not at all: a file has its name only when all its bytes are on the disk.

Reading audio files is the matter of `stembridge.context`.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import soundfile

from stembridge.audio.buffer import FloatArray
from stembridge.audio.wav_chunks import LoopFacts, with_chunks
from stembridge.safe_files import write_file

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


def encode_wav(samples: FloatArray, rate: int, sample_format: SampleFormat) -> bytes:
    """A WAV file as bytes; the same samples always give the same bytes.

    Args:
        samples: float32 [n] or [n_channels, n], clipped to +-1 in 24-bit files.
        rate: Hz.
        sample_format: 24-bit integers or 32-bit floats.
    """
    file = io.BytesIO()
    soundfile.write(file, samples.T, rate, format="WAV", subtype=_SUBTYPES[sample_format])
    data = file.getvalue()
    # libsndfile notes the time of writing in a float file's PEAK chunk (id, size, version, time).
    at = data.find(b"PEAK", 0, 256)
    return data if at < 0 else data[: at + 12] + bytes(4) + data[at + 16 :]


def write_stem(
    path: Path,
    samples: FloatArray,
    rate: int,
    sample_format: SampleFormat,
    facts: LoopFacts | None = None,
) -> WrittenFile:
    """Write `[n]` or `[n_channels, n]` as WAV, exactly n samples, atomically.

    Raises:
        DiskFullError, CreateFailedError: as `write_atomically`.
    """
    data = encode_wav(samples, rate, sample_format)
    if facts is not None:
        data = with_chunks(data, facts, samples.shape[-1], rate)
    return write_atomically(path, data)


def write_atomically(path: Path, data: bytes, *, follow: bool = False) -> WrittenFile:
    """Write a file so that its name only ever shows complete content (see `safe_files`).

    Raises:
        DiskFullError: no room; nothing is left behind.
        CreateFailedError: the folder cannot be written to.
        PathDeniedError: the folder is a link, and `follow` does not allow it.
    """
    write_file(path, data, follow=follow)
    return WrittenFile(path, hashlib.sha256(data).hexdigest(), len(data))

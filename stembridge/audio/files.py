"""Writing stems whole or not at all: a file has its name only when all its bytes are on the disk.

Reading audio files is the matter of `stembridge.context`.
"""

from __future__ import annotations

import hashlib
import io
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile

from stembridge.audio.buffer import FloatArray
from stembridge.audio.wav_chunks import LoopFacts, with_chunks
from stembridge.errors import BadArgsError
from stembridge.request.room import BYTES_PER_SAMPLE
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


def wav_header(n_samples: int, n_channels: int, rate: int, sample_format: SampleFormat) -> bytes:
    """What stands before the samples of a WAV file whose length is known ahead.

    Raises:
        BadArgsError: it would be larger than a WAV file can be.
    """
    n_bytes = n_samples * n_channels * BYTES_PER_SAMPLE[sample_format]
    if n_bytes > 2**32 - 2**12:
        raise BadArgsError(
            f"Each stem would be {n_bytes / 2**30:.1f} GiB large, and a WAV file holds 4. Cut the "
            "recording, or use fewer channels or a lower rate."
        )
    width = BYTES_PER_SAMPLE[sample_format]
    kind, per_frame = (1 if sample_format == "pcm24" else 3), n_channels * width
    form = struct.pack("<HHIIHH", kind, n_channels, rate, rate * per_frame, per_frame, 8 * width)
    fact = b"" if kind == 1 else struct.pack("<4sII", b"fact", 4, n_samples)
    chunks = struct.pack("<4sI", b"fmt ", len(form)) + form + fact
    chunks += struct.pack("<4sI", b"data", n_bytes)
    return struct.pack("<4sI4s", b"RIFF", 4 + len(chunks) + n_bytes + n_bytes % 2, b"WAVE") + chunks


def wav_samples(samples: FloatArray, sample_format: SampleFormat) -> bytes:
    """Samples `[n_channels, n]` as a WAV file holds them, clipped to +-1 in 24 bits."""
    frames = np.ascontiguousarray(samples.T)
    if sample_format == "float":
        return frames.astype("<f4").tobytes()
    whole = np.clip(np.rint(frames.astype(np.float64) * 2**23), -(2**23), 2**23 - 1)
    return whole.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()

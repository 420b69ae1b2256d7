"""What the chunks of a WAV file really hold, where its header does not say.

A recorder that crashed leaves a data size of 0, a pipe 0xFFFFFFFF, an old editor a chunk of odd
length without its padding byte. libsndfile then hears nothing, or opens nothing.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass

from stembridge.context.spliced import Part

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_STREAMED = 0xFFFFFF00  # from here on, a size is no size: nobody knew it yet
_MAX_CHUNKS = 256


@dataclass(frozen=True)
class Wav:
    """A WAV file's sound.

    Attributes:
        header: of the format chunk, its content.
        start: where the samples begin, in bytes.
        n_bytes: of samples that are there, whole frames.
        promised: bytes of samples, as the header says; None if it says nothing.
        is_odd: whether a chunk lacks its padding.
    """

    header: bytes
    start: int
    n_bytes: int
    promised: int | None
    is_odd: bool

    @property
    def frame_bytes(self) -> int:
        """Of one sample in all channels."""
        channels, bits = struct.unpack_from("<H", self.header, 2)[0], self.header[14]
        return int(channels * -(-bits // 8))

    @property
    def needs_mending(self) -> bool:
        """Whether libsndfile would hear something else."""
        return self.is_odd or self.promised is None or self.promised == 0

    def seconds(self, n_bytes: int) -> float:
        """How long so many bytes sound."""
        rate: int = struct.unpack_from("<I", self.header, 4)[0]
        return n_bytes / max(1, self.frame_bytes * rate)

    def parts(self) -> list[Part]:
        """The file with a header that tells the truth."""
        chunk = b"fmt " + struct.pack("<I", len(self.header)) + self.header
        size = struct.pack("<I", min(self.n_bytes, 0xFFFFFFFF))
        body = b"WAVE" + chunk + (b"\0" if len(chunk) % 2 else b"") + b"data" + size
        riff = b"RIFF" + struct.pack("<I", min(len(body) + self.n_bytes, 0xFFFFFFFF))
        return [riff + body, (self.start, self.start + self.n_bytes)]


def look(descriptor: int, n_bytes: int) -> Wav | None:
    """The sound of a WAV file of `n_bytes`; None if its chunks are not understood."""
    at, header, told64, odd = 12, b"", None, False
    for _ in range(_MAX_CHUNKS):
        name, size = _chunk(descriptor, at)
        if name == b"data":
            return _sound(descriptor, at + 8, n_bytes, header, told64 if told64 else size, odd)
        if not _is_name(name) or at + 8 + size > n_bytes:
            return None
        if name == b"fmt ":
            header = _read(descriptor, at + 8, min(size, 64))
        elif name == b"ds64":
            told64 = struct.unpack("<Q", _read(descriptor, at + 16, 8).ljust(8, b"\0"))[0]
        at += 8 + size
        if size % 2:
            padded = _is_name(_chunk(descriptor, at + 1)[0])
            odd |= not padded
            at += padded
    return None


def _sound(
    descriptor: int, start: int, end: int, header: bytes, size: int, odd: bool
) -> Wav | None:
    plain = len(header) >= 16 and struct.unpack_from("<H", header)[0] in (_PCM, _FLOAT, _EXTENSIBLE)
    if not plain:
        return None
    there = end - start
    promised: int | None = size
    if size >= _STREAMED:
        promised = None
    elif size == 0 and _are_chunks(descriptor, start, end):
        there = 0  # empty in earnest
    elif size:
        there = min(there, size)
    wav = Wav(header, start, there, promised, odd)
    whole = max(1, wav.frame_bytes)
    return Wav(header, start, there // whole * whole, promised, odd)


def _are_chunks(descriptor: int, at: int, end: int) -> bool:
    """Whether chunks, and nothing else, fill the file up to its end."""
    for _ in range(_MAX_CHUNKS):
        if at >= end:
            return True
        name, size = _chunk(descriptor, at)
        if not _is_name(name):
            return False
        at += 8 + size + size % 2
    return False


def _chunk(descriptor: int, at: int) -> tuple[bytes, int]:
    head = _read(descriptor, at, 8)
    return (head[:4], struct.unpack("<I", head[4:])[0]) if len(head) == 8 else (b"", 0)


def _read(descriptor: int, at: int, n_bytes: int) -> bytes:
    os.lseek(descriptor, at, os.SEEK_SET)
    return os.read(descriptor, n_bytes)


def _is_name(name: bytes) -> bool:
    return len(name) == 4 and all(32 <= byte < 127 for byte in name)

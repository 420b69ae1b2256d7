"""How long an MP3 really is: its frames counted, and a header that tells the truth put before them.

libsndfile believes the length in the first frame (Xing, Info), and guesses from the first bit rate
where there is none: files cut, joined or written to a pipe come out too short or too long. It also
knows nothing of a file that begins with anything but a frame or a well-formed ID3 tag.

Frames: ISO/IEC 11172-3, 2.4.1; the Xing frame: a frame of silence whose data are a header.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_KBPS = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),  # MPEG 1
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),  # MPEG 2 and 2.5
)
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_MPEG1, _LAYER3, _MONO = 3, 1, 3
_IN_A_ROW = 3  # frames that must follow each other for a first sync to be believed
_INFO_BYTES = 4 + 4 + 4 + 4  # "Info", flags, frames, bytes
_LAME_BYTES = 36
MAX_BYTES = 64 * 2**20  # 15 minutes at 320 kbit/s are 36 MB


@dataclass(frozen=True)
class Frame:
    """One frame's header: version (3 is MPEG 1), sample rate, channel mode, length in bytes."""

    version: int
    rate: int
    mode: int
    n_bytes: int

    @property
    def n_samples(self) -> int:
        """Per channel."""
        return 1152 if self.version == _MPEG1 else 576

    @property
    def side_bytes(self) -> int:
        """Length of the side information; the Xing header lies behind it."""
        return (
            (17, 32)[self.mode != _MONO] if self.version == _MPEG1 else (9, 17)[self.mode != _MONO]
        )

    def goes_on_from(self, other: Frame) -> bool:
        """Whether both may belong to one stream."""
        return (self.version, self.rate, self.mode == _MONO) == (
            other.version, other.rate, other.mode == _MONO,
        )  # fmt: skip


@dataclass(frozen=True)
class Mp3Stream:
    """The frames of a file.

    Attributes:
        spans: (start, end) of runs of frames, in bytes.
        n_frames: in all, without a leading Xing frame.
        first: the first frame.
        promised_frames: what the file's own Xing frame says; None without one.
        lame: its LAME extension (encoder delay), if any.
    """

    spans: tuple[tuple[int, int], ...]
    n_frames: int
    first: Frame
    promised_frames: int | None
    lame: bytes

    @property
    def is_true(self) -> bool:
        """Whether the file tells its own length rightly."""
        return self.promised_frames == self.n_frames

    @property
    def duration_s(self) -> float:
        """Length in s."""
        return self.n_frames * self.first.n_samples / self.first.rate


def frame_at(data: bytes, at: int) -> Frame | None:
    """The frame header at a byte; None if there is none of Layer III."""
    if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:
        return None
    version, layer = data[at + 1] >> 3 & 3, data[at + 1] >> 1 & 3
    bits, rate = data[at + 2] >> 4, data[at + 2] >> 2 & 3
    if version == 1 or layer != _LAYER3 or bits in (0, 15) or rate == 3:
        return None
    hertz = _RATES[version][rate]
    kbps = _KBPS[version != _MPEG1][bits]
    n_bytes = (144_000 if version == _MPEG1 else 72_000) * kbps // hertz + (data[at + 2] >> 1 & 1)
    return Frame(version, hertz, data[at + 3] >> 6, n_bytes)


def find_frames(data: bytes) -> Mp3Stream | None:
    """All frames of a file, whatever stands before, between and behind them; None: no MP3."""
    start = _sync(data, _behind_tags(data), None)
    if start is None:
        start = _sync(data, 0, None)  # the tag's length lies
    if start is None:
        return None
    first = frame_at(data, start)
    assert first is not None  # noqa: S101 - _sync has seen it
    promised, lame = _info(data, start, first)
    spans: list[tuple[int, int]] = []
    n_frames = 0
    for at, frame in _walk(data, start, first):
        if _info(data, at, frame)[0] is not None:
            continue  # no sound; files that were joined have one in the middle, too
        n_frames += 1
        begins = spans.pop()[0] if spans and spans[-1][1] == at else at
        spans.append((begins, at + frame.n_bytes))
    return Mp3Stream(tuple(spans), n_frames, first, promised, lame) if n_frames else None


def _walk(data: bytes, start: int, first: Frame) -> Iterator[tuple[int, Frame]]:
    """Every frame that belongs to the first one's stream, and where it begins."""
    at: int | None = start
    while at is not None:
        frame = frame_at(data, at)
        if frame and frame.goes_on_from(first) and at + frame.n_bytes <= len(data):
            yield at, frame
            at += frame.n_bytes
        else:
            at = _sync(data, at + 1, first)


def _behind_tags(data: bytes) -> int:
    """Where the ID3v2 tags end."""
    at = 0
    while data[at : at + 3] == b"ID3" and at + 10 <= len(data):
        size = 0
        for byte in data[at + 6 : at + 10]:
            size = size << 7 | byte & 0x7F
        at += 10 + size + (10 if data[at + 5] & 0x10 else 0)
    return at


def _sync(data: bytes, at: int, like: Frame | None) -> int | None:
    """Where, from `at` on, frames follow each other (or the last ones end with the file)."""
    while (at := data.find(b"\xff", at)) >= 0:
        first = frame_at(data, at)
        if first is not None and (like is None or first.goes_on_from(like)):
            place, seen = at, 0
            while seen < _IN_A_ROW and (frame := frame_at(data, place)) is not None:
                if not frame.goes_on_from(first):
                    break
                place, seen = place + frame.n_bytes, seen + 1
            if seen == _IN_A_ROW or (seen and place == len(data)):
                return at
        at += 1
    return None


def _info(data: bytes, at: int, frame: Frame) -> tuple[int | None, bytes]:
    """(frames that a Xing frame tells, its LAME extension); (None, b"") if it is none.

    One that tells no number is one all the same: (0, …).
    """
    place = at + 4 + frame.side_bytes
    if data[at + 36 : at + 40] == b"VBRI":
        return struct.unpack(">I", data[at + 50 : at + 54])[0], b""
    if data[place : place + 4] not in (b"Xing", b"Info"):
        return None, b""
    (flags,) = struct.unpack(">I", data[place + 4 : place + 8])
    place += 8
    promised = struct.unpack(">I", data[place : place + 4])[0] if flags & 1 else 0
    place += 4 * bool(flags & 1) + 4 * bool(flags & 2) + 100 * bool(flags & 4) + 4 * bool(flags & 8)
    lame = data[place : min(place + _LAME_BYTES, at + frame.n_bytes)]
    return promised, lame if lame[:4] in (b"LAME", b"Lavf", b"Lavc") else b""


def with_true_header(data: bytes, stream: Mp3Stream) -> bytes:
    """The frames alone, behind a Xing frame that tells how many they are."""
    frames = b"".join(data[start:end] for start, end in stream.spans)
    first = frame_at(frames, 0)
    assert first is not None  # noqa: S101 - spans begin with a frame
    needed = 4 + first.side_bytes + _INFO_BYTES + _LAME_BYTES
    per_kbps = 144_000 if first.version == _MPEG1 else 72_000
    bits, kbps = next(
        (i, kbps)
        for i, kbps in enumerate(_KBPS[first.version != _MPEG1])
        if per_kbps * kbps // first.rate >= needed
    )
    n_bytes = per_kbps * kbps // first.rate
    # The first frame's own words: without CRC and padding, at a bit rate with enough room.
    head = bytes([0xFF, frames[1] | 1, bits << 4 | frames[2] & 0x0C, frames[3]])
    body = b"Info" + struct.pack(">III", 3, stream.n_frames, len(frames) + n_bytes)
    if len(stream.lame) == _LAME_BYTES:
        # The delay at the start holds; where the length was wrong, the padding at the end is, too.
        first_byte, second, third = stream.lame[21:24]
        padding = (second, third) if stream.is_true else (second & 0xF0, 0)
        body += stream.lame[:21] + bytes([first_byte, *padding]) + stream.lame[24:]
    return (head + bytes(first.side_bytes) + body).ljust(n_bytes, b"\0") + frames

"""How many samples a FLAC file really holds: its last frame knows.

The header's number is 0 where the encoder wrote to a pipe, and wrong where somebody cut the file;
libsndfile believes it. Format: RFC 9639.
"""

from __future__ import annotations

TAIL_BYTES = 2**19  # bytes in which the last whole frame of 8 channels is found
_ENDS = 4  # places tried as the end of a frame
_BLOCKS = {1: 192, 6: 0, 7: 0, **{i: 576 << i - 2 for i in range(2, 6)},
           **{i: 256 << i - 8 for i in range(8, 16)}}  # fmt: skip


def promised_samples(info: bytes) -> int:
    """The number in a file's first 26 bytes."""
    return (info[21] & 0x0F) << 32 | int.from_bytes(info[22:26], "big")


def with_samples(info: bytes, n_samples: int) -> bytes:
    """The first 26 bytes with another number."""
    high = info[21] & 0xF0 | n_samples >> 32 & 0x0F
    return info[:21] + bytes([high]) + (n_samples & 0xFFFFFFFF).to_bytes(4, "big")


def last_sample(tail: bytes, block: int) -> int | None:
    """Where the last whole frame in a file's end stops, in samples; None if none is found.

    Args:
        tail: the file's last bytes.
        block: the header's (smallest) block size, for files of equal blocks.
    """
    at, ends = len(tail), [len(tail)]
    while (at := tail.rfind(b"\xff", 0, at)) >= 0:
        found = _frame(tail, at, block)
        if found is None:
            continue
        if any(_crc16(tail[at:end]) == 0 for end in ends):
            return found[0] + found[1]
        # Not a frame, or the file was cut within it: then the one before ends here.
        ends = [at, *ends[:_ENDS]]
    return None


def _frame(data: bytes, at: int, block: int) -> tuple[int, int] | None:
    """(first sample, number of samples) of the frame whose header is at a byte."""
    if at + 8 > len(data) or data[at + 1] & 0xFE != 0xF8:
        return None
    code = data[at + 2] >> 4
    length = 1 + _utf8_more(data[at + 4])
    number = _utf8(data[at + 4 : at + 4 + length])
    place = at + 4 + length
    samples = _BLOCKS.get(code)
    if number is None or samples is None:
        return None
    if code in (6, 7):
        samples = int.from_bytes(data[place : place + code - 5], "big") + 1
        place += code - 5
    place += {12: 1, 13: 2, 14: 2}.get(data[at + 2] & 0x0F, 0)
    if _crc8(data[at : place + 1]) != 0:
        return None
    return number if data[at + 1] & 1 else number * block, samples


def _utf8_more(first: int) -> int:
    return 0 if first < 0x80 else max(0, 7 - (first ^ 0xFF).bit_length())


def _utf8(coded: bytes) -> int | None:
    if len(coded) == 1:
        return coded[0] if coded[0] < 0x80 else None
    value = coded[0] & (0x7F >> len(coded))
    for byte in coded[1:]:
        if byte & 0xC0 != 0x80:
            return None
        value = value << 6 | byte & 0x3F
    return value


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc << 1 ^ (0x107 if crc & 0x80 else 0)
    return crc & 0xFF


def _crc16(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x8005 if crc & 0x8000 else 0)) & 0xFFFF
    return crc

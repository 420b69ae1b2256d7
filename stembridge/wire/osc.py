"""The strict gate: datagram -> messages, and nothing else gets in.

Sans-I/O. python-osc encodes (`encode`) and is the oracle of the tests, but it must not read the
socket: one 20-byte bundle whose element says it is -4 bytes long hangs python-osc 1.10.2's servers
for ever, and a time tag one hour ahead puts them to sleep for that hour.

What passes (OSC 1.0, narrowed): an address without pattern characters, a type tag string of
`i f s T F N h d`, NUL-padded UTF-8 strings, and bundles of messages (not of bundles) whose time tag
is "immediately", past, or a moment ahead (they are carried out at once: all messages of a bundle
are read, or none). Everything is bounded before it is read, so the work per datagram is too.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pythonosc.osc_message_builder import OscMessageBuilder

from stembridge.errors import BadArgsError, BadTimeError
from stembridge.wire.schema import MAX_ARGS, MAX_DATAGRAM_BYTES, MAX_STRING_BYTES

Value = str | int | float | bool | None

_BUNDLE = b"#bundle\0"
_IMMEDIATELY = (0, 1)  # OSC says 1; some libraries send 0
_AHEAD_S = 2.0
"""How far ahead a bundle may be dated: SuperCollider and others add their latency to every tag."""

_NTP_EPOCH_S = 2_208_988_800  # seconds from 1900 (NTP, and so OSC) to 1970
SHORTER = "Put the file into a folder with a shorter path, or shorten the text."
_PATTERN = frozenset("?*[]{}, #")
_WIDTH = {"i": 4, "f": 4, "h": 8, "d": 8, "T": 0, "F": 0, "N": 0}


@dataclass(frozen=True)
class Message:
    """One OSC message: its address and its values, in order."""

    address: str
    values: tuple[Value, ...]


class MalformedError(BadArgsError):
    """The datagram is not OSC as the module docstring narrows it."""


def parse(datagram: bytes, now_s: float | None = None) -> tuple[Message, ...]:
    """Read one datagram.

    Args:
        datagram: as it came from the socket.
        now_s: the time to hold time tags against, in seconds since 1970 (default: now).

    Raises:
        MalformedError: for every byte string that is not an acceptable message or bundle.
        BadTimeError: a bundle is dated in the future.
    """
    if len(datagram) > MAX_DATAGRAM_BYTES:
        raise MalformedError(f"The datagram is longer than {MAX_DATAGRAM_BYTES} bytes.")
    if len(datagram) % 4 or not datagram:
        raise MalformedError("The datagram's length is not a positive multiple of four.")
    if datagram.startswith(_BUNDLE):
        return _bundle(datagram, time.time() if now_s is None else now_s)
    return (_message(datagram, 0, len(datagram)),)


def encode(address: str, tags: str, values: Sequence[Value]) -> bytes:
    """One message as bytes; `tags` are OSC type tags, one per value."""
    builder = OscMessageBuilder(address)
    for tag, value in zip(tags, values, strict=True):
        builder.add_arg(value, tag)
    dgram: bytes = builder.build().dgram
    return dgram


def _bundle(data: bytes, now_s: float) -> tuple[Message, ...]:
    if len(data) < 16:
        raise MalformedError("The bundle ends before its time tag.")
    (tag,) = struct.unpack_from(">Q", data, 8)
    ahead_s = 0.0 if tag in _IMMEDIATELY else _ahead_s(tag, now_s)
    if ahead_s > _AHEAD_S:
        raise BadTimeError(
            f"The bundle is dated {ahead_s:.3g} s in the future; {_AHEAD_S:g} s are let pass. Send "
            "it when it is due, or with the time tag that means immediately."
        )
    messages: list[Message] = []
    at = 16
    while at < len(data):
        (size,) = struct.unpack_from(">i", data, at)
        end = at + 4 + size
        # A size <= 0 would stand still or walk backwards for ever.
        if size <= 0 or size % 4 or end > len(data):
            raise MalformedError("A bundle element has an impossible size.")
        messages.append(_message(data, at + 4, end))
        at = end
    return tuple(messages)


def _ahead_s(tag: int, now_s: float) -> float:
    """How far a time tag lies ahead; tags wrap in 2036, so more than half a turn is the past."""
    now = int((now_s + _NTP_EPOCH_S) * 2**32)
    ahead = (tag - now) % 2**64
    return ahead / 2**32 if ahead < 2**63 else 0.0


def _message(data: bytes, at: int, end: int) -> Message:
    address, at = _string(data, at, end)
    if not address.startswith("/") or not _PATTERN.isdisjoint(address):
        raise MalformedError("The address must start with / and hold no pattern characters.")
    if at >= end:
        raise MalformedError("The message has no type tags.")
    tags, at = _string(data, at, end)
    if not tags.startswith(",") or len(tags) > MAX_ARGS + 1:
        raise MalformedError(f"Type tags must start with a comma and be at most {MAX_ARGS}.")
    values: list[Value] = []
    for tag in tags[1:]:
        value, at = _value(tag, data, at, end)
        values.append(value)
    if at != end:
        raise MalformedError("There are bytes behind the last argument.")
    return Message(address, tuple(values))


def _value(tag: str, data: bytes, at: int, end: int) -> tuple[Value, int]:
    if tag == "s":
        return _string(data, at, end)
    width = _WIDTH.get(tag)
    if width is None:
        raise MalformedError(f"Type tag {tag!r} is not one of i f s T F N h d.")
    if at + width > end:
        raise MalformedError("The message ends inside an argument.")
    return _number(tag, data, at), at + width


def _number(tag: str, data: bytes, at: int) -> Value:
    if tag == "f":
        return _shortest(data[at : at + 4])
    if tag in "ihd":
        number: Any = struct.unpack_from(">" + {"i": "i", "h": "q", "d": "d"}[tag], data, at)[0]
        return number  # type: ignore[no-any-return]
    return {"T": True, "F": False}.get(tag)


def _shortest(raw: bytes) -> float:
    """The shortest decimal a 32-bit float stands for.

    87.3 sent as a float arrives as 87.30000305…; over 16 bars that is enough to move a file's end
    by a sample. The sender wrote 87.3, and that is the shortest decimal which gives these bytes.
    """
    (number,) = struct.unpack(">f", raw)
    for digits in (6, 7, 8):
        candidate = float(f"{number:.{digits}g}")
        try:
            if struct.pack(">f", candidate) == raw:
                return candidate
        except OverflowError:  # rounding up left the range of a 32-bit float
            continue
    return float(number)


def _string(data: bytes, at: int, end: int) -> tuple[str, int]:
    """A NUL-terminated UTF-8 string, NUL-padded to a multiple of four bytes."""
    stop = data.find(b"\0", at, min(end, at + MAX_STRING_BYTES + 1))
    if stop < 0:
        length = data.find(b"\0", at, end) - at
        if length > 0:
            raise MalformedError(
                f"A text is {length} bytes long; {MAX_STRING_BYTES} fit. {SHORTER}"
            )
        raise MalformedError(f"A string is not ended within {MAX_STRING_BYTES} bytes.")
    following = stop + 4 - (stop - at) % 4
    if following > end or data[stop:following].strip(b"\0"):
        raise MalformedError("A string is not padded with NULs to a multiple of four bytes.")
    try:
        return data[at:stop].decode("utf-8"), following
    except UnicodeDecodeError:
        raise MalformedError("A string is not UTF-8.") from None

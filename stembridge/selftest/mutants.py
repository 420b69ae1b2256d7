"""Datagrams that were valid once."""

from __future__ import annotations

import random
import struct

from stembridge.wire import osc, protocol

NEXT_HOUR = 2**32 - 1 << 32


def bundle(*elements: bytes, time_tag: int = 1) -> bytes:
    """An OSC bundle; 1 means immediately."""
    body = b"".join(struct.pack(">i", len(element)) + element for element in elements)
    return b"#bundle\0" + struct.pack(">Q", time_tag) + body


PING = protocol.pack("/stembridge/ping", "fuzz", 1)
VALID = (
    PING,
    protocol.pack("/stembridge/generate", "r", "fuzz", "generate", "kazoo", "bpm", "87.3"),
    protocol.pack("/stembridge/clip", "r", "fuzz", 0, "stem", "drums", "path", "/naïve/…"),
    bundle(PING, PING),
    osc.encode("/stembridge/list", "", ()),
)
CRAFTED = (
    bundle() + struct.pack(">i", -4),
    bundle() + struct.pack(">i", 0),
    bundle() + struct.pack(">i", 2**30),
    bundle(bundle(PING)),
    bundle(PING, time_tag=NEXT_HOUR),
    b"/*a*a*a*a*a*a*a*a*a*aZ\0\0,\0\0\0",
    b"/a\0\0,b\0\0\x7f\xff\xff\xff",
    b"/a\0\0," + b"[" * 400 + b"\0" * 4,
    b"/a\0\0,s\0\0\xff\xfe\0\0",
    b"/a\0\0,s\0\0" + b"a" * 1028 + bytes(4),
)
"""What other OSC servers hung or fell over, and neighbours of it."""


def mutant(rng: random.Random) -> bytes:
    """One datagram, changed in one of the ways that break parsers."""
    data = bytearray(rng.choice(VALID + CRAFTED))
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(5)
        if kind == 0 and data:
            data[at % len(data)] = rng.randrange(256)
        elif kind == 1:
            data[at:at] = rng.randbytes(rng.randint(1, 8))
        elif kind == 2:
            del data[at : at + rng.randint(1, 8)]
        elif kind == 3:
            data[at : at + 4] = struct.pack(">i", rng.choice((-4, -1, 0, 1, 2**31 - 1, -(2**31))))
        else:
            data += data[:at]
    return bytes(data[:60_000])

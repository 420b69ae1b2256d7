"""The words the address table is written in, the wire's limits, and the keys of a request.

Types are OSC type tags: `s` text (UTF-8), `i` integer, `f` number. The daemon takes any numeric tag
(`i h f d`) where a number is due, and decimal text where precision matters: a 32-bit float cannot
hold 87.3 bpm exactly, so send tempo and beats as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from stembridge.request.fields import Field, Kind
from stembridge.request.model import CLIP_FIELDS, REQUEST_FIELDS
from stembridge.request.rework import REWORK_FIELDS
from stembridge.request.separation import SEPARATION_FIELDS

API_MAJOR, API_MINOR = 1, 0
DEFAULT_PORT = 9420
PREFIX = "/stembridge/"

MAX_DATAGRAM_BYTES = 8192
MAX_STRING_BYTES = 1024
MAX_ARGS = 64
MAX_SENT_CLIPS = 64
LEASE_S = 10
"""A client that says nothing for this long is taken for gone (it keeps its jobs)."""

Tag = Literal["s", "i", "f"]
Direction = Literal["in", "out", "relay"]


@dataclass(frozen=True)
class Arg:
    """One positional argument: its name, OSC type tag and sentence."""

    name: str
    tag: Tag
    doc: str
    optional: bool = False


@dataclass(frozen=True)
class WireKey:
    """One key of a (key, value)* tail; a name ending in `.<stem>` stands for one key per stem."""

    name: str
    kind: Kind
    doc: str


@dataclass(frozen=True)
class AddressRow:
    """One address: who sends it, what it carries, what answers it.

    A relay row that `must_arrive` is refused while no client has its capability.
    """

    address: str
    direction: Direction
    args: tuple[Arg, ...]
    doc: str
    keys: tuple[WireKey, ...] | None = None
    answers: tuple[str, ...] = ()
    capability: str = ""
    must_arrive: bool = False


def incoming(
    address: str,
    args: tuple[Arg, ...],
    doc: str,
    *,
    answers: tuple[str, ...] = (),
    keys: tuple[WireKey, ...] | None = None,
) -> AddressRow:
    """What goes to the daemon."""
    return AddressRow(address, "in", args, doc, keys, answers)


def outgoing(address: str, args: tuple[Arg, ...], doc: str, *, capability: str = "") -> AddressRow:
    """What comes from the daemon."""
    return AddressRow(address, "out", args, doc, capability=capability)


def to_bridge(address: str, capability: str, args: tuple[Arg, ...], doc: str) -> AddressRow:
    """What is asked of whoever has a capability: somebody must."""
    return AddressRow(address, "relay", args, doc, capability=capability, must_arrive=True)


def from_bridge(
    address: str, args: tuple[Arg, ...], doc: str, *, capability: str = "bridge"
) -> AddressRow:
    """What a bridge reports to whoever listens."""
    return AddressRow(address, "relay", args, doc, capability=capability)


TOKEN_KEY = WireKey(
    "token",
    "text",
    "what the daemon was given as --token; asked of every message that comes from another machine",
)
"""May end any message to the daemon, as two strings behind all its values: the key, the token."""

_REPLY_KEY = WireKey("reply_port", "integer", "UDP port for all answers (clients without hello)")


def _keys(fields: Mapping[str, Field]) -> tuple[WireKey, ...]:
    named = [(field.key, field) for field in fields.values()]
    return tuple(WireKey(key, field.kind, field.wish.words) for key, field in named if key)


GENERATE_KEYS: tuple[WireKey, ...] = (
    *_keys(REQUEST_FIELDS),
    WireKey("clips", "integer", "how many /stembridge/clip datagrams came before this"),
    _REPLY_KEY,
)

REWORK_KEYS: tuple[WireKey, ...] = (*_keys(REWORK_FIELDS), _REPLY_KEY)
SEPARATE_KEYS: tuple[WireKey, ...] = (*_keys(SEPARATION_FIELDS), _REPLY_KEY)
CLIP_KEYS: tuple[WireKey, ...] = (*_keys(CLIP_FIELDS), _REPLY_KEY)

"""The `.amxd` container: chunks of `tag(4) + size(u32 little endian) + data` up to the end of file.

A development device holds the patcher's JSON itself; a release ("frozen") device holds an `mx@c`
block: a 16-byte head, every file's bytes one after the other, and a directory (`dlst`, big endian)
with one `dire` record per file. The format was found by reading devices; re-assembling 64 real ones
gave identical bytes.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

AUDIO_EFFECT = b"aaaa"
META_PLAIN, META_FROZEN = 1, 7
_MAC_EPOCH_OFFSET_S = 2_082_844_800
"""Seconds from 1904-01-01 (the directory's epoch) to 1970-01-01."""
FIXED_DATE_S = 1_767_225_600 + _MAC_EPOCH_OFFSET_S
"""2026-01-01: a build must not depend on the clock, or it could not be repeated."""
_FLAG_DEVICE = 17
_HEAD_BYTES = 16


@dataclass(frozen=True)
class File:
    """One file inside a frozen device."""

    name: str
    kind: bytes
    data: bytes


def patcher_bytes(patcher: dict[str, Any]) -> bytes:
    """The patcher as Max writes it: tab-indented JSON, newline, NUL."""
    return json.dumps({"patcher": patcher}, indent="\t", ensure_ascii=False).encode() + b"\n\0"


def plain_device(patcher: dict[str, Any]) -> bytes:
    """An unfrozen device: its script lies beside it and can be edited while Live runs."""
    return _chunks(META_PLAIN, patcher_bytes(patcher))


def frozen_device(name: str, patcher: dict[str, Any], files: list[File]) -> bytes:
    """A release device that carries its files.

    Args:
        name: the device's own file name, such as "StemBridge.amxd".
        patcher: the patcher.
        files: everything it needs, in the order to store them.
    """
    members = [File(name, b"JSON", patcher_bytes(patcher)), *files]
    body, records, offset = b"", b"", _HEAD_BYTES
    for index, member in enumerate(members):
        body += member.data
        records += _dire(member, offset, _FLAG_DEVICE if index == 0 else 0)
        offset += len(member.data)
    head = b"mx@c" + struct.pack(">IQ", _HEAD_BYTES, offset)
    directory = b"dlst" + struct.pack(">I", len(records) + 8) + records
    return _chunks(META_FROZEN, head + body + directory)


def _chunks(meta: int, patch: bytes) -> bytes:
    parts = ((b"ampf", AUDIO_EFFECT), (b"meta", struct.pack("<I", meta)), (b"ptch", patch))
    return b"".join(tag + struct.pack("<I", len(data)) + data for tag, data in parts)


def _dire(member: File, offset: int, flag: int) -> bytes:
    raw = member.name.encode() + b"\0"
    fields = (
        (b"type", member.kind),
        (b"fnam", raw + b"\0" * (-len(raw) % 4)),
        (b"sz32", struct.pack(">I", len(member.data))),
        (b"of32", struct.pack(">I", offset)),
        (b"vers", struct.pack(">I", 0)),
        (b"flag", struct.pack(">I", flag)),
        (b"mdat", struct.pack(">I", FIXED_DATE_S)),
    )
    inner = b"".join(tag + struct.pack(">I", len(data) + 8) + data for tag, data in fields)
    return b"dire" + struct.pack(">I", len(inner) + 8) + inner


@dataclass(frozen=True)
class Device:
    """A device read back.

    Attributes:
        kind: four letters, b"aaaa" for an audio effect.
        meta: 7 if frozen.
        patcher: its patcher.
        files: name -> bytes of what it carries besides (empty if not frozen).
        flags: name -> flag of every directory record, the device itself included.
    """

    kind: bytes
    meta: int
    patcher: dict[str, Any]
    files: dict[str, bytes]
    flags: dict[str, int]


def read_device(data: bytes) -> Device:
    """Read a device.

    Raises:
        ValueError: the chunks do not end exactly at the end of the file, or one is missing.
    """
    chunks: dict[bytes, bytes] = {}
    at = 0
    while at + 8 <= len(data):
        tag, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        chunks[tag] = data[at + 8 : at + 8 + size]
        at += 8 + size
    if at != len(data) or set(chunks) != {b"ampf", b"meta", b"ptch"}:
        raise ValueError(f"not an .amxd: chunks {sorted(chunks)} end at {at} of {len(data)} bytes")
    members, flags = _members(chunks[b"ptch"])
    names = list(members)
    return Device(
        kind=chunks[b"ampf"],
        meta=struct.unpack("<I", chunks[b"meta"])[0],
        patcher=json.loads(members[names[0]].rstrip(b"\0\n"))["patcher"],
        files={name: members[name] for name in names[1:]},
        flags=flags,
    )


def _members(patch: bytes) -> tuple[dict[str, bytes], dict[str, int]]:
    if not patch.startswith(b"mx@c"):
        return {"": patch}, {"": 0}
    directory = struct.unpack_from(">Q", patch, 8)[0]
    if patch[directory : directory + 4] != b"dlst":
        raise ValueError("not a frozen device: no directory where its head says")
    members: dict[str, bytes] = {}
    flags: dict[str, int] = {}
    at = directory + 8
    while at < len(patch):
        size = struct.unpack_from(">I", patch, at + 4)[0]
        fields = _fields(patch[at + 8 : at + size])
        name = fields[b"fnam"].rstrip(b"\0").decode()
        start, length = (struct.unpack(">I", fields[tag])[0] for tag in (b"of32", b"sz32"))
        members[name] = patch[start : start + length]
        flags[name] = struct.unpack(">I", fields[b"flag"])[0]
        at += size
    return members, flags


def _fields(record: bytes) -> dict[bytes, bytes]:
    fields: dict[bytes, bytes] = {}
    at = 0
    while at < len(record):
        size = struct.unpack_from(">I", record, at + 4)[0]
        fields[record[at : at + 4]] = record[at + 8 : at + size]
        at += size
    return fields

"""What a WAV file tells beside its samples: tempo, beats, key and loop, and who made it.

acid  Sony's chunk of "acidized" loops: flags, root, beats, metre, tempo (undocumented officially;
      as written by Acid and read by most DAWs)
smpl  the sampler chunk of the RIFF standard: one forward loop over the whole file
LIST  of type INFO: name, software and comment
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_ROOT_KNOWN, _STRETCHES = 0x02, 0x04
_MIDDLE_OCTAVE = 60


@dataclass(frozen=True)
class LoopFacts:
    """What is written.

    Attributes:
        bpm: quarter notes per minute.
        beats: length in quarter notes.
        numerator: of the metre.
        denominator: of the metre.
        tonic: pitch class of the key; None where nobody knows it.
        name: title.
        made_by: program.
        comment: whatever else is worth knowing.
    """

    bpm: float
    beats: float
    numerator: int
    denominator: int
    tonic: int | None = None
    name: str = ""
    made_by: str = ""
    comment: str = ""


def with_chunks(wav: bytes, facts: LoopFacts, n_samples: int, rate: int) -> bytes:
    """A WAV file's bytes with these chunks behind its samples."""
    body = wav + (b"\0" if len(wav) % 2 else b"")
    body += _chunk(b"acid", _acid(facts)) + _chunk(b"smpl", _smpl(facts, n_samples, rate))
    texts = {b"INAM": facts.name, b"ISFT": facts.made_by, b"ICMT": facts.comment}
    info = b"".join(_chunk(key, text.encode() + b"\0") for key, text in texts.items() if text)
    body += _chunk(b"LIST", b"INFO" + info)
    return body[:4] + struct.pack("<I", len(body) - 8) + body[8:]


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + (b"\0" if len(data) % 2 else b"")


def _acid(facts: LoopFacts) -> bytes:
    flags = _STRETCHES | (0 if facts.tonic is None else _ROOT_KNOWN)
    root = _MIDDLE_OCTAVE + (facts.tonic or 0)
    beats, metre = max(1, round(facts.beats)), (facts.denominator, facts.numerator)
    return struct.pack("<IHHfIHHf", flags, root, 0x8000, 0.0, beats, *metre, facts.bpm)


def _smpl(facts: LoopFacts, n_samples: int, rate: int) -> bytes:
    root = _MIDDLE_OCTAVE + (facts.tonic or 0)
    head = struct.pack("<9I", 0, 0, round(1e9 / rate), root, 0, 0, 0, 1, 0)
    return head + struct.pack("<6I", 0, 0, 0, max(0, n_samples - 1), 0, 0)

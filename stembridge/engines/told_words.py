"""Words as the numbers that a network is told, by a text encoder of the user's.

A network that was trained with an encoder is told in words by that one only: its manifest names it,
with a fingerprint of its weights.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.engines.meaning import VARIABLE, Meanings, told_meanings, unit
from stembridge.errors import BadArgsError
from stembridge.runtime.manifest import Manifest, WordsBy

_HEAD_BYTES = 1 << 20


def words_by(reader: Meanings) -> WordsBy:
    """What a manifest says of an encoder: its name, and its weights' sizes and first megabytes."""
    digest = hashlib.sha256()
    for path in sorted(reader.folder.rglob("*.safetensors")):
        with path.open("rb") as file:
            digest.update(str(path.stat().st_size).encode() + file.read(_HEAD_BYTES))
    return WordsBy(name=reader.name[:100], fingerprint=digest.hexdigest())


def reader_of(manifest: Manifest) -> Meanings:
    """The encoder that a model was trained with.

    Raises:
        BadArgsError: the environment names none, or another one.
    """
    wanted, reader = manifest.words_by, told_meanings()
    if wanted is None:
        raise BadArgsError(f"The model '{manifest.name}' was not trained to be told words.")
    if reader is None or words_by(reader).fingerprint != wanted.fingerprint:
        named = "no encoder" if reader is None else f"another one, {reader.name}"
        raise BadArgsError(
            f"The model '{manifest.name}' is told in words through {wanted.name}, and {VARIABLE} "
            f"names {named}. Set it to the folder of those weights."
        )
    return reader


def told(reader: Meanings, phrases: Sequence[str], size: int) -> FloatArray:
    """Phrases as `[phrases, size]`, each of mean square 1.

    An embedding of another size is turned by a fixed random matrix, which keeps angles (Johnson and
    Lindenstrauss 1984): a window of sound has one frame per sample, and could not hold 512 of them.
    """
    rows = reader.embedded(phrases)
    if rows.shape[1] != size:
        turn = np.random.default_rng(size).normal(size=(rows.shape[1], size))
        rows = rows @ turn.astype(np.float32)
    return unit(rows) * np.float32(np.sqrt(size))

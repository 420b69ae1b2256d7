"""Words, and sounds, as the numbers that a network is told, by an encoder of the user's.

A network that was trained with an encoder is told by that one only: its manifest names it, with a
fingerprint of its weights.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.audio.loudness import gain_to
from stembridge.engines.meaning import VARIABLE, Meanings, told_meanings, unit
from stembridge.errors import BadArgsError
from stembridge.runtime.manifest import Manifest, WordsBy

_LUFS = -20.0  # of every sound that is heard: files are louder than the mixtures of a training


def words_by(reader: Meanings, *, of_sound: bool = False) -> WordsBy:
    """What a manifest says of an encoder."""
    return WordsBy(name=reader.name[:100], fingerprint=reader.fingerprint, of_sound=of_sound)


def reader_of(manifest: Manifest) -> Meanings:
    """The encoder that a model was trained with.

    Raises:
        BadArgsError: the environment names none, or another one.
    """
    wanted, reader = manifest.words_by, told_meanings()
    if wanted is None:
        raise BadArgsError(f"The model '{manifest.name}' was not trained to be told words.")
    if reader is None or reader.fingerprint != wanted.fingerprint:
        named = "no encoder" if reader is None else f"another one, {reader.name}"
        raise BadArgsError(
            f"The model '{manifest.name}' is told what to be like through {wanted.name}, and "
            f"{VARIABLE} names {named}. Set it to the folder of those weights."
        )
    return reader


def told(reader: Meanings, phrases: Sequence[str], size: int) -> FloatArray:
    """Phrases as `[phrases, size]`, each of mean square 1.

    An embedding of another size is turned by a fixed random matrix, which keeps angles (Johnson and
    Lindenstrauss 1984): a window of sound has one frame per sample, and could not hold 512 of them.
    """
    return _of_size(reader.embedded(phrases), size)


def told_sound(reader: Meanings, sound: FloatArray, rate: int, size: int) -> FloatArray | None:
    """A sound `[n]` at `rate` Hz as `[size]`, where words have theirs; None for silence."""
    gain = gain_to(_LUFS, sound, rate)
    if gain is None:
        return None
    row: FloatArray = _of_size(reader.heard(sound * np.float32(gain), rate)[None], size)[0]
    return row


def between(words: FloatArray, sound: FloatArray) -> FloatArray:
    """Half-way between two rows `[size]`, of mean square 1 again."""
    row: FloatArray = _of_size((words + sound)[None], len(words))[0]
    return row


def _of_size(rows: FloatArray, size: int) -> FloatArray:
    if rows.shape[1] != size:
        turn = np.random.default_rng(size).normal(size=(rows.shape[1], size))
        rows = rows @ turn.astype(np.float32)
    return unit(rows) * np.float32(np.sqrt(size))

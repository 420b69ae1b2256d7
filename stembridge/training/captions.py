"""Captions of songs, from what is known of them: "slap bass, rock drums, funk".

GMSDI's were the names of the stems that sound, by comma; where the data knows style and
instruments, they are told as well in half of the windows, so that plain names are known, too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stembridge.dataset.annotated import AnnotatedSong
from stembridge.engines.meaning import Meanings
from stembridge.engines.told_words import told


def caption(song: AnnotatedSong, sounding: NDArray[np.bool_], *, whole: bool) -> str:
    """Of some of a song's stems [S]; `whole` with instruments and style."""
    stems = [stem for stem, there in zip(song.stems, sounding, strict=True) if there]
    if not whole:
        return ", ".join(stems)
    played = [f"{song.timbres.get(stem, '')} {stem}".strip().replace("_", " ") for stem in stems]
    return ", ".join([*played, *([song.style.replace("_", " ")] if song.style else [])])


def captions_told(song: AnnotatedSong, reader: Meanings, size: int) -> NDArray[np.float32]:
    """Both captions of every subset of the stems as `[2, 2^S, size]`; bit k is stem k."""
    n_stems = len(song.stems)
    subsets = np.arange(2**n_stems)[:, None] >> np.arange(n_stems) & 1 == 1
    words = [caption(song, one, whole=whole) for whole in (False, True) for one in subsets]
    rows = told(reader, list(dict.fromkeys(words)), size)
    of = dict(zip(dict.fromkeys(words), rows, strict=True))
    return np.stack([of[word] for word in words]).reshape(2, len(subsets), size)

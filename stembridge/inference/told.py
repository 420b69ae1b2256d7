"""What a model is told, the same in every frame: which stems sound, or words of them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from stembridge.conditions import EMBEDDING, LABELS
from stembridge.engines.told_words import reader_of, told
from stembridge.roles import STEMS
from stembridge.runtime.manifest import Manifest
from stembridge.runtime.model import FloatArray


def told_of(manifest: Manifest, stems: Iterable[str], words: str) -> FloatArray:
    """Conditions [K], by whichever of the two the model takes.

    Raises:
        BadArgsError: it takes words, and its text encoder is not there.
    """
    vector, at = np.zeros(manifest.condition_channels, np.float32), manifest.layout.slices()
    if LABELS in at:
        sounding = set(stems)
        vector[at[LABELS]] = [stem in sounding for stem in STEMS]
    elif EMBEDDING in at and words:
        size = dict(manifest.layout.blocks)[EMBEDDING]
        vector[at[EMBEDDING]] = told(reader_of(manifest), [words], size)[0]
    return vector

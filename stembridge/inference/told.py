"""What a model is told, the same in every frame: which stems sound, or words and a sound."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from stembridge.conditions import EMBEDDING, LABELS
from stembridge.engines.told_words import between, reader_of, told, told_sound
from stembridge.errors import BadArgsError
from stembridge.roles import STEMS
from stembridge.runtime.manifest import Manifest
from stembridge.runtime.model import FloatArray


def told_of(
    manifest: Manifest, stems: Iterable[str], words: str, heard: FloatArray | None = None
) -> FloatArray:
    """Conditions [K], by whichever of the two the model takes.

    With both words and a sound it is told what lies half-way between: neither is lost.

    Args:
        manifest: of the model.
        stems: that sound.
        words: of it all; "" says nothing.
        heard: a sound as `heard_sound` tells it; None: there is none.

    Raises:
        BadArgsError: it takes words, and its text encoder is not there; or `heard` is another
            model's.
    """
    vector, at = np.zeros(manifest.condition_channels, np.float32), manifest.layout.slices()
    if LABELS in at:
        sounding = set(stems)
        vector[at[LABELS]] = [stem in sounding for stem in STEMS]
    elif EMBEDDING in at and words:
        row = told(reader_of(manifest), [words], _size(manifest))[0]
        vector[at[EMBEDDING]] = row if heard is None else between(row, _fitting(heard, manifest))
    elif EMBEDDING in at and heard is not None:
        vector[at[EMBEDDING]] = _fitting(heard, manifest)
    return vector


def heard_sound(manifest: Manifest, sound: FloatArray, rate: int) -> FloatArray | None:
    """What a model that learned from sounds is told of one `[n]` at `rate` Hz, `[E]`.

    Returns:
        None for silence.

    Raises:
        BadArgsError: its encoder is not there.
    """
    return told_sound(reader_of(manifest), sound, rate, _size(manifest))


def _size(manifest: Manifest) -> int:
    return dict(manifest.layout.blocks)[EMBEDDING]


def _fitting(heard: FloatArray, manifest: Manifest) -> FloatArray:
    if heard.shape != (_size(manifest),):
        raise BadArgsError(
            "What is kept of the take's reference is not whole, or another model's. Make the take "
            "again with stembridge arrange --receipt."
        )
    return heard

"""Words that the lexicon lacks, read by meaning: a text encoder of the user's finds the nearest.

CLAP's text half or T5's encoder, from a folder on the disk. Phrases are compared by the cosine of
their embeddings after the mean of all known phrases is taken away: embeddings of such encoders
share a large direction that says nothing. Nothing is read of a word that is near to none.

CLAP hears as well: words and sounds have their embeddings in one space.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from stembridge.audio.buffer import FloatArray
from stembridge.audio.resample import resample
from stembridge.engines.folder import check_folder, kind_in
from stembridge.engines.offline import LOCAL, library, opened, quietly, tokenizer
from stembridge.errors import BadArgsError, NoSuchFileError

VARIABLE = "STEMBRIDGE_TEXT_MODEL"
LIKENESS = 0.5
"""Cosine from which on two phrases count as alike; not calibrated: nobody's weights are here."""

_OVERHANG = 0.1  # of a piece that may be left over, unheard: MT-MusicLDM has 10.24 s, CLAP 10

_PREPARED_BY = ("preprocessor_config.json", "processor_config.json")
_CLASSES = {"clap": "ClapModel", "t5": "T5EncoderModel"}


def told_meanings() -> Meanings | None:
    """The encoder that the environment names; None if it names none.

    Raises:
        MissingExtraError: transformers is not installed.
        NoSuchFileError, BadArgsError, ModelUntrustedError: the folder holds no such encoder.
    """
    folder = os.environ.get(VARIABLE)
    return _opened(Path(folder).expanduser()) if folder else None


@lru_cache(maxsize=1)
def _opened(folder: Path) -> Meanings:
    return Meanings(folder)


class Meanings:
    """An open text encoder.

    Attributes:
        folder: it was opened from.
        name: of the encoder, and of its folder.
        hears: whether it has ears, too (CLAP).
        taken: word -> (known phrase, cosine) of all that was read so far.
    """

    def __init__(self, folder: Path) -> None:
        """Open the encoder of a folder; see `told_meanings`."""
        if not (folder / "config.json").is_file():
            raise NoSuchFileError(
                f"There is no text encoder in '{folder}': config.json is missing. Name the folder "
                f"of a CLAP or T5 (--text-model in training, else {VARIABLE}), or none."
            )
        kind = kind_in(folder) or "thing of no known kind"
        if kind not in _CLASSES:
            raise BadArgsError(f"'{folder}' holds a {kind}, and no CLAP or T5. Name another one.")
        check_folder(folder)
        transformers = library("transformers", "text")
        network = getattr(transformers, _CLASSES[kind])
        self._network: Any = opened(folder, lambda: network.from_pretrained(folder, **LOCAL)).eval()
        self._tokenizer: Any = tokenizer(transformers, folder)
        self.folder, self.hears = folder, kind == "clap"
        self.name = f"{'CLAP' if kind == 'clap' else 'T5'} ({folder.resolve().name})"
        self.taken: dict[str, tuple[str, float]] = {}
        self._known: dict[tuple[str, ...], tuple[FloatArray, FloatArray]] = {}

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of its weights, every byte of them; read once."""
        return fingerprint_of(self.folder)

    def nearest(self, word: str, known: tuple[str, ...]) -> str | None:
        """Of known phrases the one that means most nearly the same; None if none does."""
        mean, phrases = self._phrases(known)
        [heard] = unit(self.embedded([word]) - mean)
        likeness = phrases @ heard
        best = int(np.argmax(likeness))
        if likeness[best] < LIKENESS:
            return None
        self.taken[word] = (known[best], round(float(likeness[best]), 2))
        return known[best]

    def _phrases(self, known: tuple[str, ...]) -> tuple[FloatArray, FloatArray]:
        if known not in self._known:
            found = self.embedded(known)
            mean = found.mean(axis=0)
            self._known[known] = (mean, unit(found - mean))
        return self._known[known]

    def embedded(self, phrases: Sequence[str]) -> FloatArray:
        """Embeddings `[phrases, E]`."""
        import torch

        rows = []
        for first in range(0, len(phrases), 64):
            some = list(phrases[first : first + 64])
            told = self._tokenizer(some, padding=True, truncation=True, return_tensors="pt")
            with quietly(), torch.inference_mode():
                rows.append(self._of(told.input_ids, told.attention_mask).float().numpy())
        return np.concatenate(rows)

    def heard(self, sound: FloatArray, rate: int) -> FloatArray:
        """Embedding of a sound `[n]` at `rate` Hz, `[E]`, by an encoder that hears.

        Longer sounds are heard in pieces of the encoder's length, and the mean is taken: its own
        extractor would choose a piece by chance.

        Raises:
            NoSuchFileError: the folder does not tell how sound is prepared.
            ModelUntrustedError: it does not tell it rightly.
        """
        ears = self._ears
        rows = opened(self.folder, lambda: self._heard(ears, sound, rate))
        return np.asarray(np.mean(rows, axis=0), np.float32)

    def _heard(self, ears: Any, sound: FloatArray, rate: int) -> list[FloatArray]:
        import torch

        rows = []
        sound, longest = resample(sound, rate, ears.sampling_rate), int(ears.nb_max_samples)
        count = max(1, math.ceil(sound.size / longest - _OVERHANG))
        for start in np.linspace(0, max(0, sound.size - longest), count).astype(int):
            piece = sound[start : start + longest]
            told = ears(piece, sampling_rate=ears.sampling_rate, return_tensors="pt")
            with torch.inference_mode():
                found = self._network.get_audio_features(**told)
            rows.append(getattr(found, "pooler_output", found)[0].float().numpy())
        return rows

    @cached_property
    def _ears(self) -> Any:
        if not any((self.folder / name).is_file() for name in _PREPARED_BY):
            raise NoSuchFileError(
                f"CLAP in '{self.folder}' reads words, but cannot hear: {_PREPARED_BY[0]} is "
                "missing. Download it into that folder."
            )
        extractor = library("transformers", "text").ClapFeatureExtractor
        return opened(
            self.folder, lambda: extractor.from_pretrained(self.folder, local_files_only=True)
        )

    def _of(self, ids: Any, mask: Any) -> Any:
        if hasattr(self._network, "get_text_features"):
            found = self._network.get_text_features(ids, mask)
            return getattr(found, "pooler_output", found)
        states = self._network(input_ids=ids, attention_mask=mask).last_hidden_state
        return (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)


def fingerprint_of(folder: Path) -> str:
    """SHA-256 of all weights in a folder, as one."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.safetensors")):
        digest.update(f"{path.stat().st_size} ".encode())
        with path.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()


def unit(rows: FloatArray) -> FloatArray:
    """Rows of length 1."""
    return np.asarray(rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-9), np.float32)

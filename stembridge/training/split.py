"""Which songs a fine-tune learns from, and which it keeps aside to be judged by."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stembridge.dataset.pieces import recording_of
from stembridge.errors import BadArgsError
from stembridge.training.latents import Encoded, write_encoded

TRAIN, VALIDATION = "train", "validation"
START_NAME = "start.json"


@dataclass(frozen=True)
class Split:
    """Names of songs, or of pieces of songs, in the order of the two sets.

    Attributes:
        train, kept_out: names.
        within_one: there was one recording only, so that pieces of it had to be kept aside.
    """

    train: tuple[str, ...]
    kept_out: tuple[str, ...]
    within_one: bool

    @property
    def n_train_songs(self) -> int:
        """Songs, not pieces, that are learned from."""
        return len({recording_of(name) for name in self.train})


def split_songs(names: Sequence[str], share: float, seed: int) -> Split:
    """Splits by recording, so that no piece of a song that is kept aside is trained on.

    Args:
        names: of songs or pieces ("NAME-part003"), at least two.
        share: of the recordings that is kept aside; at least one is, and one is not.
        seed: of the choice.
    """
    recordings = sorted({recording_of(name) for name in names})
    of: Callable[[str], str] = recording_of
    within_one = len(recordings) == 1  # one long recording: its pieces have to do
    if within_one:
        recordings, of = sorted(names), str
    count = min(len(recordings) - 1, max(1, round(share * len(recordings))))
    order = np.random.default_rng(seed).permutation(len(recordings))
    chosen = {recordings[i] for i in order[:count]}
    return Split(
        tuple(name for name in names if of(name) not in chosen),
        tuple(name for name in names if of(name) in chosen),
        within_one,
    )


def write_sets(
    work: Path, songs: Sequence[tuple[str, Encoded]], window: int, share: float, seed: int
) -> Split:
    """Writes the latent sets `train` and `validation` below `work`.

    Raises:
        BadArgsError: fewer than two songs or pieces are as long as a window (frames).
    """
    usable = {name: song for name, song in songs if song.latents.shape[2] >= window}
    if len(usable) < 2:
        raise BadArgsError(
            f"There must be at least two songs, or pieces, of {window} latent frames or more to "
            f"fine-tune on; there are {len(usable)} (of {len(songs)})."
        )
    split = split_songs(list(usable), share, seed)
    for part, names in ((TRAIN, split.train), (VALIDATION, split.kept_out)):
        write_encoded(work / part, [usable[name] for name in names])
    return split


def check_same_start(work: Path, artifact_sha256: str, split: Split) -> None:
    """A folder's checkpoints belong to one starting model and one choice of songs.

    With other songs in the folder others might be kept aside, which the checkpoint has learned.

    Raises:
        BadArgsError: it was begun otherwise.
    """
    path = work / START_NAME
    start = {"artifact_sha256": artifact_sha256, "kept_out": sorted(split.kept_out)}
    begun = json.loads(path.read_text()) if path.exists() else start
    if begun["artifact_sha256"] != artifact_sha256:
        raise BadArgsError(f"'{work}' holds a fine-tune of another model; choose another folder.")
    if begun != start:
        raise BadArgsError(
            f"'{work}' holds a fine-tune that kept other songs aside; choose another folder."
        )
    path.write_text(json.dumps(start))

"""Which songs `stembridge evaluate` measures on, and what is measured on them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from stembridge.errors import BadArgsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from stembridge.evaluation.heldout import Trial
    from stembridge.evaluation.songs import Songs
    from stembridge.pool.jobs import Crew
    from stembridge.runtime.manifest import Manifest
    from stembridge.runtime.model import StemModel


class Programs(StrEnum):
    """Which instruments play the held-out songs."""

    TRAINED = "trained"
    HELD_OUT = "held-out"


class SongSet(StrEnum):
    """Which held-out songs."""

    SYNTHETIC = "synthetic"
    REAL = "real"


@dataclass(frozen=True)
class SongSource:
    """Where held-out songs come from: the fields are the command's options."""

    song_set: SongSet
    kit: Path | None
    reference: Path | None
    data: Path | None
    soundfont: str
    programs: Programs

    def songs(self, count: int, manifest: Manifest) -> Songs:
        """At most `count` songs at the model's rate, long enough for its window."""
        from stembridge.dataset.kit import Kit
        from stembridge.dataset.kit_build import trained_on
        from stembridge.dataset.real import RealSongs
        from stembridge.evaluation.songs import ComposedSongs, SongFolder, reference_songs

        n_samples = manifest.window_frames * manifest.hop
        if self.reference is not None:
            return reference_songs(self.reference, count, manifest.sample_rate, n_samples)
        if self.data is not None:
            return SongFolder.of(self.data, count, n_samples)
        if self.song_set is SongSet.SYNTHETIC:
            foreign = self.programs is Programs.HELD_OUT
            return ComposedSongs(count, manifest.sample_rate, self.soundfont, foreign)
        if self.kit is None:
            raise BadArgsError(
                "The real set wants --kit FOLDER with the held-out instruments (stembridge train "
                "kit --held-out makes it), or --data FOLDER with its rendered songs."
            )
        if known := trained_on(Kit(self.kit)):
            raise BadArgsError(
                f"The kit '{self.kit}' has instruments that the model was trained on, such as "
                f"{known[0]}; make one with stembridge train kit --held-out."
            )
        return RealSongs(count, manifest.sample_rate, self.kit)

    def __str__(self) -> str:
        """Name in the report."""
        folder = self.reference or self.data or (self.kit if self.song_set == "real" else None)
        return self.soundfont if folder is None else f"{self.song_set.value} {folder.name}"


@dataclass(frozen=True)
class Measuring:
    """A model, its songs, and how stems are made of them.

    Attributes:
        opener: opens the model.
        manifest: its own.
        songs: held-out ones.
        trial: how stems are made.
        seed: of the takes.
        crew: who works.
    """

    opener: Callable[[], StemModel]
    manifest: Manifest
    songs: Songs
    trial: Trial
    seed: int
    crew: Crew

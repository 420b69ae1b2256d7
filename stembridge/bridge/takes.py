"""Finished takes, as their receipts describe them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stembridge.client import Done, Stem
from stembridge.errors import BadAudioError, StembridgeError, UnknownIdError
from stembridge.pipeline.receipt_reading import read_receipt, request_of
from stembridge.request import ContextClip, GenerationRequest


@dataclass(frozen=True)
class FinishedTake:
    """One variation of a finished job.

    Attributes:
        request_id: of the job.
        variation: 0, 1, …
        files: (stem, path) of what was made.
        request: what was asked for.
    """

    request_id: str
    variation: int
    files: tuple[tuple[str, str], ...]
    request: GenerationRequest

    def sounds(self, stem: str = "", *, context: bool = False) -> tuple[tuple[str, float], ...]:
        """(path, gain) of what to play together.

        Args:
            stem: only this one; "" for all that were made.
            context: also what it was made for, where that starts with the take and is unchanged.

        Raises:
            UnknownIdError: the take has no such stem.
        """
        made = tuple((path, 1.0) for name, path in self.files if stem in ("", name))
        if not made:
            raise UnknownIdError(f"The take has no {stem}.")
        given = self.request.context if context else ()
        return made + tuple((clip.path, clip.gain) for clip in given if _plain(clip))


def takes_of(request_id: str, stems: Sequence[Stem], done: Done) -> list[FinishedTake]:
    """The takes of a finished job, one per variation.

    Raises:
        BadAudioError: the receipt cannot be read.
    """
    try:
        receipt = read_receipt(Path(done.receipt))
        request = replace(request_of(receipt), request_id=request_id)
    except (OSError, StembridgeError) as error:
        raise BadAudioError(f"The receipt '{done.receipt}' cannot be read: {error}.") from error
    variations = sorted({stem.variation for stem in stems})
    return [
        FinishedTake(
            request_id,
            variation,
            tuple((stem.stem, stem.path) for stem in stems if stem.variation == variation),
            request,
        )
        for variation in variations
    ]


def _plain(clip: ContextClip) -> bool:
    """Whether the clip's file can be played from its start, as it is."""
    return not (clip.timeline_start_beats or clip.file_start_s or clip.loop or clip.source_bpm)

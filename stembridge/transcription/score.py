"""Note F measure: notes are right if pitch agrees and the onset lies within 50 ms.

Source: MIREX note tracking, onset-only, as in mir_eval.transcription (offsets are not judged).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from stembridge.audio.onsets import match_onsets
from stembridge.transcription.notes import TimedNote

TOLERANCE_S = 0.05


@dataclass(frozen=True)
class NoteScore:
    """Counts, so that scores of several pieces can be added."""

    right: int = 0
    estimated: int = 0
    reference: int = 0

    def __add__(self, other: NoteScore) -> NoteScore:
        return NoteScore(
            self.right + other.right,
            self.estimated + other.estimated,
            self.reference + other.reference,
        )

    @property
    def f1(self) -> float:
        """2 x right / (estimated + reference); 1 where there are no notes and none were found."""
        total = self.estimated + self.reference
        return 2 * self.right / total if total else 1.0


def note_score(
    estimated: Iterable[TimedNote], reference: Iterable[TimedNote], tolerance_s: float = TOLERANCE_S
) -> NoteScore:
    """Compare two lists of notes, pitch by pitch, one to one."""
    found, known = list(estimated), list(reference)
    right = 0
    for pitch in {note.pitch for note in known}:
        times = [
            np.sort([note.start_s for note in notes if note.pitch == pitch])
            for notes in (found, known)
        ]
        right += round(match_onsets(times[0], times[1], tolerance_s).recall * len(times[1]))
    return NoteScore(right, len(found), len(known))

"""Known notes as the targets of a note reader.

A roll is uint8 `[4, P, F]`: onset share, sounding share, offset and velocity as in
`stembridge.parts.reader`, each 0..255 (offsets from -1 to 1 frame).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stembridge.parts.part import DRUMS, Note
from stembridge.parts.part import SAME_DRUM as SAME_DRUM
from stembridge.parts.reader import OFFSET, ONSET, SOUNDING, VELOCITY
from stembridge.transcription.notes import TimedNote

ROWS = {"bass": (23, 45), "drums": (35, 25), "guitar": (36, 53), "piano": (28, 73)}
"""Stem -> lowest pitch, number of pitches."""

Roll = NDArray[np.uint8]
Values = NDArray[np.float32]
Rows = NDArray[np.int64]
Times = NDArray[np.float64]


def heard_drum(stem: str, pitch: int) -> int:
    """The pitch a note is read as."""
    return SAME_DRUM.get(pitch, pitch) if stem == DRUMS else pitch


def timed(notes: Iterable[Note], bpm: float, stem: str) -> list[TimedNote]:
    """Notes in seconds; drums as they are read."""
    beat_s = 60.0 / bpm
    return [
        TimedNote(
            note.start_beats * beat_s, note.length_beats * beat_s,
            heard_drum(stem, note.pitch), note.velocity,
        )
        for note in notes
    ]  # fmt: skip


def roll_of(notes: Sequence[TimedNote], stem: str, n_frames: int, frame_s: float) -> Roll:
    """Targets `[4, P, F]`; notes outside the stem's pitches or frames are left out."""
    lowest, pitches = ROWS[stem]
    values = np.zeros((4, pitches, n_frames), np.float32)
    values[OFFSET] = 0.5
    table = np.array([(n.start_s, n.length_s, n.pitch, n.velocity) for n in notes]).reshape(-1, 4)
    row = table[:, 2].astype(np.int64) - lowest
    start = table[:, 0] / frame_s
    kept = (row >= 0) & (row < pitches) & (start < n_frames) & (start >= 0)
    row, start, table = row[kept], start[kept], table[kept]
    _enter_onsets(values, row, start, table[:, 3] / 127)
    _enter_sounding(values[SOUNDING], row, start, start + table[:, 1] / frame_s)
    return np.round(255 * np.clip(values, 0, 1)).astype(np.uint8)


def _enter_onsets(values: Values, row: Rows, start: Times, velocity: Times) -> None:
    """Onset, offset and velocity in the frames whose centres are nearest to each start."""
    frame = np.floor(start).astype(np.int64) + np.array([[-1], [0], [1]])
    offset = start - (frame + 0.5)
    share = 1 - np.abs(offset)
    share[(frame == 0) & (start < 0.5)] = 1.0  # there is no frame before to hold the rest
    inside = (frame >= 0) & (frame < values.shape[2]) & (share > 0)
    at_row, at = np.broadcast_to(row, frame.shape)[inside], frame[inside]
    # Where two notes meet in a frame the one that holds more of it is entered last, and stays.
    order = np.argsort(share[inside], kind="stable")
    entered = {
        ONSET: share[inside],
        OFFSET: (offset[inside] + 1) / 2,
        VELOCITY: np.broadcast_to(velocity, frame.shape)[inside],
    }
    for quantity, value in entered.items():
        values[quantity, at_row[order], at[order]] = value[order]


def _enter_sounding(sounding: Values, row: Rows, start: Times, end: Times) -> None:
    """Share of each frame in which a note sounds."""
    first = np.floor(start).astype(np.int64)
    count = np.minimum(np.ceil(end).astype(np.int64), sounding.shape[1]) - first
    count = np.maximum(count, 0)
    note = np.repeat(np.arange(len(row)), count)
    frame = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + first[note]
    share = np.minimum(frame + 1, end[note]) - np.maximum(frame, start[note])
    np.add.at(sounding, (row[note], frame), share)


@dataclass(frozen=True)
class Rolls:
    """The songs of one stem.

    Attributes:
        latents: float16 `[N, C, F]`. rolls: uint8 `[N, 4, P, F]`.
        lengths: frames of every song `[N]`; the rest is padding.
        notes: of every song.
    """

    latents: NDArray[np.float16]
    rolls: Roll
    lengths: NDArray[np.int32]
    notes: list[list[TimedNote]]


def make_rolls(
    latents: NDArray[np.float16],
    lengths: NDArray[np.int32],
    notes: Sequence[list[TimedNote]],
    stem: str,
    frame_s: float,
) -> Rolls:
    """Targets for a stem's latents `[N, C, F]` and the notes of every song."""
    n_frames = latents.shape[2]
    rolls = np.stack([roll_of(own, stem, n_frames, frame_s) for own in notes])
    return Rolls(latents, rolls, lengths, list(notes))

"""From a note reader's answer to notes.

The network says, for every frame and pitch: how much of an onset the frame holds, how much of
the frame sounds, where the onset lies, how loud it is. An onset is shared by the two frames whose
centres are nearest (each holds one minus its distance in frames), so that what lies on a border
is not lost, and the sum over frames is the expected number of notes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stembridge.musical_time import seconds_to_beats
from stembridge.parts.part import DRUMS, Note, Part

ONSET, SOUNDING, OFFSET, VELOCITY = range(4)
SOUNDS = 0.5
"""Share of a frame that must sound for a note to go on."""

SHORTEST_S, HIT_S = 0.03, 0.1
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ReaderFacts:
    """What must be known to read a network's answer.

    Attributes:
        lowest: MIDI pitch of row 0.
        threshold: of the onset's share in a frame and its louder neighbour, from which it is a
            note; calibrated so that generated parts have as many notes as true ones.
        frame_s: length of a latent frame, s.
    """

    lowest: int
    threshold: float
    frame_s: float


def read_part(
    answer: NDArray[np.float32], stem: str, facts: ReaderFacts, bpm: float, length_beats: float
) -> Part:
    """The part in a network's answer.

    Args:
        answer: `[4, P, F]`: onset, sounding, offset from the frame's centre (frames), velocity.
        stem: whose.
        facts: of the network.
        bpm: tempo.
        length_beats: of the take; later notes are left out, longer ones cut.
    """
    mass = onset_mass(answer[ONSET])
    frames, pitches = np.nonzero((mass >= facts.threshold).T)
    starts = frames + 0.5 + np.clip(answer[OFFSET][pitches, frames], -1.0, 1.0)
    starts_s = np.maximum(0.0, starts * facts.frame_s)
    notes = []
    for row, frame, start_s in zip(pitches, frames, starts_s, strict=True):
        length = _length(answer, mass, int(row), int(frame), start_s / facts.frame_s)
        length_s = HIT_S if stem == DRUMS else max(SHORTEST_S, length * facts.frame_s)
        start = seconds_to_beats(float(start_s), bpm)
        if start < length_beats:
            beats = min(seconds_to_beats(float(length_s), bpm), length_beats - start)
            loud = int(np.clip(round(float(answer[VELOCITY, row, frame]) * 127), 1, 127))
            notes.append(Note(start, beats, int(row) + facts.lowest, loud))
    return Part(stem, tuple(notes), length_beats)


def onset_mass(onset: NDArray[np.float32]) -> NDArray[np.float32]:
    """Share of an onset `[P, F]` that a frame and the greater of its neighbours hold, at peaks.

    0 where a neighbour holds more.
    """
    padded = np.pad(onset, ((0, 0), (1, 1)))
    before, after = padded[:, :-2], padded[:, 2:]
    is_peak = (onset > before) & (onset >= after)
    mass: NDArray[np.float32] = np.where(is_peak, onset + np.maximum(before, after), 0.0)
    return mass


def _length(
    answer: NDArray[np.float32], mass: NDArray[np.float32], row: int, frame: int, start: float
) -> float:
    """Frames from `start` to where the note falls silent or is struck again."""
    sounding = np.append(answer[SOUNDING, row], 0.0)
    last = frame + 1
    while sounding[last] >= SOUNDS:
        last += 1
    struck = mass[row, frame + 2 : last]
    again = frame + 2 + np.nonzero(struck >= SOUNDS)[0]
    if len(again):
        return float(again[0] + 0.5 + answer[OFFSET, row, again[0]] - start)
    if last == frame + 1:
        return float(sounding[frame] + sounding[last])
    return float(last - 1 + min(1.0, sounding[last - 1]) + sounding[last] - start)

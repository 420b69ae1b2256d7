"""Drum parts as people played them: fills, feel and velocity.

They come from the Groove MIDI Dataset (Google LLC, Magenta, CC-BY 4.0; Gillick et al., ICML 2019,
https://magenta.tensorflow.org/datasets/groove), read by `groove_midi`: the first bars of every
performance, timing rounded to 1/120 of a beat. "train" is the dataset's train split without the
drummers that are held out; "held-out" is everything those drummers played, so that neither a
performance nor a hand is in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

from stembridge.dataset.song import Note

PACKED = "material/grooves.npz"
TICKS_PER_BEAT = 120
DRUM_LENGTH_BEATS = 0.25

# Styles of the dataset (the part before "/") that suit the composer's; those left out have none.
SUITABLE = {
    "pop": ("pop", "soul", "rock", "dance", "country", "gospel"),
    "rock": ("rock", "punk", "blues", "country"),
    "funk": ("funk", "soul", "neworleans", "afrobeat", "gospel"),
    "house": ("dance",),
    "hiphop": ("hiphop",),
    "ballad": ("pop", "soul", "rock", "country"),
    "latin": ("latin", "afrocuban", "highlife"),
    "reggae": ("reggae",),
    "jazz": ("jazz",),
    "waltz": (),
    "six_eight": (),
    "odd": (),
}
_EARLY = 1 / 16  # beats that a hit may come before the bar line it belongs to


@dataclass(frozen=True)
class Groove:
    """One performance.

    Attributes:
        split: "train" or "held-out".
        style: the dataset's, such as "funk" or "latin".
        bpm: quarter notes per minute.
        metre: such as "4/4".
        is_fill: a fill of a bar or two instead of a beat.
        beats: length; whole bars.
        notes: `[N, 3]` int: tick, pitch (General MIDI), velocity.
    """

    split: str
    style: str
    bpm: float
    metre: str
    is_fill: bool
    beats: float
    notes: np.ndarray

    def stretch(self, first_beat: float, beats: float, at_beat: float) -> list[Note]:
        """What is played from `first_beat` on for so many beats, moved to `at_beat`.

        A hit just before the first bar line belongs to it.
        """
        starts = self.notes[:, 0] / TICKS_PER_BEAT - first_beat
        inside = (starts >= -_EARLY) & (starts < beats - _EARLY)
        return [
            Note(max(0.0, at_beat + float(start)), DRUM_LENGTH_BEATS, int(pitch), int(velocity))
            for start, (_, pitch, velocity) in zip(starts[inside], self.notes[inside], strict=True)
        ]

    @property
    def swing(self) -> float:
        """Share of a beat that its first half takes, as the hits near its middle tell."""
        phase = self.notes[:, 0] % TICKS_PER_BEAT / TICKS_PER_BEAT
        middle = phase[(phase > 0.42) & (phase < 0.72)]
        return float(np.median(middle)) if len(middle) > len(phase) * 0.08 else 0.5


def pack(grooves: Sequence[Groove]) -> dict[str, np.ndarray]:
    """Arrays of a compressed `.npz`: facts of every performance, notes one after the other."""
    notes = np.concatenate([groove.notes for groove in grooves])
    first = np.cumsum([0] + [len(groove.notes) for groove in grooves])
    steps = np.diff(notes[:, 0], prepend=0)
    steps[first[:-1]] = notes[first[:-1], 0]
    heads = [
        f"{g.split} {g.style} {g.bpm:g} {g.metre} {int(g.is_fill)} {g.beats:g}" for g in grooves
    ]
    return {
        "heads": np.frombuffer("\n".join(heads).encode(), np.uint8),
        "counts": np.diff(first).astype(np.uint16),
        "steps": steps.astype(np.uint16),
        "pitches": notes[:, 1].astype(np.uint8),
        "velocities": notes[:, 2].astype(np.uint8),
    }


def unpack(arrays: dict[str, np.ndarray]) -> tuple[Groove, ...]:
    """The inverse of `pack`."""
    ends = np.cumsum(arrays["counts"], dtype=int)
    columns = [arrays[name].astype(int) for name in ("steps", "pitches", "velocities")]
    grooves = []
    heads = arrays["heads"].tobytes().decode().splitlines()
    for head, first, end in zip(heads, [0, *ends[:-1]], ends, strict=True):
        steps, pitches, velocities = (column[first:end] for column in columns)
        split, style, bpm, metre, is_fill, beats = head.split(" ")
        notes = np.stack([np.cumsum(steps), pitches, velocities], axis=1)
        facts = split, style, float(bpm), metre, is_fill == "1", float(beats)
        grooves.append(Groove(*facts, notes))
    return tuple(grooves)


@cache
def grooves(split: str) -> tuple[Groove, ...]:
    """The shipped performances of "train" or "held-out"."""
    with resources.files("stembridge.dataset").joinpath(PACKED).open("rb") as file:
        arrays = dict(np.load(file))
    return tuple(groove for groove in unpack(arrays) if groove.split == split)


def beats_for(split: str, style: str, metre: str) -> tuple[Groove, ...]:
    """Beats, of two bars at least, that suit a style of the composer in a metre."""
    return tuple(
        groove for groove in grooves(split)
        if not groove.is_fill and groove.metre == metre and groove.beats >= 6
        and (groove.style in SUITABLE[style] or metre != "4/4")
    )  # fmt: skip


def fills_for(split: str, style: str) -> tuple[Groove, ...]:
    """Fills of a bar in 4/4 that suit a style of the dataset."""
    return tuple(
        groove for groove in grooves(split)
        if groove.is_fill and groove.metre == "4/4" and groove.beats == 4 and groove.style == style
    )  # fmt: skip

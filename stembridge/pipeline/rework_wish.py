"""What is asked for of a take that is worked on, and what of it concerns notes alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from stembridge.parts import Part
from stembridge.parts import edit as edits
from stembridge.request import GenerationRequest


@dataclass(frozen=True)
class Rework:
    """What is to become of a take; what is None or empty stays as it is.

    Attributes:
        take: which of the parent's takes, from 1.
        stems: what it is about; empty is every made stem.
        redo: make these stems anew, in all bars or in `bars`.
        bars: first and last bar, from 1.
        like: make them anew from what they are: 0 stays, 1 starts from nothing.
        more_bars: go on for so many bars.
        seed: of what the model makes anew.
        density: times as many notes.
        swing: share of a pair that its first half takes, in [0.5, 0.75].
        swing_unit: length of the pair in beats, 1 or 0.5.
        quantise: how near to the grid, 0 to 1.
        loosen_ms: about how far notes are moved at random.
        louder: times the velocity.
        octaves, semitones: up; negative is down.
        changes: fields of the request that change: tempo, instruments, sound, rate and so on.
        timbres: stem -> another of the model's instruments, for what is played.
    """

    take: int = 1
    stems: tuple[str, ...] = ()
    redo: bool = False
    bars: tuple[float, float] | None = None
    like: float | None = None
    more_bars: float = 0.0
    seed: int | None = None
    density: float | None = None
    swing: float | None = None
    swing_unit: float = 1.0
    quantise: float | None = None
    loosen_ms: float | None = None
    louder: float | None = None
    octaves: int = 0
    semitones: int = 0
    changes: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    timbres: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def asks_the_model(self) -> bool:
        """Whether anything is made anew."""
        return self.redo or self.like is not None or self.more_bars > 0

    @property
    def edits_notes(self) -> bool:
        """Whether notes are changed without the model."""
        told = (self.density, self.swing, self.quantise, self.loosen_ms, self.louder)
        return any(value is not None for value in told) or bool(self.octaves or self.semitones)

    def concerns(self, stem: str) -> bool:
        """Whether it is about this stem."""
        return not self.stems or stem in self.stems

    def to_mapping(self) -> dict[str, Any]:
        """JSON-ready: what differs from the defaults."""
        default = Rework()
        told = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {k: v for k, v in told.items() if v != getattr(default, k)}


def edited(parts: Mapping[str, Part], request: GenerationRequest, wish: Rework) -> dict[str, Part]:
    """The parts with what is asked of their notes."""
    changes = note_changes(request, wish)
    made = {}
    for stem, part in parts.items():
        for change in changes if wish.concerns(stem) else ():
            part = change(part)
        made[stem] = part
    return made


def note_changes(request: GenerationRequest, wish: Rework) -> list[Callable[[Part], Part]]:
    """In an order in which none undoes another."""
    found: list[Callable[[Part], Part]] = []
    semitones = wish.semitones + 12 * wish.octaves
    if wish.density is not None:
        bar = request.time_signature.beats_per_bar
        found.append(partial(edits.with_density, factor=wish.density, bar_beats=bar))
    if wish.swing is not None:
        found.append(partial(edits.swung, share=wish.swing, unit_beats=wish.swing_unit))
    if wish.quantise is not None:
        found.append(partial(edits.quantised, strength=wish.quantise))
    if wish.loosen_ms is not None:
        beats = wish.loosen_ms / 1e3 * request.bpm / 60
        found.append(partial(edits.loosened, beats=beats, seed=wish.seed or 0))
    if wish.louder is not None:
        found.append(partial(edits.louder, factor=wish.louder))
    if semitones:
        found.append(partial(edits.transposed, semitones=semitones))
    return found

"""What of a rework concerns notes alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from stembridge.parts import Part
from stembridge.parts import edit as edits
from stembridge.request import GenerationRequest, Rework


def edited(
    parts: Mapping[str, Part],
    request: GenerationRequest,
    wish: Rework,
    span: tuple[float, float] | None,
) -> dict[str, Part]:
    """The parts with what is asked of their notes; with a `span`, only from beat to beat."""
    changes = note_changes(request, wish)
    made = {}
    for stem, old in parts.items():
        part = old
        for change in changes if wish.concerns(stem) else ():
            part = change(part)
        made[stem] = part if span is None or part is old else edits.replaced(old, part, *span)
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

"""What is asked for of a finished take, each field declared once (see `fields`).

The wire, the README, the command line and the receipt follow. Beside its own fields, a rework takes
those fields of a request that may change (`CHANGES`).
"""

from __future__ import annotations

import dataclasses
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar

from stembridge.errors import BadArgsError
from stembridge.readers import flag, number, optional, shown, text, whole
from stembridge.request.door import as_kept, unfold
from stembridge.request.fields import Field, Wish, fields_of, read_fields
from stembridge.request.model import REQUEST_FIELDS
from stembridge.request.readers import MAX_BARS, per_stem, read_request_id, stem_set
from stembridge.roles import in_order

_BARS = re.compile(r"(\d+)(?:\s*[-–:]\s*(\d+))?")


def read_bars(value: Any) -> tuple[int, int] | None:
    """First and last bar, from 1: "5-8", "5", or a pair of numbers."""
    match = _BARS.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is not None:
        first, last = match[1], match[2] or match[1]
    elif isinstance(value, list | tuple) and len(value) == 2:
        first, last = value
    else:
        first = last = value
    try:
        read = whole("bar", 1, MAX_BARS)
        bars = read(first), read(last)
    except ValueError:
        raise ValueError(
            f"Bars are written like 5-8, or 5 for one, from 1; they were {shown(value)}."
        ) from None
    if bars[0] > bars[1]:
        raise ValueError(f"The first bar comes before the last; they were {shown(value)}.")
    return bars


@dataclass(frozen=True)
class Rework:
    """What is to become of a take; what is None or empty stays as it is.

    `changes` holds fields of the request that change, by their names.
    """

    request_id: Annotated[str | None, Wish(optional(read_request_id), "", None, None)] = None
    parent: Annotated[
        str,
        Wish(
            text("take to work on", 4096),
            "the take: its folder, its receipt.json, or the id of the job that made it",
            option=None,
        ),
    ] = ""
    take: Annotated[
        int | None,
        Wish(optional(whole("take", 1, 10_000)), "which of its takes, by number (default: first)"),
    ] = None
    stems: Annotated[
        tuple[str, ...],
        Wish(optional(stem_set("stems to work on")), "what it is about, by comma (default: all)"),
    ] = ()
    keep: Annotated[
        tuple[str, ...],
        Wish(optional(stem_set("stems to keep")), "these stay, the others are made anew"),
    ] = ()
    redo: Annotated[
        bool, Wish(flag("The redo switch"), "make it anew, hearing the rest", switch=True)
    ] = False
    bars: Annotated[
        tuple[int, int] | None,
        Wish(optional(read_bars), 'only these bars, such as "5-8": anew, or their notes changed'),
    ] = None
    like: Annotated[
        float | None,
        Wish(optional(number("likeness", 0, 1)), "anew, but like it: 0 stays, 1 is a new one"),
    ] = None
    more_bars: Annotated[
        float, Wish(optional(number("bars to go on for", 0, MAX_BARS)), "go on for so many bars")
    ] = 0.0
    seed: Annotated[
        int | None,
        Wish(optional(whole("seed", 0, 2**31 - 1)), "of what is made anew (default: the next)"),
    ] = None
    best: Annotated[
        int,
        Wish(whole("number to choose from", 1, 8), "make it anew so many times, keep the best"),
    ] = 1
    density: Annotated[
        float | None,
        Wish(optional(number("density", 0.05, 8)), "busier (2) or simpler (0.5)"),
    ] = None
    swing: Annotated[
        float | None,
        Wish(optional(number("swing", 0.5, 0.75)), "0.5 is straight, 0.67 a triplet"),
    ] = None
    swing_unit: Annotated[
        float,
        Wish(
            number("length of a swung pair", 0.25, 2, "beats"),
            "length of the pair that swings: 1 swings eighths, 0.5 sixteenths",
            option="--swing-sixteenths",
            switch=0.5,
            help="sixteenths swing, not eighths",
        ),
    ] = 1.0
    quantise: Annotated[
        float | None,
        Wish(optional(number("quantising", 0, 1)), "draw notes to the grid, 0 to 1"),
    ] = None
    loosen_ms: Annotated[
        float | None,
        Wish(
            optional(number("looseness", 0, 100, "ms")),
            "move notes by about so many ms",
            option="--loosen",
        ),
    ] = None
    louder: Annotated[
        float | None,
        Wish(optional(number("strength", 0.05, 8)), "times as hard; below 1 is softer"),
    ] = None
    octaves: Annotated[int, Wish(whole("octaves", -6, 6), "octaves up; negative is down")] = 0
    semitones: Annotated[
        int, Wish(whole("semitones", -24, 24), "semitones up, to another key; negative is down")
    ] = 0
    timbres: Annotated[
        tuple[tuple[str, str], ...],
        Wish(
            per_stem("timbre", 64),
            "another of the model's instruments for that stem",
            key="timbre.<stem>",
            help="another instrument of the model, as stem=name such as bass=slap",
        ),
    ] = ()
    changes: Annotated[Mapping[str, Any], Wish(dict, "", None, None)] = field(default_factory=dict)

    WORDS: ClassVar = ("prompts", "negative_prompts")

    @property
    def spoken_of(self) -> tuple[str, ...]:
        """Stems of which something is said in words, in house order."""
        return in_order(stem for name in self.WORDS for stem in self.changes.get(name, {}))

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
        return stem not in self.keep and (not self.stems or stem in self.stems)


CHANGES = (
    *Rework.WORDS, "bpm", "session_rate", "sound", "instruments", "sample_format", "midi", "loop",
    "name", "steps", "guidance",
)  # fmt: skip
"""Fields of a request that a rework may change."""


def _asked() -> dict[str, Field]:
    own = fields_of(Rework)
    del own["changes"]
    own["parent"] = replace(own["parent"], needed=True)
    changed = {name: replace(REQUEST_FIELDS[name], default=None, needed=False) for name in CHANGES}
    bpm = replace(changed["bpm"].wish, help="another tempo, exactly")
    return own | changed | {"bpm": replace(changed["bpm"], wish=bpm)}


REWORK_FIELDS = _asked()
"""What may be asked for, in the order in which the README tells it."""


def parse_rework(mapping: Mapping[str, Any]) -> Rework:
    """Check a rework and freeze it.

    Args:
        mapping: names of `REWORK_FIELDS`, with `timbre.bass` and `instrument.bass` for one stem's;
            or what `rework_to_mapping` wrote, this version's or an older one's.

    Raises:
        BadArgsError: anything unknown, of the wrong kind, out of range, or at odds with the rest.
    """
    told = unfold({**mapping, **dict(mapping.get("changes") or {})})
    told.pop("changes", None)
    values = read_fields(REWORK_FIELDS, told, "rework")
    changed = {name: values.pop(name) for name in CHANGES}
    values["changes"] = {
        name: dict(value) if REWORK_FIELDS[name].head else told[name]
        for name, value in changed.items()
        if value not in (None, ())
    }
    defaults = {f.name: f.default for f in dataclasses.fields(Rework)}
    values = {k: defaults[k] if v is None else v for k, v in values.items()}
    wish = Rework(**values | {"request_id": values["request_id"] or str(uuid.uuid4())})
    wish = _made_anew(wish)
    _check_sense(wish)
    return wish


def _made_anew(wish: Rework) -> Rework:
    """What asks for it without saying so; words are about their stems where nothing else is."""
    if wish.asks_the_model:
        return wish
    stems = wish.stems if wish.stems or wish.keep else wish.spoken_of
    anew = wish.keep or wish.spoken_of or (wish.bars and not wish.edits_notes)
    return replace(wish, redo=bool(anew), stems=stems)


def rework_to_mapping(wish: Rework) -> dict[str, Any]:
    """JSON-ready: what differs from the defaults; `rework_from_mapping` gives it back."""
    default = Rework()
    told = {f.name: getattr(wish, f.name) for f in dataclasses.fields(wish)}
    changes = told.pop("changes")
    told = {k: v for k, v in told.items() if v != getattr(default, k)}
    told |= {"timbres": dict(wish.timbres)} if wish.timbres else {}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in told.items()} | dict(changes)


def rework_from_mapping(mapping: Mapping[str, Any]) -> Rework:
    """The rework that `rework_to_mapping` wrote; nothing of it is checked again.

    Raises:
        BadArgsError: another version wrote it, and this one cannot tell what it means.
    """
    with as_kept("rework"):
        kept: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in mapping.items()
        }
        changes = {name: kept.pop(name) for name in CHANGES if name in kept}
        timbres = tuple(dict(kept.pop("timbres", {})).items())
        return Rework(**kept, timbres=timbres, changes=changes)


def _check_sense(wish: Rework) -> None:
    """What contradicts itself, or asks for nothing."""
    doubtful = (
        (bool(wish.stems and wish.keep), "Name either the stems to work on or those to keep."),
        (
            bool(wish.bars and wish.more_bars),
            "Make bars anew and go on for more one after the other.",
        ),
        (
            wish.like is not None and bool(wish.more_bars),
            "Make it like the take and go on for more bars one after the other.",
        ),
        (
            not all(map(wish.concerns, wish.spoken_of)),
            "Words are for stems that are made anew, not for those that stay.",
        ),
        (
            wish.best > 1 and not wish.asks_the_model,
            "The best can be kept only of what is made anew: add redo, like or more_bars.",
        ),
        (
            wish.seed is not None and not (wish.asks_the_model or wish.loosen_ms is not None),
            "A seed is for what is made anew: add redo, like or more_bars.",
        ),
        (
            wish.quantise is not None and wish.loosen_ms is not None,
            "Drawing notes to the grid and loosening them undo each other. Ask for one.",
        ),
        (
            not (wish.asks_the_model or wish.edits_notes or wish.changes or wish.timbres),
            "Nothing is to change. Say redo, like, more_bars, or what of its notes, sound or tempo "
            "is to be another.",
        ),
    )
    for is_so, sentence in doubtful:
        if is_so:
            raise BadArgsError(sentence)

"""A prompt on its way through a request: what of it counts, and how that is told.

Every word is accounted for: with its effect, with why it has none, or as not understood.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from stembridge.context import Context
from stembridge.engines.meaning import Meanings, told_meanings
from stembridge.parts.playing import AS_PLAYED
from stembridge.pipeline.choice import NO_WISHES, Bars
from stembridge.pipeline.likeness import Likeness
from stembridge.pipeline.settings import is_played
from stembridge.remarks import Remark
from stembridge.request import GenerationRequest
from stembridge.roles import in_order, is_pitched
from stembridge.runtime.manifest import Manifest
from stembridge.words import Surroundings, Wishes, WishOutcome, read, vocabulary_of, wishes_of


@dataclass(frozen=True)
class Wording:
    """What was asked for in words.

    Attributes:
        wishes: what it comes to.
        outcomes: of everything that was understood.
        unknown: words that nobody knows.
        known: some words that are known, for who has used none.
        like: what a reference was heard as.
        idle: what of it changes nothing, and why.
        by_meaning: (word, the known phrase it was read as, how alike they are).
        reader: the text encoder that found these; "" where there is none.
    """

    wishes: Wishes = NO_WISHES
    outcomes: tuple[WishOutcome, ...] = ()
    unknown: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    like: Likeness | None = None
    idle: tuple[str, ...] = ()
    by_meaning: tuple[tuple[str, str, float], ...] = ()
    reader: str = ""

    @property
    def asked(self) -> bool:
        """Whether there were any words."""
        return bool(self.outcomes or self.known or self.like)

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """For the musician."""
        return tuple(self._remarks())

    def _remarks(self) -> Iterator[Remark]:
        """What went wrong first: a message to a device may have no room for all."""
        unknown = _listed(self.unknown)
        if self.known and not self.outcomes:
            known = ", ".join(self.known)
            yield Remark("prompt_nothing", {"unknown": unknown, "known": known})
        elif self.unknown:
            yield Remark("prompt_unknown", {"unknown": unknown})
        used = [f"{_quoted(one)} {one.effect}" for one in self.outcomes if one.effect]
        if used:
            yield Remark("prompt_read", {"read": _listed(used, "; ")})
        if self.by_meaning:
            pairs = [f'"{word}" as "{known}" ({like:.2f})' for word, known, like in self.by_meaning]
            yield Remark("prompt_meant", {"reader": self.reader, "pairs": _listed(pairs)})
        idle = [f"{_quoted(one)} {one.why_not}" for one in self.outcomes if one.why_not]
        if idle:
            yield Remark("prompt_idle", {"idle": _listed(idle, "; ")})
        if self.like is not None:
            yield from self.like.remarks
            if self.idle:
                name = Path(self.like.path).name
                yield Remark("like_idle", {"file": name, "idle": _listed(self.idle, "; ")})

    def to_mapping(self) -> dict[str, Any]:
        """For the receipt, word by word."""
        understood = [
            {
                "words": one.said.text,
                "read_as": one.said.read_as or None,
                "meaning": one.said.meaning,
                "stem": one.said.stem,
                "avoided": one.said.avoided,
                "effect": one.effect or None,
                "why_not": one.why_not or None,
            }
            for one in self.outcomes
        ]
        found: dict[str, Any] = {"understood": understood, "not_understood": list(self.unknown)}
        if self.reader:
            rows = [{"word": w, "read_as": k, "likeness": like} for w, k, like in self.by_meaning]
            found["text_model"] = {"name": self.reader, "read": rows}
        if self.like is not None:
            found["like"] = self.like.to_mapping() | {"why_not": list(self.idle)}
        return found


def _by_meaning(
    outcomes: Iterable[WishOutcome], meanings: Meanings
) -> tuple[tuple[str, str, float], ...]:
    words = dict.fromkeys(one.said.text for one in outcomes)
    return tuple((word, *meanings.taken[word]) for word in words if word in meanings.taken)


NO_WORDING = Wording()
_LONGEST = 400


def wording_of(
    request: GenerationRequest, manifest: Manifest, context: Context, no_chords: str = ""
) -> Wording:
    """What a request's prompts come to beside everything that is told by name and heard.

    `no_chords` is why no chords are chosen, where that does not lie in the request.
    """
    texts = [
        (request.prompt, False, None), (request.negative_prompt, True, None),
        *((text, False, stem) for stem, text in request.prompts if stem in request.made),
        *((text, True, stem) for stem, text in request.negative_prompts if stem in request.made),
    ]  # fmt: skip
    if not any(text for text, *_ in texts):
        return NO_WORDING
    vocabulary = vocabulary_of(manifest.styles, manifest.timbres)
    meanings = told_meanings()
    nearest = None if meanings is None else meanings.nearest
    readings = [
        read(text, vocabulary, avoided=avoided, nearest=nearest, of=of)
        for text, avoided, of in texts
        if text
    ]
    around = Surroundings(
        vocabulary,
        request.generate,
        tuple(stem for stem in request.generate if is_played(request, manifest, stem)),
        request.style,
        dict(request.timbres),
        no_chords or why_no_chords(request, manifest, context),
        str(request.time_signature),
    )
    wishes, outcomes = wishes_of([one for reading in readings for one in reading.said], around)
    unknown = tuple(dict.fromkeys(word for reading in readings for word in reading.unknown))
    if outcomes:
        taken = () if meanings is None else _by_meaning(outcomes, meanings)
        reader = "" if meanings is None else meanings.name
        return Wording(wishes, outcomes, unknown, by_meaning=taken, reader=reader)
    said = tuple(text[:80] for text, *_ in texts if text)
    return Wording(wishes, (), unknown or said, _some_words(manifest))


def unmade(request: GenerationRequest) -> Iterator[Remark]:
    """What is said of stems that are not made, by themselves or in a group."""
    others = {stem for stem, _ in (*request.prompts, *request.negative_prompts)}
    if others := others - request.made:
        yield Remark("prompt_unmade", {"stems": ", ".join(in_order(others))})


def beside(
    wording: Wording, like: Likeness | None, request: GenerationRequest, no_chords: str
) -> Wording:
    """The wording with a reference; what is told by name or in words stands above what is heard.

    Args:
        wording: of the prompts.
        like: what the reference is heard as; None: there is none.
        request: what is told by name.
        no_chords: why no chords are chosen (see `why_no_chords`).
    """
    if like is None:
        return wording
    wishes, idle = wording.wishes, list[str]()
    for follow in (_follow_style, _follow_timbre, partial(_follow_mode, no_chords=no_chords),
                   _follow_density):  # fmt: skip
        wishes, why_not = follow(wishes, like, request)
        idle += [why_not] if why_not else []
    return replace(wording, wishes=wishes, like=like, idle=tuple(idle))


Followed = tuple[Wishes, str]
"""The wishes, and why they are not what the reference has; "" where they are."""


def _follow_style(wishes: Wishes, like: Likeness, request: GenerationRequest) -> Followed:
    told = request.style or wishes.style
    if not like.style or told == like.style:
        return wishes, ""
    if told or like.style in wishes.avoided_styles:
        why = f"{told} is asked for" if told else f"{like.style} is not wanted"
        return wishes, f"its style, since {why}"
    return replace(wishes, style=like.style), ""


def _follow_timbre(wishes: Wishes, like: Likeness, request: GenerationRequest) -> Followed:
    stem, name = like.stem or "", like.timbre
    told = dict(request.timbres).get(stem) or "/".join(wishes.timbres.get(stem, ()))
    if not name or told == name:
        return wishes, ""
    if told or name in wishes.avoided_timbres.get(stem, ()):
        why = f"{told} is asked for" if told else f"{name} is not wanted"
        return wishes, f"its {stem}, since {why}"
    return replace(wishes, timbres={**wishes.timbres, stem: (name,)}), ""


def _follow_mode(
    wishes: Wishes, like: Likeness, _request: GenerationRequest, *, no_chords: str
) -> Followed:
    if not like.mode or wishes.mode == like.mode:
        return wishes, ""
    if no_chords or wishes.mode:
        return wishes, f"its mode, since {no_chords or f'{wishes.mode} is asked for'}"
    return replace(wishes, mode=like.mode), ""


def _follow_density(wishes: Wishes, like: Likeness, _request: GenerationRequest) -> Followed:
    stem = like.stem or ""
    playing = wishes.playing.get(stem, AS_PLAYED)
    if not like.onsets or playing.density != 1:
        return wishes, "its density, since another is asked for" if like.onsets else ""
    followed = replace(playing, onsets=like.onsets)
    return replace(wishes, playing={**wishes.playing, stem: followed}), ""


def why_no_chords(request: GenerationRequest, manifest: Manifest, context: Context) -> str:
    """Why no chords will be chosen, in words; "" if some will."""
    if request.chords:
        return "the chords are told by name"
    if context.chords:
        return "the chords are heard in what is given"
    if not any(map(is_pitched, request.generate)):
        return "no stem with chords is made"
    if bars_to_fill(request, sounding(manifest, context)) is None:
        return "the chords are what is given, or free" if request.use_grid else "no grid, no chords"
    return "" if any(manifest.style_chords.values()) else "the model chooses no chords"


def sounding(manifest: Manifest, context: Context) -> set[str]:
    """Stems that are given and not silent."""
    given = {s for s, is_given in zip(manifest.stems, context.given, strict=True) if is_given}
    return given - set(context.silent)


def bars_to_fill(request: GenerationRequest, heard: set[str]) -> Bars | None:
    """The request's bars if its beats are known and nothing that is heard has a pitch."""
    if not request.use_grid or any(map(is_pitched, heard)):
        return None
    bar = request.time_signature.beats_per_bar
    return Bars(bar, request.length_beats, request.start_beats)


def _quoted(outcome: WishOutcome) -> str:
    said = outcome.said
    spelt = f" ({said.read_as})" if said.read_as else ""
    return f'"{said.text}"{spelt}:'


def _listed(items: Iterable[str], between: str = ", ") -> str:
    """As many as a line holds; the receipt has them all."""
    text = between.join(dict.fromkeys(items))
    return text if len(text) <= _LONGEST else text[:_LONGEST].rpartition(between)[0] + " …"


def _some_words(manifest: Manifest) -> tuple[str, ...]:
    timbres = [f"{names[-1]} {stem}" for stem, names in manifest.timbres.items() if names]
    words = (*manifest.styles[:8], *timbres, "dark", "happy", "busy", "sparse", "soft", "swing")
    return tuple(word.replace("_", " ") for word in words)

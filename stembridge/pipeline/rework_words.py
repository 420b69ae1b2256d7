"""What a rework says in words of its stems: with what they are made anew.

Chords stay as the take has them. What was chosen for other stems stays as well, and so does what is
not spoken of: a bass that is to be busier keeps its sound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from stembridge.context import Context
from stembridge.parts.playing import AS_PLAYED, Playing
from stembridge.pipeline.chains import chain_remarks, chains_told
from stembridge.pipeline.choice import Choice, choose
from stembridge.pipeline.settings import settings_for
from stembridge.pipeline.take_state import TakeState
from stembridge.pipeline.wording import NO_WORDING, Wording, wording_of
from stembridge.remarks import Remark
from stembridge.request import GenerationRequest, Rework
from stembridge.runtime.manifest import Manifest
from stembridge.words import Wishes

_CHORDS_STAY = "the take keeps its chords"


@dataclass(frozen=True)
class Worded:
    """What words come to.

    Attributes:
        choice: with which stems are made anew.
        wording: what became of the words, for the receipt.
        remarks: and for the musician.
    """

    choice: Choice
    wording: Wording = NO_WORDING
    remarks: tuple[Remark, ...] = ()


def worded(
    old: TakeState, request: GenerationRequest, wish: Rework, context: Context, manifest: Manifest
) -> Worded:
    """What a take is made anew with, where instruments are named or words say something.

    Args:
        old: the take.
        request: with what changes.
        wish: what is to become of it.
        context: what is given.
        manifest: of the model.
    """
    named = dict(wish.timbres)
    choice = replace(old.choice, timbres={**old.choice.timbres, **named})
    if not wish.spoken_of:
        return Worded(choice)
    if chains := chains_told(request, manifest, (), heard=old.heard is not None):
        settings, in_words = settings_for(request, manifest), manifest.words_by is not None
        return Worded(choice, remarks=tuple(chain_remarks(chains, request, settings, in_words)))
    new: dict[str, Any] = {
        name: tuple(dict(wish.changes.get(name, {})).items()) for name in wish.WORDS
    }
    asked = replace(
        request, prompt=None, negative_prompt=None, style=None, timbres=wish.timbres, **new
    )
    wording = wording_of(asked, manifest, context, _CHORDS_STAY)
    followed = _followed(choice, wording.wishes, named, request.seed, manifest)
    return Worded(followed, wording, wording.remarks)


def _followed(
    choice: Choice, wishes: Wishes, named: dict[str, str], seed: int, manifest: Manifest
) -> Choice:
    """A choice with what is wished; what is named stands above it."""
    style = None if choice.style in wishes.avoided_styles else choice.style
    style = wishes.style or style
    others = dict(_fitting(choice, wishes, named))
    wanted = {*wishes.timbres, *wishes.avoided_timbres}
    told = replace(choice, style=style, timbres=others)
    timbres = choose(manifest, None, sorted(wanted), seed, told, wishes=wishes).timbres
    playing = dict(choice.playing)
    for stem, how in wishes.playing.items():
        playing[stem] = _both(playing.get(stem, AS_PLAYED), how)
    return replace(told, timbres=timbres, playing=playing)


def _fitting(choice: Choice, wishes: Wishes, named: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Instruments that may stay."""
    for stem, name in choice.timbres.items():
        among = name in wishes.timbres.get(stem, (name,))
        if stem in named or (among and name not in wishes.avoided_timbres.get(stem, ())):
            yield stem, name


def _both(before: Playing, new: Playing) -> Playing:
    """How a stem is played, and what was said of that now."""
    said = {
        one.name: getattr(new, one.name)
        for one in fields(Playing)
        if getattr(new, one.name) != getattr(AS_PLAYED, one.name)
    }
    return replace(before, **said)

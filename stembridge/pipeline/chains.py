"""What the chains of a model of mixtures are told of a request (GMSDI; `inference.of_stems`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from stembridge.inference import Settings
from stembridge.inference.of_stems import Chain
from stembridge.inference.told import told_of
from stembridge.remarks import Remark
from stembridge.request import GenerationRequest
from stembridge.roles import in_order, members, role_of
from stembridge.runtime.manifest import Manifest
from stembridge.runtime.model import FloatArray

ANCESTRAL = ("ancestral", "adpm2", "euler")
FEW_STEPS = 50
_BETWEEN = re.compile(r"\s*(?:[,;+/&]|\band\b)\s*")


@dataclass(frozen=True)
class Told:
    """One chain in words.

    Attributes:
        name: whose, such as "bass" or "bass+drums"; "mixture" for that of all.
        stems: that are in it.
        words: what it is told.
        avoided: what it is led away from; "" is from being told nothing.
        like: file of the sound that it is told; "" is none.
    """

    name: str
    stems: tuple[str, ...]
    words: str
    avoided: str = ""
    like: str = ""


def chains_told(
    request: GenerationRequest, manifest: Manifest, sounding: Iterable[str], *, heard: bool = False
) -> tuple[Told, ...]:
    """The chains of a request: one of each stem or group, and of the mixture where it is another.

    A model that makes all stems together, and is told words or a sound, has one: what is said of
    all.

    Args:
        request: what is asked for.
        manifest: of the model; without chains where it makes stems itself.
        sounding: stems that are given and not silent.
        heard: it is told the sound of the reference.
    """
    if not manifest.is_told_stems:
        all_of = replace(_told_together(request), like=str(request.like) if heard else "")
        said = all_of.words or all_of.avoided or all_of.like
        return (all_of,) if manifest.words_by and said else ()
    chains = [_told(group, members(group), request) for group in request.generate]
    given = tuple(sounding)
    if len(chains) == 1 and not given:
        return tuple(chains)
    made = [stem for group in request.generate for stem in members(group)]
    return (*chains, _told("mixture", in_order((*made, *given)), request))


def _told(name: str, stems: tuple[str, ...], request: GenerationRequest) -> Told:
    """Stems, then what is asked of them and of everything."""
    own, away = _of_made(request.prompts, request), dict(request.negative_prompts)
    words = [*stems, request.prompt, *(own.get(stem) for stem in stems)]
    # What one stem is not to be, the mixture may well hold.
    avoided = [request.negative_prompt]
    avoided += [] if name == "mixture" else [away.get(stem) for stem in stems]
    return Told(name, stems, _joined(words), _joined(avoided))


def _told_together(request: GenerationRequest) -> Told:
    own, away = (
        [f"{words} {stem}" for stem, words in _of_made(pairs, request).items()]
        for pairs in (request.prompts, request.negative_prompts)
    )
    return Told(
        "all", request.generate, _joined([request.prompt, *own]),
        _joined([request.negative_prompt, *away]),
    )  # fmt: skip


def _of_made(pairs: Iterable[tuple[str, str]], request: GenerationRequest) -> dict[str, str]:
    return {stem: words for stem, words in pairs if stem in request.made}


def _joined(words: Iterable[str | None]) -> str:
    return ", ".join(word.strip(" ,.") for word in words if word)


def chains_of(
    told: Iterable[Told], manifest: Manifest, heard: FloatArray | None = None
) -> tuple[Chain, ...]:
    """The chains as the network is told of them, and of the reference [E] where it is told that."""
    chains = []
    for one in told:
        named, _ = stems_named(one.avoided)
        leads = bool(one.avoided if manifest.words_by else named)
        avoided = told_of(manifest, named, one.avoided) if leads else None
        own = told_of(manifest, one.stems, one.words, heard if one.like else None)
        chains.append(Chain(own, avoided))
    return tuple(chains)


def stems_named(words: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The stems that words name, and the words that name none."""
    pieces = [piece for piece in _BETWEEN.split(words) if piece]
    roles = {piece: role_of(piece) for piece in pieces}
    known = in_order(stem for stem in roles.values() if stem is not None)
    return known, tuple(piece for piece in roles if roles[piece] is None)


def chain_remarks(
    told: tuple[Told, ...], request: GenerationRequest, settings: Settings, in_words: bool
) -> Iterator[Remark]:
    """What was made of the words, and what of the request does not apply to chains."""
    if not told:
        return
    words = "; ".join(f'{one.name} "{one.words}"' if in_words else one.name for one in told)
    together = told[0].name == "all"
    if not together or told[0].words or told[0].avoided:
        yield Remark("words_told" if together else "chains_told", {"chains": words})
    if told[0].like:
        both = "like_and_words" if told[0].words else "like_told"
        yield Remark(both, {"file": Path(told[0].like).name})
    asked = [request.prompt, *_of_made(request.prompts, request).values()]
    avoided = [one.avoided for one in told if one.avoided]
    idle = [word for text in asked if text for word in _BETWEEN.split(text) if word]
    idle += [word for text in avoided for word in stems_named(text)[1]]
    if idle and not in_words:
        yield Remark("chains_words", {"words": ", ".join(dict.fromkeys(idle))})
    if avoided and settings.guidance == 1:
        yield Remark("chains_unguided", {"words": "; ".join(dict.fromkeys(avoided))})
    if together:
        return
    if settings.steps < FEW_STEPS:
        yield Remark("chains_few", {"steps": settings.steps})
    if settings.sampler not in ANCESTRAL:
        yield Remark("chains_sampler", {"sampler": settings.sampler})

"""One request from clips to finished files, with its receipt.

Files are named `<out>/<take folder>/<bars>bars_<bpm>bpm_<stem>_seed<seed>_take<k>.wav`; the take
folder carries a piece of the request id's hash, so that two requests never share one, while the
same request made twice overwrites only itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.audio.buffer import FloatArray
from stembridge.conditions import EMBEDDING
from stembridge.context import Context
from stembridge.engines import SoundEngine
from stembridge.inference import Settings
from stembridge.inference.of_stems import Chain, of_stems
from stembridge.inference.settings import settings_of
from stembridge.pipeline.best import best_of
from stembridge.pipeline.chains import chain_remarks, chains_of, chains_told
from stembridge.pipeline.engine_takes import engine_plan, engine_takes
from stembridge.pipeline.events import OnEvent, Reporter, StemFile, ignore
from stembridge.pipeline.generate import generate
from stembridge.pipeline.hearing import context_for, reporter_for
from stembridge.pipeline.performance import check_instruments, parts_of, with_even_drums
from stembridge.pipeline.reference import hear_reference
from stembridge.pipeline.settings import settings_for
from stembridge.pipeline.take_files import (
    MadeTake,
    SoundedTake,
    sounded,
    take_folder,
)
from stembridge.pipeline.take_state import TakeState
from stembridge.pipeline.wording import (
    NO_WORDING,
    Wording,
    beside,
    sounding,
    unmade,
    why_no_chords,
    wording_of,
)
from stembridge.pipeline.written import written
from stembridge.remarks import Remark
from stembridge.request import GenerationRequest
from stembridge.request.room import room_for
from stembridge.runtime.manifest import Manifest
from stembridge.runtime.model import StemModel
from stembridge.safe_files import ensure_room


@dataclass(frozen=True)
class _Plan:
    """Takes about to be made: from what, how, and what else the receipt tells of that."""

    context: Context
    settings: Settings
    takes: Iterator[SoundedTake]
    told: Mapping[str, Any]


def arrange(
    request: GenerationRequest,
    model: StemModel | SoundEngine,
    out_dir: Path,
    on_event: OnEvent = ignore,
    roots: AllowedRoots | None = None,
) -> list[StemFile]:
    """Make all takes of a request and write them.

    Args:
        request: what is asked for.
        model: an open model, or an engine.
        out_dir: the folder take folders go into.
        on_event: told about progress and each finished stem; may raise CancelledError.
        roots: the folders context may come from; None allows every place.

    Returns:
        The stem files, in the order in which they were finished.

    Raises:
        StembridgeError: whatever went wrong, in words; finished stem files stay.
    """
    report = reporter_for(request, on_event, request.variations * request.best)
    places = roots or AllowedRoots.anywhere()
    folder = out_dir / take_folder(request)
    if isinstance(model, SoundEngine):
        ensure_room(out_dir, room_for(request))
        plan = _by_engine(request, model, places, report)
    else:
        model = of_stems(model, request.generate)
        settings = settings_for(request, model.manifest)  # refuses what the model does not have
        ensure_room(out_dir, room_for(request))
        plan = _by_model(request, settings, model, places, report)
    takes = _best_takes(plan.takes, request)
    return written(takes, request, plan.settings, model, plan.context, folder, report, plan.told)


def _by_model(
    request: GenerationRequest,
    settings: Settings,
    model: StemModel,
    places: AllowedRoots,
    report: Reporter,
) -> _Plan:
    check_instruments(request, model.manifest, places)
    context = context_for(request, model, places, report)
    like, heard = hear_reference(request, model, places, partial(report, "like"))
    no_chords = why_no_chords(request, model.manifest, context)
    in_words = model.manifest.words_by is not None
    given = sounding(model.manifest, context)
    chains = chains_told(request, model.manifest, given, heard=heard is not None)
    words = NO_WORDING if chains else wording_of(request, model.manifest, context)
    wording = beside(words, like, request, no_chords)
    said = (*wording.remarks, *unmade(request))
    said += tuple(chain_remarks(chains, request, settings, in_words))
    said += (*_left_open(model.manifest, bool(chains)), *_untold(request, model.manifest))
    context = replace(context, remarks=(*context.remarks, *said))
    told: dict[str, Any] = {"prompt": wording.to_mapping()} if wording.asked else {}
    kind = "chains" if model.manifest.is_told_stems else "words"
    told |= {kind: [asdict(chain) for chain in chains]} if chains else {}
    asked = chains_of(chains, model.manifest, heard)
    takes = _takes(request, settings, context, model, report, wording, asked, heard)
    return _Plan(context, settings, takes, told)


_LEFT_OPEN = {
    "mixture": "the sound of a whole mix (`separate` does)",
    "embedding": "what it is to sound like, by an embedding of sound or words",
}
"""Conditions that training and other procedures tell a model, and a take does not."""


def _left_open(manifest: Manifest, told: bool) -> Iterator[Remark]:
    for block in manifest.condition_layout:
        if block.name in _LEFT_OPEN and not (told and block.name == EMBEDDING):
            yield Remark("condition_open", {"what": _LEFT_OPEN[block.name]})


def _untold(request: GenerationRequest, manifest: Manifest) -> Iterator[Remark]:
    """What the request says, and no block of the model's conditions takes."""
    blocks = dict(manifest.layout.blocks)
    if request.use_grid and "grid" not in blocks:
        yield Remark("grid_untold")
    if request.chords and "chords" not in blocks:
        yield Remark("chords_untold")


def _by_engine(
    request: GenerationRequest, engine: SoundEngine, places: AllowedRoots, report: Reporter
) -> _Plan:
    plan = engine_plan(request, engine, places, report)
    settings = settings_of(engine.manifest)  # says nothing of it; what does is told beside
    return _Plan(plan.context, settings, engine_takes(plan, report), plan.to_mapping())


def _takes(
    request: GenerationRequest,
    settings: Settings,
    context: Context,
    model: StemModel,
    report: Reporter,
    wording: Wording,
    chains: tuple[Chain, ...],
    reference: FloatArray | None,
) -> Iterator[SoundedTake]:
    """Every take of a model that is asked for, and those that others are chosen from."""
    heard = context.pace.heard(request)
    every = replace(heard, variations=request.variations * request.best)
    for take in generate(every, settings, context, model, report, wording, chains):
        parts, said = with_even_drums(parts_of(take, heard, model), heard)
        state = TakeState(take.latents, parts, take.choice, heard=reference)
        one = MadeTake(take.variation // request.best, take.stems, state)
        known = replace(context, remarks=(*context.remarks, *said))
        yield sounded(one, request, known, model.manifest)


def _best_takes(takes: Iterator[SoundedTake], request: GenerationRequest) -> Iterator[SoundedTake]:
    """Takes by their variation: of every `request.best` that are made the best one."""
    for _ in range(request.variations):
        made = list(islice(takes, request.best))
        yield made[0] if request.best == 1 else best_of(made, request)

"""One request from clips to finished files, with its receipt.

Files are named `<out>/<take folder>/<bars>bars_<bpm>bpm_<stem>_seed<seed>_take<k>.wav`; the take
folder carries a piece of the request id's hash, so that two requests never share one, while the
same request made twice overwrites only itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.context import Context
from stembridge.inference import Settings
from stembridge.pipeline.best import best_of
from stembridge.pipeline.events import OnEvent, Reporter, StemFile, ignore
from stembridge.pipeline.generate import generate
from stembridge.pipeline.hearing import context_for
from stembridge.pipeline.likeness import hear_likeness
from stembridge.pipeline.page import Seen, seen, write_page
from stembridge.pipeline.performance import check_instruments, parts_of, with_even_drums
from stembridge.pipeline.receipt import build_receipt, write_receipt
from stembridge.pipeline.settings import settings_for
from stembridge.pipeline.take_files import (
    MadeTake,
    SoundedTake,
    sounded,
    take_folder,
    write_take,
)
from stembridge.pipeline.take_state import TakeState
from stembridge.pipeline.wording import Wording, beside, why_no_chords, wording_of
from stembridge.request import GenerationRequest
from stembridge.request.room import room_for
from stembridge.runtime.model import StemModel
from stembridge.safe_files import ensure_room


def arrange(
    request: GenerationRequest,
    model: StemModel,
    out_dir: Path,
    on_event: OnEvent = ignore,
    roots: AllowedRoots | None = None,
) -> list[StemFile]:
    """Make all takes of a request and write them.

    Args:
        request: what is asked for.
        model: an open model.
        out_dir: the folder take folders go into.
        on_event: told about progress and each finished stem; may raise CancelledError.
        roots: the folders context may come from; None allows every place.

    Returns:
        The stem files, in the order in which they were finished.

    Raises:
        StembridgeError: whatever went wrong, in words; finished stem files stay.
    """
    report = Reporter(on_event, request.variations * request.best)
    settings = settings_for(request, model.manifest)  # refuses what the model does not have
    ensure_room(out_dir, room_for(request))
    folder, places = out_dir / take_folder(request), roots or AllowedRoots.anywhere()
    check_instruments(request, model.manifest, places)
    context = context_for(request, model, places, report)
    like = hear_likeness(request, model, places, partial(report, "read", 0.5))
    no_chords = why_no_chords(request, model.manifest, context)
    wording = beside(wording_of(request, model.manifest, context), like, request, no_chords)
    context = replace(context, remarks=(*context.remarks, *wording.remarks))
    finished: list[StemFile] = []
    pictures: list[Seen] = []
    for take in _best_takes(request, settings, context, model, report, wording):
        for stem in write_take(take, request, folder, report):
            finished.append(stem)
            part = take.take.state.parts.get(stem.stem)
            pictures.append(seen(stem, part, take.audio[stem.stem]))
            report.stem(stem)
    report("write", 1.0, request.variations * request.best - 1)
    receipt = build_receipt(request, settings, model, context, finished, report.seconds())
    receipt |= {"prompt": wording.to_mapping()} if wording.asked else {}
    write_receipt(folder, receipt)
    write_page(folder, request, receipt, pictures)
    return finished


def _best_takes(
    request: GenerationRequest,
    settings: Settings,
    context: Context,
    model: StemModel,
    report: Reporter,
    wording: Wording,
) -> Iterator[SoundedTake]:
    """Takes by their variation: of every `request.best` that are made the best one."""
    heard = context.pace.heard(request)
    every = replace(heard, variations=request.variations * request.best)
    takes = generate(every, settings, context, model, report, wording)
    for variation in range(request.variations):
        made = []
        for take in islice(takes, request.best):
            parts, said = with_even_drums(parts_of(take, heard, model), heard)
            one = MadeTake(variation, take.stems, TakeState(take.latents, parts, take.choice))
            known = replace(context, remarks=(*context.remarks, *said))
            made.append(sounded(one, request, known, model.manifest))
        yield made[0] if request.best == 1 else best_of(made, request)

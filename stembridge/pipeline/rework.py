"""A take worked on: some bars anew, more like it, longer, or its notes changed.

What the model does anew hears everything else of the take, given and made, as known latents: stems
and stretches of time alike. What is done to notes needs no network. The result is a take of its own
whose receipt names its parent and what was asked for, so that it can be made again from there; its
number is the next after the parent's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.audio.buffer import FloatArray
from stembridge.context import Context
from stembridge.errors import BadArgsError, NoSuchFileError
from stembridge.inference import codec
from stembridge.inference.of_stems import of_stems
from stembridge.parts import edit as edits
from stembridge.pipeline.best import best_of
from stembridge.pipeline.events import OnEvent, Reporter, StemFile, ignore
from stembridge.pipeline.generate import Take
from stembridge.pipeline.hearing import context_for, reporter_for
from stembridge.pipeline.performance import check_instruments, parts_of
from stembridge.pipeline.receipt_reading import read_whole_receipt, request_of
from stembridge.pipeline.rework_anew import Span, inside, latents_anew, spliced, stretched
from stembridge.pipeline.rework_moved import moved_choice, new_request, reheard
from stembridge.pipeline.rework_notes import edited
from stembridge.pipeline.rework_words import worded
from stembridge.pipeline.settings import conditions_for, decoded_stems, settings_for
from stembridge.pipeline.take_files import (
    MadeTake,
    SoundedTake,
    sounded,
    take_folder,
)
from stembridge.pipeline.take_state import TakeState, load_state
from stembridge.pipeline.written import written
from stembridge.remarks import Remark
from stembridge.request import GenerationRequest, Rework
from stembridge.request import rework_to_mapping as mapping_of
from stembridge.request.room import room_for
from stembridge.request.tag import receipt_of
from stembridge.runtime.manifest import Manifest
from stembridge.runtime.model import StemModel
from stembridge.safe_files import ensure_room


@dataclass(frozen=True)
class _Parent:
    """The take that is worked on; `number` counts from 1, `takes` are all of its receipt's."""

    receipt_path: Path
    receipt: Mapping[str, Any]
    request: GenerationRequest
    state: TakeState
    number: int
    takes: tuple[int, ...]


@dataclass(frozen=True)
class _Anew:
    """What is made anew, of what, and how."""

    parent: _Parent
    request: GenerationRequest
    wish: Rework
    context: Context
    model: StemModel
    report: Reporter


def rework(
    wish: Rework,
    model: StemModel,
    out_dir: Path,
    on_event: OnEvent = ignore,
    roots: AllowedRoots | None = None,
) -> list[StemFile]:
    """Make a new take of an old one and write it.

    Args:
        wish: the old take, and what is to change.
        model: the model the old take was made with; for notes alone, any.
        out_dir: the folder take folders go into.
        on_event: told about progress and each finished stem; may raise CancelledError.
        roots: the folders the take and its context may come from; None allows every place.

    Raises:
        StembridgeError: whatever went wrong, in words.
    """
    places = roots or AllowedRoots.anywhere()
    parent = _open(wish, places)
    request = new_request(parent.request, wish)
    model = of_stems(model, request.generate)
    done = _with_loop(wish, parent, request)
    _check(parent, request, done, model.manifest)
    ensure_room(out_dir, room_for(request))
    check_instruments(request, model.manifest, places)
    report = reporter_for(request, on_event, wish.best)
    context = _heard(request, done, model, places, report)
    if done is not wish:
        context = _with_remarks(context, Remark("made_loop", {"bar": math.ceil(_bars(parent))}))
    words = worded(parent.state, request, done, context, model.manifest)
    context = _with_remarks(context, *words.remarks)
    parent = replace(parent, state=replace(parent.state, choice=words.choice))
    made = _best(_Anew(parent, request, done, context, model, report), wish)
    settings, folder = settings_for(request, model.manifest), out_dir / take_folder(request)
    told = {"parent": _origin(parent), "rework": mapping_of(wish)}
    told |= {"prompt": words.wording.to_mapping()} if words.wording.asked else {}
    return written([made], request, settings, model, context, folder, report, told)


def _heard(
    request: GenerationRequest,
    wish: Rework,
    model: StemModel,
    roots: AllowedRoots,
    report: Reporter,
) -> Context:
    """What is given; notes alone can be changed without it."""
    try:
        return context_for(request, model, roots, report)
    except NoSuchFileError:
        if wish.asks_the_model:
            raise
    alone = context_for(replace(request, context=()), model, roots, report)
    return _with_remarks(alone, Remark("context_gone", {"stems": ", ".join(request.context_stems)}))


def _with_remarks(context: Context, *remarks: Remark) -> Context:
    return replace(context, remarks=(*context.remarks, *remarks))


def _origin(parent: _Parent) -> dict[str, Any]:
    """What the child's receipt says of its parent."""
    own = [s for s in parent.receipt["stems"] if s["variation"] == parent.number - 1]
    return {
        "receipt": str(parent.receipt_path),
        "request_id": str(parent.receipt["request"]["request_id"]),
        "take": parent.number,
        "stems": {s["stem"]: {"file": s["file"], "sha256": s["sha256"]} for s in own},
    }


def _open(wish: Rework, roots: AllowedRoots) -> _Parent:
    path = receipt_of(wish.parent).expanduser().absolute()
    receipt = read_whole_receipt(path, roots)
    if "engine" in receipt or ("chains" in receipt and wish.asks_the_model):
        raise BadArgsError(
            f"The take was made by {receipt['model']['name']}, whose sounds cannot be worked on. "
            "Make another one with another --seed."
        )
    request = request_of(receipt)
    takes = tuple(sorted({stem["variation"] + 1 for stem in receipt["stems"]}))
    number = wish.take or takes[0]
    if number not in takes:
        named = " and ".join(map(str, takes))
        raise BadArgsError(f"There is no take {number}; the receipt tells of {named}.")
    state = load_state(path.parent, number - 1, roots)
    for stem, part in state.parts.items():
        if stem not in request.generate or abs(part.length_beats - request.length_beats) > 0.01:
            raise BadArgsError(f"The notes beside '{path}' are another take's; it is damaged.")
    return _Parent(path, receipt, request, state, number, takes)


def _with_loop(wish: Rework, parent: _Parent, request: GenerationRequest) -> Rework:
    """A take becomes a loop by its last bar: that is made anew, hearing the first behind it."""
    if not request.loop or parent.request.loop or wish.asks_the_model:
        return wish
    bars = math.ceil(_bars(parent))
    return replace(wish, redo=True, bars=(bars, bars))


def _bars(parent: _Parent) -> float:
    return parent.request.length_beats / parent.request.time_signature.beats_per_bar


def _check(parent: _Parent, request: GenerationRequest, wish: Rework, manifest: Manifest) -> None:
    made, made_with = parent.request.generate, parent.receipt["model"]
    if wish.asks_the_model and made_with["artifact_sha256"] != manifest.artifact_sha256:
        raise BadArgsError(
            f"The take was made with another model, or another version of it "
            f"({made_with['name']}); only that can make bars of it anew. Open it with --model, or "
            "make the take again; notes can be changed with any."
        )
    state, decoded = parent.state, decoded_stems(request, manifest)
    fits = state.latents.shape[:2] == (manifest.n_stems, manifest.latent_channels)
    heard = wish.asks_the_model or decoded
    if any(s not in state.parts for s in made if s not in decoded) or (heard and not fits):
        raise BadArgsError(
            f"What is kept of the take '{parent.receipt_path.parent}' is not whole, or comes of "
            "another kind of model. Make the take again with stembridge arrange --receipt."
        )
    if unknown := {*wish.stems, *wish.keep, *wish.spoken_of, *dict(wish.timbres)} - set(made):
        raise BadArgsError(f"The take has no {min(unknown)}; it has {', '.join(made)}.")
    if not any(map(wish.concerns, made)):
        raise BadArgsError("All stems are to be kept: nothing is left to be made anew.")
    tempo_changes = request.bpm != parent.request.bpm
    if (tempo_changes or wish.semitones) and wish.asks_the_model:
        raise BadArgsError("Change tempo or key and make bars anew one after the other.")
    if wish.bars is not None and wish.bars[1] > math.ceil(_bars(parent)):
        raise BadArgsError(
            f"Bars must lie between 1 and {math.ceil(_bars(parent))}, the take's last; they were "
            f"{wish.bars[0]} to {wish.bars[1]}."
        )
    if wish.edits_notes or tempo_changes or wish.timbres:
        for stem in decoded:
            if wish.concerns(stem):
                raise BadArgsError(
                    f"The {stem} sounds as the model made it, and notes of that sound cannot be "
                    "changed. Ask for the sound played, or name other stems."
                )


def _best(anew: _Anew, wish: Rework) -> SoundedTake:
    """The take, or the best of those asked for, as it will lie in its files."""
    request, manifest, takes = anew.request, anew.model.manifest, []
    edit_span = None if wish.bars is None or wish.asks_the_model else _span(anew.parent, wish)
    for number in range(wish.best):
        state, decoded = _made(anew, number)
        state = replace(state, parts=edited(state.parts, request, wish, edit_span))
        state = replace(state, choice=moved_choice(state.choice, wish))
        take = MadeTake(anew.parent.takes[-1], decoded, state)
        made = sounded(take, request, anew.context, manifest)
        moves = request.bpm != anew.parent.request.bpm or wish.semitones
        takes.append(reheard(made, request, anew.context, anew.model) if moves else made)
    return takes[0] if wish.best == 1 else best_of(takes, request)


def _made(anew: _Anew, number: int) -> tuple[TakeState, dict[str, FloatArray]]:
    """The new state, and the model's own sound of the stems that want it."""
    wish, model, context, old = anew.wish, anew.model, anew.context, anew.parent.state
    request, n_samples = context.pace.heard(anew.request), context.samples.shape[-1]
    choice, stems = old.choice, decoded_stems(request, model.manifest)
    decoding = partial(anew.report, "decode", variation=number)
    sounding = partial(codec.sound, model, stems, n_samples=n_samples, loop=request.loop)
    if not wish.asks_the_model:
        sounds = sounding(old.latents, report=decoding)
        audio = {stem: sound.audio for stem, sound in sounds.items()}
        # Beside what is given the level follows from it, and stays where that is gone.
        gain = old.gain if anew.request.context and not any(context.given) else None
        return replace(old, gain=gain), audio
    span, seed = _span(anew.parent, wish), request.seed + (number << 32)
    latents = latents_anew(old, request, wish, span, seed, context, model, anew.report, number)
    sounds = sounding(latents, report=decoding)
    conditions = conditions_for(request, model.manifest, n_samples, choice)
    found = parts_of(Take(0, sounds, choice, latents, conditions), request, model)
    audio = {stem: sound.audio for stem, sound in sounds.items()}
    if span is None:
        kept = {s: p for s, p in old.parts.items() if not wish.concerns(s)}
        # What stays is heard as it was, to the sample.
        gain = None if all(map(wish.concerns, request.generate)) else old.gain
        return TakeState(latents, found | kept, choice, gain, old.heard), audio
    before = sounding(stretched(old.latents, latents.shape[-1]), report=decoding)
    where = inside(span, request, n_samples, model.manifest.sample_rate)
    audio = {stem: spliced(before[stem], sounds[stem], where) for stem in stems}
    parts = {}
    for stem, part in found.items():
        whole = replace(old.parts.get(stem, part), length_beats=part.length_beats)
        changed = wish.more_bars or wish.concerns(stem)
        parts[stem] = edits.replaced(whole, part, *span) if changed else whole
    return TakeState(latents, parts, choice, old.gain, old.heard), audio


def _span(parent: _Parent, wish: Rework) -> Span | None:
    """Beats of the take that it is about; None for all of them."""
    bar, length = parent.request.time_signature.beats_per_bar, parent.request.length_beats
    if wish.more_bars:
        return length, length + wish.more_bars * bar
    if wish.bars is None:
        return None
    first, last = wish.bars
    return (first - 1) * bar, min(length, last * bar)

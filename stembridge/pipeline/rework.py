"""A take worked on: some bars anew, more like it, longer, or its notes changed.

What the model does anew hears everything else of the take, given and made, as known latents: stems
and stretches of time alike. What is done to notes needs no network. The result is a take of its own
whose receipt names its parent and what was asked for, so that it can be made again from there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.audio.buffer import FloatArray
from stembridge.audio.loudness import amplitude
from stembridge.audio.windows import rising_ramp
from stembridge.context import Context, load_context
from stembridge.diffusion.inpaint import Known
from stembridge.diffusion.schedule import karras_sigmas
from stembridge.errors import BadArgsError
from stembridge.inference import Settings, codec, infer, shares
from stembridge.musical_time import beats_to_seconds
from stembridge.parts import edit as edits
from stembridge.pipeline.events import OnEvent, Reporter, StemFile, ignore
from stembridge.pipeline.generate import Take
from stembridge.pipeline.page import seen, write_page
from stembridge.pipeline.performance import parts_of
from stembridge.pipeline.receipt import (
    RECEIPT_NAME,
    build_receipt,
    read_receipt,
    request_of,
    write_receipt,
)
from stembridge.pipeline.rework_wish import Rework, edited
from stembridge.pipeline.settings import conditions_for, decoded_stems, settings_for
from stembridge.pipeline.take_files import MadeTake, sounded, take_folder, write_take
from stembridge.pipeline.take_state import TakeState, load_state
from stembridge.request import GenerationRequest, parse_request, request_to_mapping
from stembridge.runtime.manifest import Manifest
from stembridge.runtime.model import StemModel

_SEAM_S = 0.01


@dataclass(frozen=True)
class _Parent:
    """The take that is worked on."""

    path: Path
    receipt: Mapping[str, Any]
    request: GenerationRequest
    state: TakeState
    number: int


def rework(
    receipt_path: Path,
    wish: Rework,
    model: StemModel,
    out_dir: Path,
    on_event: OnEvent = ignore,
    roots: AllowedRoots | None = None,
) -> list[StemFile]:
    """Make a new take of an old one and write it.

    Args:
        receipt_path: the old take's receipt, or its folder.
        wish: what is to change.
        model: the model the old take was made with.
        out_dir: the folder take folders go into.
        on_event: told about progress and each finished stem; may raise CancelledError.
        roots: the folders context may come from; None allows every place.

    Raises:
        StembridgeError: whatever went wrong, in words.
    """
    parent = _open(receipt_path, wish, model)
    request = _request(parent, wish)
    _check(parent, request, wish, model)
    report = Reporter(on_event, 1)
    context = load_context(
        request, model.manifest, roots or AllowedRoots.anywhere(), partial(report, "read", 0.0),
        model.chord_chances,
    )  # fmt: skip
    state, decoded = _made(parent, context.pace.heard(request), wish, context, model, report)
    take = MadeTake(0, decoded, replace(state, parts=edited(state.parts, request, wish)))
    folder = out_dir / take_folder(request)
    made, stems, pictures = sounded(take, request, context, model.manifest), [], []
    for stem in write_take(made, request, folder, report):
        stems.append(stem)
        pictures.append(seen(stem, take.state.parts.get(stem.stem), made.audio[stem.stem]))
        report.stem(stem)
    report("write", 1.0, 0)
    settings = settings_for(request, model.manifest)
    receipt = build_receipt(request, settings, model, context, stems, report.seconds())
    origin = {"receipt": str(parent.path), "request_id": _parent_id(parent), "take": parent.number}
    receipt |= {"parent": origin, "rework": wish.to_mapping()}
    write_receipt(folder, receipt)
    write_page(folder, request, receipt, pictures)
    return stems


def _open(path: Path, wish: Rework, model: StemModel) -> _Parent:
    receipt = read_receipt(path)
    folder = (path if path.is_dir() else path.parent).absolute()
    request, count = request_of(receipt), len({s["variation"] for s in receipt["stems"]})
    if not 1 <= wish.take <= count:
        raise BadArgsError(f"There is no take {wish.take}; the receipt tells of {count}.")
    made_with = receipt["model"]["artifact_sha256"]
    if wish.asks_the_model and made_with != model.manifest.artifact_sha256:
        raise BadArgsError(
            f"The take was made with another model ({receipt['model']['name']}): its bars cannot "
            "be made anew with this one. Open that model with --model; notes can be changed with "
            "any."
        )
    state = load_state(folder, wish.take - 1)
    return _Parent(folder / RECEIPT_NAME, receipt, request, state, wish.take)


def _parent_id(parent: _Parent) -> str:
    return str(parent.receipt["request"]["request_id"])


def _request(parent: _Parent, wish: Rework) -> GenerationRequest:
    """The parent's request with what changes."""
    old = parent.request
    told = request_to_mapping(old) | {"request_id": None, "variations": 1} | dict(wish.changes)
    if wish.more_bars:
        bar = old.time_signature.beats_per_bar
        told["length_beats"] = old.length_beats + wish.more_bars * bar
    if wish.asks_the_model:
        told["seed"] = wish.seed if wish.seed is not None else (old.seed + 1) % 2**31
    timbres = {**dict(old.timbres), **wish.timbres}
    return parse_request(told | {"timbres": timbres})


def _check(parent: _Parent, request: GenerationRequest, wish: Rework, model: StemModel) -> None:
    made = parent.request.generate
    if unknown := set(wish.stems) - set(made):
        raise BadArgsError(f"The take has no {min(unknown)}; it has {', '.join(made)}.")
    tempo_changes = request.bpm != parent.request.bpm
    if tempo_changes and wish.asks_the_model:
        raise BadArgsError("Change the tempo and make bars anew one after the other.")
    if wish.bars is not None:
        bars = parent.request.length_beats / request.time_signature.beats_per_bar
        first, last = wish.bars
        if not (wish.redo or wish.like is not None):
            raise BadArgsError("Bars are to be made anew: say --redo, or --like and how far.")
        if not 1 <= first <= last <= math.ceil(bars):
            raise BadArgsError(
                f"Bars must lie between 1 and {bars:g}; they were {first:g} to {last:g}."
            )
    if wish.edits_notes or tempo_changes or wish.timbres:
        for stem in decoded_stems(request, model.manifest):
            if not wish.stems or stem in wish.stems:
                raise BadArgsError(
                    f"The {stem} sounds as the model made it, and notes of that sound cannot be "
                    "changed. Use --sound played, or name other stems."
                )


def _made(
    parent: _Parent,
    request: GenerationRequest,
    wish: Rework,
    context: Context,
    model: StemModel,
    report: Reporter,
) -> tuple[TakeState, dict[str, FloatArray]]:
    """The new state, and the model's own sound of the stems that want it."""
    old, n_samples = parent.state, context.samples.shape[-1]
    choice = replace(old.choice, timbres={**old.choice.timbres, **wish.timbres})
    stems, decoding = decoded_stems(request, model.manifest), partial(report, "decode")
    if not wish.asks_the_model:
        sounds = codec.sound(model, stems, old.latents, n_samples, decoding)
        return replace(old, choice=choice, gain=None), {
            s: sound.audio for s, sound in sounds.items()
        }
    latents = _anew(parent, request, wish, context, model, report)
    sounds = codec.sound(model, stems, latents, n_samples, decoding)
    told = conditions_for(request, model.manifest, n_samples, choice)
    found = parts_of(Take(0, sounds, choice, latents, told), request, model)
    audio = {stem: sound.audio for stem, sound in sounds.items()}
    span = _span_beats(parent, wish)
    if span is None:
        kept = {s: p for s, p in old.parts.items() if not wish.concerns(s)}
        return TakeState(latents, found | kept, choice), audio
    earlier = _stretched(old.latents, latents.shape[-1])
    before = codec.sound(model, stems, earlier, n_samples, decoding)
    inside = _inside(span, request, n_samples, model.manifest.sample_rate)
    audio = {stem: _spliced(before[stem], sounds[stem], inside) for stem in stems}
    parts = {}
    for stem, part in found.items():
        whole = replace(old.parts.get(stem, part), length_beats=part.length_beats)
        anew = wish.more_bars or wish.concerns(stem)
        parts[stem] = edits.replaced(whole, part, *span) if anew else whole
    return TakeState(latents, parts, choice, old.gain), audio


def _spliced(before: codec.Sound, after: codec.Sound, inside: FloatArray) -> FloatArray:
    """The old sound, exactly, but where `inside` is not 0; the new at the old one's gain."""
    new = after.audio * np.float32(amplitude(before.levelled_db - after.levelled_db))
    return before.audio + inside * (new - before.audio)


def _span_beats(parent: _Parent, wish: Rework) -> tuple[float, float] | None:
    """Beats of the take that are made anew; None for all of them."""
    bar, length = parent.request.time_signature.beats_per_bar, parent.request.length_beats
    if wish.more_bars:
        return length, length + wish.more_bars * bar
    if wish.bars is None:
        return None
    first, last = wish.bars
    return (first - 1) * bar, min(length, last * bar)


def _anew(
    parent: _Parent,
    request: GenerationRequest,
    wish: Rework,
    context: Context,
    model: StemModel,
    report: Reporter,
) -> FloatArray:
    """Latents [S, C, F] with what is to be made anew made anew; all else is as it was."""
    manifest, n_samples = model.manifest, context.samples.shape[-1]
    settings = settings_for(request, manifest)
    n_frames = -(-n_samples // manifest.hop)
    old = _stretched(parent.state.latents, n_frames)
    known = codec.hear(model, context.samples, context.given, partial(report, "encode"))
    given = known.mask[0] > 0
    latents = np.where(given[:, None], known.latents[0], old)
    free = np.zeros_like(given)
    span = _span_beats(parent, wish)
    first, stop = 0, n_frames
    if span is not None:
        frame_s = manifest.hop / manifest.sample_rate
        edges = [beats_to_seconds(b, request.bpm) / frame_s for b in span]
        first, stop = math.floor(edges[0]), min(n_frames, math.ceil(edges[1]))
    for stem in request.generate:
        if wish.more_bars or wish.concerns(stem):
            free[manifest.stem_index(stem), first:stop] = True
    mask = np.where(free, 0.0, 1.0).astype(np.float32)
    told = Known(latents[None], mask[None], manifest.context_mode, manifest.sigma_context)
    start = None
    if wish.like is not None:
        if wish.like <= 0:
            return latents
        settings, start = _from_here(settings, wish.like, manifest), latents[None]
    conditions = conditions_for(request, manifest, n_samples, parent.state.choice)
    callback = shares(partial(report, "sample"))
    made: FloatArray = infer(
        model, conditions, told, settings, [request.seed], start=start, callback=callback
    )[0]
    return made


def _from_here(settings: Settings, strength: float, manifest: Manifest) -> Settings:
    """Settings that begin at a part of the noise: at a half, as much of it as of sound."""
    if strength >= 1:
        return settings
    sigma = float(np.clip(math.tan(math.pi / 2 * strength), 2 * manifest.sigma_min,
                          manifest.sigma_max))  # fmt: skip
    sigmas = karras_sigmas(settings.steps, manifest.sigma_min, sigma, manifest.sampler.rho)
    return replace(settings, sigmas=tuple(sigmas))


def _stretched(latents: FloatArray, n_frames: int) -> FloatArray:
    """Latents [S, C, F] cut, or filled with zeros, to `n_frames`."""
    held = latents[..., :n_frames]
    return np.pad(held, ((0, 0), (0, 0), (0, n_frames - held.shape[-1])))


def _inside(
    span: tuple[float, float], request: GenerationRequest, n_samples: int, rate: int
) -> FloatArray:
    """1 inside the beats, 0 outside, with short ramps that lie inside [n_samples]."""
    first, stop = (round(beats_to_seconds(beats, request.bpm) * rate) for beats in span)
    stop, shape = min(stop, n_samples), np.zeros(n_samples, np.float32)
    shape[first:stop] = 1.0
    ramp = rising_ramp(min(round(_SEAM_S * rate), (stop - first) // 2))
    if first > 0:
        shape[first : first + len(ramp)] = ramp
    if stop < n_samples:
        shape[stop - len(ramp) : stop] = ramp[::-1]
    return shape

"""The door itself.

`parse_request` validates everything that can be known without looking at a disk or a model, and
says what is wrong in a sentence a musician understands. Inside the door nothing is checked again.
`request_to_mapping` writes the JSON that receipts and the journal keep: a receipt, which may have
been edited, comes in by the door again; what the journal kept is read by `request_from_mapping`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from stembridge.chords import ChordSpan, check_spans, parse_progression
from stembridge.errors import BadArgsError
from stembridge.musical_time import TimeSignature, beats_to_seconds, exact
from stembridge.request.fields import read_fields
from stembridge.request.model import (
    CHORD_FIELDS,
    CLIP_FIELDS,
    REQUEST_FIELDS,
    ContextClip,
    GenerationRequest,
)
from stembridge.request.readers import MAX_BARS, MIN_LENGTH_BEATS
from stembridge.request.tag import drawn_seed
from stembridge.roles import check_apart, check_whole

MAX_LENGTH_S = 15 * 60.0


def parse_request(mapping: Mapping[str, Any]) -> GenerationRequest:
    """Check a request and freeze it.

    Args:
        mapping: field names of GenerationRequest; besides, `bars` may stand for `length_beats`,
            `clips` for `context` (a list of mappings with ContextClip's fields), `context.drums`
            for a clip that starts at the request's start, `timbre.drums` for one of `timbres`, and
            `instrument.drums` for one of `instruments`. Without `seed` one is drawn.
            Values may be text. Chords may be a progression (see `stembridge.chords`).

    Raises:
        BadArgsError: anything missing, unknown, of the wrong kind or out of range.
    """
    asked = unfold(mapping)
    values = read_fields(REQUEST_FIELDS, asked, "request")
    context = tuple(_clip(item) for item in values["context"])
    check_apart(values["generate"], (clip.stem for clip in context))
    check_whole(clip.stem for clip in context)
    metre: TimeSignature = values["time_signature"]
    length_beats = _length_beats(values["length_beats"], values.pop("bars"), metre, values["bpm"])
    request_id = values["request_id"] or str(uuid.uuid4())
    checked = {
        "request_id": request_id,
        "seed": values["seed"] if "seed" in asked else drawn_seed(request_id),
        "context": context,
        "length_beats": length_beats,
        "chords": _chords(values["chords"], metre, length_beats),
    }
    return GenerationRequest(**(values | checked))


def request_to_mapping(request: GenerationRequest) -> dict[str, Any]:
    """The request as JSON-ready values; `request_from_mapping` gives the equal request back.

    The tempo is written as decimal text, so that no reader rounds it.
    """
    mapping = {field.name: getattr(request, field.name) for field in dataclasses.fields(request)}
    return mapping | {
        "generate": list(request.generate),
        "context": [dataclasses.asdict(clip) for clip in request.context],
        "bpm": repr(request.bpm),
        "time_signature": str(request.time_signature),
        "chords": [
            dataclasses.asdict(span) | {"pitch_classes": list(span.pitch_classes)}
            for span in request.chords
        ],
        **{name: dict(getattr(request, name)) for name in _HEADS.values() if name != "context"},
    }


def request_from_mapping(mapping: Mapping[str, Any]) -> GenerationRequest:
    """The request that `request_to_mapping` wrote; nothing of it is checked again.

    Raises:
        BadArgsError: another version wrote it, and this one cannot tell what it means.
    """
    with as_kept("request"):
        chords = (
            span | {"pitch_classes": tuple(span["pitch_classes"])} for span in mapping["chords"]
        )
        kept = {
            "generate": tuple(mapping["generate"]),
            "context": tuple(ContextClip(**clip) for clip in mapping["context"]),
            "bpm": float(mapping["bpm"]),
            "time_signature": TimeSignature.parse(mapping["time_signature"]),
            "chords": tuple(ChordSpan(**span) for span in chords),
            **{
                name: tuple(mapping[name].items())
                for name in _HEADS.values()
                if name in mapping and name != "context"
            },
        }
        return GenerationRequest(**{**mapping, **kept})


@contextlib.contextmanager
def as_kept(what: str) -> Iterator[None]:
    """What a journal kept is taken as it is.

    Raises:
        BadArgsError: it has other fields than this version's.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadArgsError(
            f"Another version of stembridge kept this {what}, in words of its own ({error}). Ask "
            "for it again."
        ) from error


def unfold(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the short keys (`clips`, `context.drums`, `timbre.drums`) into the full ones."""
    values: dict[str, Any] = {}
    folded: dict[str, dict[str, Any]] = {}
    for key, value in mapping.items():
        head, dot, stem = str(key).partition(".")
        if dot and head in _HEADS:
            folded.setdefault(_HEADS[head], {})[stem] = value
        else:
            values["context" if key == "clips" else str(key)] = value
    clips = [{"stem": stem, "path": path} for stem, path in folded.pop("context", {}).items()]
    if clips:
        given = values.get("context", [])
        values["context"] = [*given, *clips] if isinstance(given, list | tuple) else given
    for name, pairs in folded.items():
        named = values.get(name, {})
        values[name] = {**named, **pairs} if isinstance(named, Mapping) else named
    return values


_HEADS = {field.head: field.name for field in REQUEST_FIELDS.values() if field.head}


def _length_beats(
    told_beats: float | None, bars: float | None, metre: TimeSignature, bpm: float
) -> float:
    bar = metre.beats_per_bar
    if (told_beats is None) == (bars is None):
        raise BadArgsError("Give the length either in bars or in beats (length_beats), once.")
    length_beats = float(exact(bars or 0.0) * exact(bar)) if told_beats is None else told_beats
    if length_beats < MIN_LENGTH_BEATS:
        raise BadArgsError(
            f"The length must be at least {MIN_LENGTH_BEATS:g} beats; it was {length_beats:.6g}."
        )
    if length_beats > MAX_BARS * bar:
        raise BadArgsError(
            f"The length must be at most {MAX_BARS} bars; it was {length_beats / bar:.6g}."
        )
    duration_s = beats_to_seconds(length_beats, bpm)
    if duration_s > MAX_LENGTH_S:
        raise BadArgsError(
            f"The request may last at most {MAX_LENGTH_S / 60:g} minutes; at {bpm:g} bpm it "
            f"would last {duration_s / 60:.1f}."
        )
    return length_beats


def _clip(item: object) -> ContextClip:
    plain = dataclasses.asdict(item) if isinstance(item, ContextClip) else item
    clip = ContextClip(**read_fields(CLIP_FIELDS, plain, "clip"))
    start_s, end_s = clip.loop_start_s, clip.loop_end_s
    if end_s is not None and end_s <= (start_s or 0.0):
        raise BadArgsError("A clip's loop must end later than it starts.")
    return clip


def _chords(value: Any, metre: TimeSignature, length_beats: float) -> tuple[ChordSpan, ...]:
    if isinstance(value, str):
        return parse_progression(value, metre.beats_per_bar, length_beats) if value.strip() else ()
    spans = []
    for item in value:
        plain = dataclasses.asdict(item) if isinstance(item, ChordSpan) else item
        spans.append(ChordSpan(**read_fields(CHORD_FIELDS, plain, "chord")))
    return check_spans(spans, length_beats)

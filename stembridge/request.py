"""The one door: every request, from OSC, MIDI, the CLI or a receipt, becomes a GenerationRequest.

`parse_request` validates everything that can be known without looking at a disk or a model, and
says what is wrong in a sentence a musician understands. Inside the door nothing is checked again.
`request_to_mapping` is its inverse: the JSON that receipts and the journal keep.
"""

from __future__ import annotations

import dataclasses
import difflib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from stembridge.chords import ChordSpan, check_spans, parse_progression
from stembridge.errors import BadArgsError
from stembridge.musical_time import FOUR_FOUR, TimeSignature, beats_to_seconds, exact
from stembridge.request_model import (
    MAX_BARS,
    MIN_LENGTH_BEATS,
    SAMPLER_NAMES,
    STEMS,
    ChordModel,
    ClipModel,
    RequestModel,
)

__all__ = [
    "MAX_BARS",
    "MAX_LENGTH_S",
    "SAMPLER_NAMES",
    "STEMS",
    "ChordSpan",
    "ContextClip",
    "GenerationRequest",
    "TimeSignature",
    "parse_request",
    "request_to_mapping",
]

MAX_LENGTH_S = 15 * 60.0
_M = TypeVar("_M", bound=BaseModel)


@dataclass(frozen=True)
class ContextClip:
    """One piece of given audio on the timeline of its stem.

    Attributes:
        stem: the stem this audio belongs to.
        path: audio file, as the client wrote it.
        timeline_start_beats: where the clip starts, in beats from the request's start; a negative
            one began before it.
        file_start_s: where in the file the clip starts, in s.
        length_beats: how long it sounds; None: to the end of the file or of the request.
        gain: linear factor.
        source_bpm: tempo the file was recorded at; where it differs from the request's, the clip
            is time-stretched. None: play as recorded.
        loop: repeat the part from loop_start_s to loop_end_s (None: the whole file).
        loop_start_s: start of the repeated part in the file, in s.
        loop_end_s: its end, in s.
    """

    stem: str
    path: str
    timeline_start_beats: float = 0.0
    file_start_s: float = 0.0
    length_beats: float | None = None
    gain: float = 1.0
    source_bpm: float | None = None
    loop: bool = False
    loop_start_s: float | None = None
    loop_end_s: float | None = None


@dataclass(frozen=True)
class GenerationRequest:
    """What to make, complete and checked.

    Attributes:
        request_id: the client's name for this request.
        generate: stems to make, in house order.
        context: given audio; no stem is both given and made.
        bpm: tempo; its shortest decimal spelling is exact.
        length_beats: length in beats (quarter notes).
        time_signature: metre.
        start_beats: where the request's first bar line lies on the session's timeline.
        session_rate: sample rate of the files to write, in Hz.
        seed: the same seed gives the same take.
        variations: how many takes.
        steps: sampler steps; None: the model's own number.
        sampler: one of SAMPLER_NAMES; None: the model's own.
        guidance: how strongly the conditions pull (1: as trained).
        chords: rising spans; empty: as heard in the context, or chosen where nothing has a pitch.
        style: one of the model's styles, or None: as heard in the context, if the model can.
        timbres: (stem, timbre) pairs in house order; the model may choose where none is named.
        sample_format: 24-bit integers or 32-bit floats in the WAV.
        use_grid: whether the model is told tempo and bar lines.
        midi: whether a MIDI file is wanted beside each stem.
        name: folder name for the takes, or None.
    """

    request_id: str
    generate: tuple[str, ...]
    context: tuple[ContextClip, ...]
    bpm: float
    length_beats: float
    time_signature: TimeSignature = FOUR_FOUR
    start_beats: float = 0.0
    session_rate: int = 44_100
    seed: int = 0
    variations: int = 1
    steps: int | None = None
    sampler: str | None = None
    guidance: float = 1.0
    chords: tuple[ChordSpan, ...] = ()
    style: str | None = None
    timbres: tuple[tuple[str, str], ...] = ()
    sample_format: Literal["pcm24", "float"] = "pcm24"
    use_grid: bool = True
    midi: bool = False
    name: str | None = None

    @property
    def duration_s(self) -> float:
        """Length in s."""
        return beats_to_seconds(self.length_beats, self.bpm)

    @property
    def context_stems(self) -> tuple[str, ...]:
        """Stems that are given, in house order."""
        return tuple(stem for stem in STEMS if any(clip.stem == stem for clip in self.context))


def parse_request(mapping: Mapping[str, Any]) -> GenerationRequest:
    """Check a request and freeze it.

    Args:
        mapping: field names of GenerationRequest; besides, `bars` may stand for `length_beats`,
            `clips` for `context` (a list of mappings with ContextClip's fields), `context.drums`
            for a clip that starts at the request's start, `timbre.drums` for one of `timbres`.
            Values may be text. Chords may be a progression (see `stembridge.chords`).

    Raises:
        BadArgsError: anything missing, unknown, of the wrong kind or out of range.
    """
    model = _validate(RequestModel, _unfold(mapping), "request")
    values = {name: getattr(model, name) for name in RequestModel.model_fields}
    length_beats = _length_beats(model)
    context = tuple(_clip(item) for item in model.context)
    both = [stem for stem in model.generate if any(clip.stem == stem for clip in context)]
    if both:
        raise BadArgsError(
            f"{both[0].capitalize()} is given as context and asked for; it can only be one of them."
        )
    del values["bars"]
    return GenerationRequest(
        **{
            **values,
            "request_id": model.request_id or str(uuid.uuid4()),
            "context": context,
            "length_beats": length_beats,
            "chords": _chords(model.chords, model.time_signature, length_beats),
        }
    )


def request_to_mapping(request: GenerationRequest) -> dict[str, Any]:
    """The request as JSON-ready values; `parse_request` gives the equal request back.

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
        "timbres": dict(request.timbres),
    }


def _unfold(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the short keys (`clips`, `context.drums`, `timbre.drums`) into the full ones."""
    values: dict[str, Any] = {}
    clips: list[Any] = []
    timbres: dict[str, Any] = {}
    for key, value in mapping.items():
        head, dot, stem = str(key).partition(".")
        if dot and head == "context":
            clips.append({"stem": stem, "path": value})
        elif dot and head == "timbre":
            timbres[stem] = value
        else:
            values["context" if key == "clips" else str(key)] = value
    if clips:
        given = values.get("context", [])
        values["context"] = [*given, *clips] if isinstance(given, list | tuple) else given
    if timbres:
        named = values.get("timbres", {})
        values["timbres"] = {**named, **timbres} if isinstance(named, Mapping) else named
    return values


def _validate(model: type[_M], values: object, what: str) -> _M:
    if not isinstance(values, dict):
        raise BadArgsError(f"A {what} must be a set of named values.")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise BadArgsError(_sentence(error, list(model.model_fields), what)) from None


def _sentence(error: ValidationError, known: list[str], what: str) -> str:
    """The first fault, in words. Our readers bring their own sentence with them."""
    first = error.errors(include_url=False)[0]
    field = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(field, known, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"known are {', '.join(known)}."
        return f'A {what} has no setting "{field[:40]}"; {hint}'
    if first["type"] == "missing":
        return f'The {what} says nothing about "{field}", which it must.'
    return str(first["ctx"]["error"])


def _length_beats(model: RequestModel) -> float:
    bar = model.time_signature.beats_per_bar
    if (model.length_beats is None) == (model.bars is None):
        raise BadArgsError("Give the length either in bars or in beats (length_beats), once.")
    if model.length_beats is not None:
        length_beats = model.length_beats
    else:
        length_beats = float(exact(model.bars or 0.0) * exact(bar))
    if length_beats < MIN_LENGTH_BEATS:
        raise BadArgsError(
            f"The length must be at least {MIN_LENGTH_BEATS:g} beats; it was {length_beats:.6g}."
        )
    if length_beats > MAX_BARS * bar:
        raise BadArgsError(
            f"The length must be at most {MAX_BARS} bars; it was {length_beats / bar:.6g}."
        )
    duration_s = beats_to_seconds(length_beats, model.bpm)
    if duration_s > MAX_LENGTH_S:
        raise BadArgsError(
            f"The request may last at most {MAX_LENGTH_S / 60:g} minutes; at {model.bpm:g} bpm it "
            f"would last {duration_s / 60:.1f}."
        )
    return length_beats


def _clip(item: object) -> ContextClip:
    if isinstance(item, ContextClip):
        item = dataclasses.asdict(item)
    model = _validate(ClipModel, dict(item) if isinstance(item, Mapping) else item, "clip")
    start, end = model.loop_start_s, model.loop_end_s
    if end is not None and end <= (start or 0.0):
        raise BadArgsError("A clip's loop must end later than it starts.")
    return ContextClip(**model.model_dump())


def _chords(value: Any, metre: TimeSignature, length_beats: float) -> tuple[ChordSpan, ...]:
    if isinstance(value, str):
        return parse_progression(value, metre.beats_per_bar, length_beats) if value.strip() else ()
    spans = []
    for item in value:
        plain = dataclasses.asdict(item) if isinstance(item, ChordSpan) else item
        spans.append(ChordSpan(**_validate(ChordModel, plain, "chord").model_dump()))
    return check_spans(spans, length_beats)

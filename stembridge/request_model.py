"""The fields of a request and of a clip, each with its reader and its limits (see `request`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from stembridge.musical_time import FOUR_FOUR, TimeSignature, as_written
from stembridge.readers import (
    Reader,
    choice,
    flag,
    number,
    optional,
    shown,
    stem_set,
    text,
    whole,
)

STEMS = ("bass", "drums", "guitar", "piano")
"""The stems, in the order they always have."""

SAMPLER_NAMES = ("dpmpp_2m", "dpmpp_2m_sde", "heun", "euler")
SAMPLE_FORMATS = ("pcm24", "float")
MIN_LENGTH_BEATS = 0.25
MAX_BARS = 512
MAX_CLIPS = 256
_FAR_BEATS = 1e6
_LONG_S = 24 * 3600.0
_WINDOWS_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)


def _read_bpm(what: str) -> Reader:
    read = number(what, 20, 999, "bpm")

    def read_bpm(value: Any) -> float:
        # An OSC float carries 87.3 in single precision; the DAW shows, and means, 87.3.
        return as_written(read(value)) if isinstance(value, float) else float(read(value))

    return read_bpm


def _read_time_signature(value: Any) -> TimeSignature:
    if isinstance(value, TimeSignature):
        return value
    if not isinstance(value, str):
        raise ValueError(f"The time signature must be like 4/4 or 7/8; it was {shown(value)}.")
    return TimeSignature.parse(value)


def _read_request_id(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", value):
        raise ValueError(
            'The request id must be 1 to 64 letters, digits, ".", "_", ":" or "-" (a UUID is '
            f"best); it was {shown(value)}."
        )
    return value


def _read_name(value: Any) -> str:
    if (
        isinstance(value, str)
        and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", value)
        and not _WINDOWS_DEVICES.fullmatch(value)
    ):
        return value
    slug = re.sub(r"[^a-z0-9]+", "-", value.lower()).strip("-")[:40] if type(value) is str else ""
    hint = "" if not slug or _WINDOWS_DEVICES.fullmatch(slug) else f' "{slug}" would do.'
    raise ValueError(
        'The name must be 1 to 64 letters, digits, "-" or "_", beginning with a letter or digit '
        f"(it names a folder); it was {shown(value)}.{hint}"
    )


def _read_timbres(value: Any) -> tuple[tuple[str, str], ...]:
    try:
        pairs = dict(value)
    except (TypeError, ValueError):
        raise ValueError(
            f"The timbres must name a timbre for each stem; they were {shown(value)}."
        ) from None
    stem, name = choice("stem of a timbre", STEMS), text("timbre", 64)
    chosen = {stem(key): name(timbre) for key, timbre in pairs.items()}
    return tuple((key, chosen[key]) for key in STEMS if key in chosen)


def _read_list(what: str, longest: int) -> Reader:
    def read(value: Any) -> list[Any]:
        if isinstance(value, str | bytes | Mapping) or not hasattr(value, "__iter__"):
            raise ValueError(f"The {what} must be a list; it was {shown(value)}.")
        items = list(value)
        if len(items) > longest:
            raise ValueError(f"There are more than {longest} {what}.")
        return items

    return read


def _read_chords(value: Any) -> Any:
    return value if isinstance(value, str) else _read_list("chords", 2048)(value)


def _read_pitch_classes(value: Any) -> tuple[int, ...]:
    pitch_class = whole("pitch class", 0, 11)
    return tuple(sorted({pitch_class(item) for item in _read_list("pitch classes", 64)(value)}))


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class ClipModel(_Model):
    """One clip of context, as it arrives."""

    stem: Annotated[str, BeforeValidator(choice("stem of a clip", STEMS))]
    path: Annotated[str, BeforeValidator(text("path of a clip", 4096))]
    timeline_start_beats: Annotated[
        float, BeforeValidator(number("clip's place", -_FAR_BEATS, _FAR_BEATS, "beats"))
    ] = 0.0
    file_start_s: Annotated[
        float, BeforeValidator(number("clip's start in its file", 0, _LONG_S, "s"))
    ] = 0.0
    length_beats: Annotated[
        float | None, BeforeValidator(optional(number("clip's length", 1e-3, _FAR_BEATS, "beats")))
    ] = None
    gain: Annotated[float, BeforeValidator(number("clip's gain", 0, 16, "(1 = unchanged)"))] = 1.0
    source_bpm: Annotated[
        float | None, BeforeValidator(optional(_read_bpm("tempo of the clip's recording")))
    ] = None
    loop: Annotated[bool, BeforeValidator(flag("A clip's loop switch"))] = False
    loop_start_s: Annotated[
        float | None, BeforeValidator(optional(number("clip's loop start", 0, _LONG_S, "s")))
    ] = None
    loop_end_s: Annotated[
        float | None, BeforeValidator(optional(number("clip's loop end", 0, _LONG_S, "s")))
    ] = None


class ChordModel(_Model):
    """One chord, as a receipt keeps it."""

    start_beats: Annotated[float, BeforeValidator(number("chord's start", 0, _FAR_BEATS, "beats"))]
    pitch_classes: Annotated[tuple[int, ...], BeforeValidator(_read_pitch_classes)]
    root: Annotated[int | None, BeforeValidator(optional(whole("chord's root", 0, 11)))] = None
    symbol: Annotated[str, BeforeValidator(text("chord symbol", 64))]


class RequestModel(_Model):
    """A request, as it arrives; `length_beats` or `bars` gives its length."""

    request_id: Annotated[str | None, BeforeValidator(optional(_read_request_id))] = None
    generate: Annotated[tuple[str, ...], BeforeValidator(stem_set("stems to generate", STEMS))]
    context: Annotated[list[Any], BeforeValidator(_read_list("context clips", MAX_CLIPS))] = []
    bpm: Annotated[float, BeforeValidator(_read_bpm("tempo"))]
    length_beats: Annotated[
        float | None,
        BeforeValidator(optional(number("length", MIN_LENGTH_BEATS, 99 * 4 * MAX_BARS, "beats"))),
    ] = None
    bars: Annotated[
        float | None, BeforeValidator(optional(number("length", 0, MAX_BARS, "bars")))
    ] = None
    time_signature: Annotated[TimeSignature, BeforeValidator(_read_time_signature)] = FOUR_FOUR
    start_beats: Annotated[
        float, BeforeValidator(number("start", -_FAR_BEATS, _FAR_BEATS, "beats"))
    ] = 0.0
    session_rate: Annotated[
        int, BeforeValidator(whole("session's sample rate", 8000, 192_000, "Hz"))
    ] = 44_100
    seed: Annotated[int, BeforeValidator(whole("seed", 0, 2**31 - 1))] = 0
    variations: Annotated[int, BeforeValidator(whole("number of variations", 1, 8))] = 1
    steps: Annotated[int | None, BeforeValidator(optional(whole("number of steps", 1, 1000)))] = (
        None
    )
    sampler: Annotated[str | None, BeforeValidator(optional(choice("sampler", SAMPLER_NAMES)))] = (
        None
    )
    guidance: Annotated[float, BeforeValidator(number("guidance", 0, 20))] = 1.0
    chords: Annotated[Any, BeforeValidator(_read_chords)] = ()
    style: Annotated[str | None, BeforeValidator(optional(text("style", 64)))] = None
    timbres: Annotated[tuple[tuple[str, str], ...], BeforeValidator(_read_timbres)] = ()
    sample_format: Annotated[
        Literal["pcm24", "float"], BeforeValidator(choice("sample format", SAMPLE_FORMATS))
    ] = "pcm24"
    use_grid: Annotated[bool, BeforeValidator(flag("The grid switch"))] = True
    midi: Annotated[bool, BeforeValidator(flag("The MIDI switch"))] = False
    name: Annotated[str | None, BeforeValidator(optional(_read_name))] = None

"""The fields of a clip of given audio, each declared once (see `fields`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from stembridge.readers import flag, number, optional, text
from stembridge.request.fields import Wish
from stembridge.request.readers import FAR_BEATS, LONG_S, stem_name, tempo


@dataclass(frozen=True)
class ContextClip:
    """One piece of given audio on the timeline of its stem; what is None was not told."""

    stem: Annotated[str, Wish(stem_name("stem of a clip"), "the stem this audio belongs to")]
    path: Annotated[str, Wish(text("path of a clip", 4096), "absolute path of the audio file")]
    timeline_start_beats: Annotated[
        float,
        Wish(
            number("clip's place", -FAR_BEATS, FAR_BEATS, "beats"),
            "where the clip starts, relative to frame 0; may be < 0",
        ),
    ] = 0.0
    file_start_s: Annotated[
        float,
        Wish(
            number("clip's start in its file", 0, LONG_S, "s"),
            "where in the file it starts, in seconds",
        ),
    ] = 0.0
    length_beats: Annotated[
        float | None,
        Wish(
            optional(number("clip's length", 1e-3, FAR_BEATS, "beats")),
            "how long it sounds (default: to the end)",
        ),
    ] = None
    gain: Annotated[
        float,
        Wish(number("clip's gain", 0, 16, "(1 = unchanged)"), "linear gain; 1 is unchanged"),
    ] = 1.0
    source_bpm: Annotated[
        float | None,
        Wish(
            optional(tempo("tempo of the clip's recording")),
            "tempo the file was recorded at, if it must be stretched",
        ),
    ] = None
    loop: Annotated[
        bool, Wish(flag("A clip's loop switch"), "repeat from loop_start_s to loop_end_s")
    ] = False
    loop_start_s: Annotated[
        float | None,
        Wish(
            optional(number("clip's loop start", 0, LONG_S, "s")),
            "loop start in the file, in seconds",
        ),
    ] = None
    loop_end_s: Annotated[
        float | None,
        Wish(
            optional(number("clip's loop end", 0, LONG_S, "s")), "loop end in the file, in seconds"
        ),
    ] = None

"""The fields of a request and of a clip, each declared once (see `fields`).

A new field is one entry here; request, receipt, wire, README and command line follow. What it does
is then up to the pipeline.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from stembridge.chords import ChordSpan
from stembridge.musical_time import FOUR_FOUR, TimeSignature, beats_to_seconds
from stembridge.readers import choice, flag, number, optional, text, whole
from stembridge.request.clip import ContextClip as ContextClip
from stembridge.request.fields import Field, Wish, fields_of
from stembridge.request.readers import (
    FAR_BEATS,
    MAX_BARS,
    MAX_CLIPS,
    MIN_LENGTH_BEATS,
    SAMPLE_FORMATS,
    SAMPLER_NAMES,
    SOUNDS,
    listed,
    per_stem,
    read_chords,
    read_name,
    read_pitch_classes,
    read_request_id,
    read_time_signature,
    stem_groups,
    tempo,
)
from stembridge.roles import in_order, members

RequestId: TypeAlias = Annotated[
    str, Wish(optional(read_request_id), "", key=None, option=None, optional=True)
]
SampleFormat: TypeAlias = Annotated[
    Literal["pcm24", "float"],
    Wish(
        choice("sample format", SAMPLE_FORMATS),
        "pcm24 or float",
        option="--float",
        switch="float",
        help="write 32-bit float WAV",
    ),
]
"""Both stand in separations, too."""

PerStem: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class GenerationRequest:
    """What to make, complete and checked.

    Of what is None or empty, the model has its own idea. Tempo: its shortest decimal spelling is
    exact. Chords: rising spans. Stems and timbres stand in house order; no stem is both given
    and made.
    """

    request_id: RequestId
    generate: Annotated[
        tuple[str, ...],
        Wish(
            stem_groups("stems to generate"),
            "stems to make, by comma: bass, drums, guitar, piano; GMSDI's model makes bass+drums "
            "as one",
        ),
    ]
    bpm: Annotated[
        float,
        Wish(
            tempo("tempo"),
            "tempo in quarter notes per minute, 20 to 999; best as decimal text",
            help='tempo in quarter notes per minute, 20 to 999, or "auto": as heard',
        ),
    ]
    length_beats: Annotated[
        float,
        Wish(
            optional(number("length", MIN_LENGTH_BEATS, 99 * 4 * MAX_BARS, "beats")),
            "length in beats (quarter notes)",
            optional=True,
        ),
    ]
    time_signature: Annotated[
        TimeSignature, Wish(read_time_signature, 'such as "4/4" or "7/8"')
    ] = FOUR_FOUR
    start_beats: Annotated[
        float,
        Wish(
            number("start", -FAR_BEATS, FAR_BEATS, "beats"),
            "position of frame 0 on the session's timeline, in beats",
        ),
    ] = 0.0
    session_rate: Annotated[
        int,
        Wish(
            whole("session's sample rate", 8000, 192_000, "Hz"),
            "sample rate of the files, 8000 to 192000 Hz",
            option="--rate",
        ),
    ] = 44_100
    seed: Annotated[
        int,
        Wish(
            whole("seed", 0, 2**31 - 1),
            "same seed, same request, same take (default: drawn, and told)",
        ),
    ] = 0
    variations: Annotated[
        int, Wish(whole("number of variations", 1, 8), "takes per stem, 1 to 8")
    ] = 1
    best: Annotated[
        int,
        Wish(whole("number to choose from", 1, 8), "make so many of each take, keep the best"),
    ] = 1
    steps: Annotated[
        int | None,
        Wish(optional(whole("number of steps", 1, 1000)), "sampler steps (default: the model's)"),
    ] = None
    sampler: Annotated[
        str | None,
        Wish(
            optional(choice("sampler", SAMPLER_NAMES)),
            f"{', '.join(SAMPLER_NAMES)} (default: the model's)",
        ),
    ] = None
    guidance: Annotated[
        float | None,
        Wish(
            optional(number("guidance", 0, 20)),
            "classifier-free guidance weight; 1 is none (default: the model's)",
        ),
    ] = None
    chords: Annotated[
        tuple[ChordSpan, ...],
        Wish(
            read_chords,
            '"Am F C G", one per bar, or "Am@0 F@4" in beats; repeat to go on (default: as heard)',
            help='one chord per bar, "Am F C G", or in beats, "Am@0 F@4", or a MIDI file',
        ),
    ] = ()
    prompt: Annotated[str | None, Wish(
        optional(text("prompt", 300)),
        'what it is to be, in words: "dark funk, slap bass, busy drums"',
    )] = None  # fmt: skip
    negative_prompt: Annotated[str | None, Wish(
        optional(text("negative prompt", 300)), 'what it is not to be, in words: "distortion"',
    )] = None  # fmt: skip
    prompts: Annotated[PerStem, Wish(
        per_stem("prompt", 300), "what that stem alone is to be, in words",
        key="prompt.<stem>", option="--prompt-for",
        help='what one stem is to be, in words, as bass="slap, dark"; once per stem',
    )] = ()  # fmt: skip
    negative_prompts: Annotated[PerStem, Wish(
        per_stem("negative prompt", 300), "what that stem alone is not to be, in words",
        key="negative_prompt.<stem>", option="--negative-prompt-for",
        help='what one stem is not to be, in words, as bass="drums"; once per stem',
    )] = ()  # fmt: skip
    like: Annotated[
        str | None,
        Wish(
            optional(text("path of the reference", 4096)),
            "absolute path of an audio file whose style, instrument and density to follow",
            help="audio file whose style, instrument and density to follow",
            names_file=True,
        ),
    ] = None
    style: Annotated[
        str | None,
        Wish(optional(text("style", 64)), "one of the model's styles (default: as heard)"),
    ] = None
    timbres: Annotated[
        PerStem,
        Wish(
            per_stem("timbre", 64),
            "one of the model's timbres for that stem (default: one of the style's)",
            key="timbre.<stem>",
            help="sound of a stem as stem=name, one of the model's; once per stem",
        ),
    ] = ()
    sound: Annotated[
        Literal["played", "model"] | None,
        Wish(
            optional(choice("sound", SOUNDS)),
            "played by instruments, or the model's own (default: played where it has notes)",
        ),
    ] = None
    instruments: Annotated[
        PerStem,
        Wish(
            per_stem("instrument", 4096),
            "what plays that stem: a .sfz file, or a SoundFont's program, gm.sf2:33",
            key="instrument.<stem>",
            names_file=True,
        ),
    ] = ()
    snap: Annotated[
        float | None,
        Wish(
            optional(number("snap", 0, 1)),
            "how near played notes are drawn to the grid, 0 to 1 (default: 0.5)",
        ),
    ] = None
    sample_format: SampleFormat = "pcm24"
    use_grid: Annotated[
        bool,
        Wish(
            flag("The grid switch"),
            "tell the model where beats and bars fall",
            option="--no-grid",
            switch=False,
            help="do not tell the model where beats and bars fall",
        ),
    ] = True
    midi: Annotated[
        bool, Wish(flag("The MIDI switch"), "write a MIDI file beside each stem", switch=True)
    ] = False
    loop: Annotated[
        bool,
        Wish(
            flag("The loop switch"),
            "make the take so that its end flows into its start",
            switch=True,
        ),
    ] = False
    loop_context: Annotated[bool, Wish(
        flag("The loop-context switch"),
        "repeat given files of whole bars that end before the take does", switch=True,
    )] = False  # fmt: skip
    name: Annotated[
        str | None, Wish(optional(read_name), "name of the take's folder (a name, not a path)")
    ] = None
    context: Annotated[
        tuple[ContextClip, ...],
        Wish(
            listed("context clips", MAX_CLIPS),
            "audio file of that stem, from frame 0 on: the short form; `mix` is taken apart first, "
            "`other` is no stem, such as a voice",
            key="context.<stem>",
            help="given audio as stem=file, such as drums=loop.wav; once per file. mix=file is "
            "taken apart first, other=file is what sounds and is no stem, such as a voice",
        ),
    ] = ()

    @property
    def duration_s(self) -> float:
        """Length in s."""
        return beats_to_seconds(self.length_beats, self.bpm)

    @property
    def made(self) -> frozenset[str]:
        """Stems that are made, also those of groups."""
        return frozenset(stem for group in self.generate for stem in members(group))

    @property
    def context_stems(self) -> tuple[str, ...]:
        """Stems that are given, in house order."""
        return in_order(clip.stem for clip in self.context)


BARS = Field(
    "bars",
    Wish(
        optional(number("length", 0, MAX_BARS, "bars")),
        "length in bars (or give length_beats)",
        help="length in bars",
    ),
    "decimal",
)
"""Another way to ask for `length_beats`."""

CLIP_FIELDS = fields_of(ContextClip)
CHORD_FIELDS = {
    field.name: field
    for field in (
        Field("start_beats", Wish(number("chord's start", 0, FAR_BEATS, "beats"), ""), needed=True),
        Field("pitch_classes", Wish(read_pitch_classes, ""), needed=True),
        Field("root", Wish(optional(whole("chord's root", 0, 11)), "")),
        Field("symbol", Wish(text("chord symbol", 64), ""), needed=True),
        Field("confidence", Wish(number("chord's confidence", 0, 1), ""), default=1.0),
    )
}
"""Of a chord, as a receipt keeps it."""


def _asked() -> dict[str, Field]:
    fields = fields_of(GenerationRequest)
    at = list(fields).index("length_beats")
    return dict([*list(fields.items())[:at], ("bars", BARS), *list(fields.items())[at:]])


REQUEST_FIELDS = _asked()
"""What may be asked for, in the order in which the README tells it."""

"""The words the address table is written in, the wire's limits, and the keys of a request.

Types are OSC type tags: `s` text (UTF-8), `i` integer, `f` number. The daemon takes any numeric tag
(`i h f d`) where a number is due, and decimal text where precision matters: a 32-bit float cannot
hold 87.3 bpm exactly, so send tempo and beats as text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

API_MAJOR, API_MINOR = 1, 0
DEFAULT_PORT = 9420
PREFIX = "/stembridge/"

MAX_DATAGRAM_BYTES = 8192
MAX_STRING_BYTES = 1024
MAX_ARGS = 64
MAX_CLIPS = 64
LEASE_S = 10
"""A client that says nothing for this long is taken for gone (it keeps its jobs)."""

Tag = Literal["s", "i", "f"]
Kind = Literal["text", "decimal", "integer", "flag"]
Direction = Literal["in", "out", "relay"]


@dataclass(frozen=True)
class Arg:
    """One positional argument: its name, OSC type tag and sentence."""

    name: str
    tag: Tag
    doc: str
    optional: bool = False


@dataclass(frozen=True)
class Key:
    """One key of a (key, value)* tail; a name ending in `.<stem>` stands for one key per stem."""

    name: str
    kind: Kind
    doc: str


@dataclass(frozen=True)
class Row:
    """One address: who sends it, what it carries, what answers it.

    A relay row that `must_arrive` is refused while no client has its capability.
    """

    address: str
    direction: Direction
    args: tuple[Arg, ...]
    doc: str
    keys: tuple[Key, ...] | None = None
    answers: tuple[str, ...] = ()
    capability: str = ""
    must_arrive: bool = False


_REPLY_KEY = Key("reply_port", "integer", "UDP port for all answers (clients without hello)")

GENERATE_KEYS: tuple[Key, ...] = (
    Key("generate", "text", "stems to make, by comma: bass, drums, guitar, piano"),
    Key("bpm", "decimal", "tempo in quarter notes per minute, 20 to 999; best as decimal text"),
    Key("bars", "decimal", "length in bars (or give length_beats)"),
    Key("length_beats", "decimal", "length in beats (quarter notes)"),
    Key("time_signature", "text", 'such as "4/4" or "7/8"'),
    Key("start_beats", "decimal", "position of frame 0 on the session's timeline, in beats"),
    Key("session_rate", "integer", "sample rate of the files, 8000 to 192000 Hz"),
    Key("seed", "integer", "same seed, same request, same take"),
    Key("variations", "integer", "takes per stem, 1 to 8"),
    Key("steps", "integer", "sampler steps (default: the model's)"),
    Key("sampler", "text", "euler, heun, dpmpp_2m or dpmpp_2m_sde (default: the model's)"),
    Key("guidance", "decimal", "classifier-free guidance weight; 1 is none"),
    Key(
        "chords",
        "text",
        '"Am F C G", one per bar, or "Am@0 F@4" in beats; repeat to go on (default: as heard)',
    ),
    Key("style", "text", "one of the model's styles (default: as heard in the context)"),
    Key(
        "timbre.<stem>",
        "text",
        "one of the model's timbres for that stem (default: one of the style's)",
    ),
    Key("sample_format", "text", "pcm24 or float"),
    Key("use_grid", "flag", "tell the model where beats and bars fall"),
    Key("midi", "flag", "write a MIDI file beside each stem"),
    Key("name", "text", "name of the take's folder (a name, not a path)"),
    Key("context.<stem>", "text", "audio file of that stem, from frame 0 on: the short form"),
    Key("clips", "integer", "how many /stembridge/clip datagrams came before this"),
    _REPLY_KEY,
)

CLIP_KEYS: tuple[Key, ...] = (
    Key("stem", "text", "the stem this audio belongs to"),
    Key("path", "text", "absolute path of the audio file"),
    Key(
        "timeline_start_beats", "decimal", "where the clip starts, relative to frame 0; may be < 0"
    ),
    Key("file_start_s", "decimal", "where in the file it starts, in seconds"),
    Key("length_beats", "decimal", "how long it sounds (default: to the end)"),
    Key("gain", "decimal", "linear gain; 1 is unchanged"),
    Key("source_bpm", "decimal", "tempo the file was recorded at, if it must be stretched"),
    Key("loop", "flag", "repeat from loop_start_s to loop_end_s"),
    Key("loop_start_s", "decimal", "loop start in the file, in seconds"),
    Key("loop_end_s", "decimal", "loop end in the file, in seconds"),
    _REPLY_KEY,
)

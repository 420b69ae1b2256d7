"""Which pad does what, and which lamp shows what: a TOML file.

[midi]
input = "Launchpad"          # part of the port's name; "virtual" for a port of our own
output = "Launchpad"
api = ""                     # "alsa", "jack", "core", "mm"; "" for the first that works
time_signature = "4/4"
chord_channel = 1            # channel chords are played on; 0 for every channel
thru = false                 # send the clock on to the output

[[pad]]
note = 36                    # or cc = 20, or program = 3
channel = 10                 # 1 to 16; leave out for every channel
action = "generate"
stem = "bass"

[[lamp]]
state = "working"            # idle, queued, working, done or failed
stem = "bass"                # leave out for all
note = 36                    # or cc = 20
channel = 10
value = 5                    # velocity or controller value; -1 for progress, 0 to 127

[request]                    # what requests from pads ask for besides
bars = 8
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stembridge.errors import BadArgsError, NoSuchFileError
from stembridge.musical_time import TimeSignature
from stembridge.request.model import REQUEST_FIELDS
from stembridge.roles import NAME as STEM_NAME
from stembridge.roles import ROLES

ACTIONS = {
    "generate": "generate a stem from the others",
    "reroll": "the last request again, with another seed",
    "cancel": "take back what is queued or running",
    "keep": "keep the take that plays",
    "next": "audition the next take",
    "previous": "audition the take before",
    "play": "audition the latest take",
    "stop": "stop audition and capture",
    "capture": "capture a stem from the input, from the next bar on",
    "clear_chords": "forget the chords played",
}
STATES = ("idle", "queued", "working", "done", "failed")
APIS = ("", "alsa", "jack", "core", "mm")
PROGRESS = -1
CC_ON = 64

Data = tuple[int, ...]


@dataclass(frozen=True)
class Trigger:
    """A note, controller or program; channel 1..16, or 0 for every channel."""

    kind: str
    number: int
    channel: int = 0

    def __str__(self) -> str:
        return f"{self.kind} {self.number}" + (f" channel {self.channel}" if self.channel else "")


@dataclass(frozen=True)
class Pad:
    """A trigger and what it does."""

    trigger: Trigger
    action: str
    stem: str = ""


@dataclass(frozen=True)
class Lamp:
    """A note or controller sent when a state is entered; value -1 sends the progress."""

    trigger: Trigger
    state: str
    stem: str
    value: int


@dataclass(frozen=True)
class MidiMapping:
    """The file's content."""

    input: str = "virtual"
    output: str = ""
    api: str = ""
    time_signature: TimeSignature = field(default_factory=TimeSignature)
    chord_channel: int = 0
    thru: bool = False
    pads: tuple[Pad, ...] = ()
    lamps: tuple[Lamp, ...] = ()
    request: tuple[tuple[str, Any], ...] = ()

    def pad(self, data: Data) -> Pad | None:
        """The pad a message presses; later entries of the file win."""
        trigger = trigger_of(data)
        if trigger is None:
            return None
        for pad in reversed(self.pads):
            wanted = pad.trigger
            if (wanted.kind, wanted.number) == (trigger.kind, trigger.number) and (
                wanted.channel in (0, trigger.channel)
            ):
                return pad
        return None

    def lights(self, state: str, stem: str, fraction: float) -> list[Data]:
        """Messages that show a state."""
        return [
            _lamp_message(lamp, fraction)
            for lamp in self.lamps
            if lamp.state == state and (not lamp.stem or not stem or lamp.stem == stem)
        ]


def trigger_of(data: Data) -> Trigger | None:
    """The press a message stands for: note on, controller above the middle, program change."""
    match data:
        case (status, note, velocity) if status & 0xF0 == 0x90 and velocity > 0:
            return Trigger("note", note, (status & 15) + 1)
        case (status, number, value) if status & 0xF0 == 0xB0 and value >= CC_ON:
            return Trigger("cc", number, (status & 15) + 1)
        case (status, program) if status & 0xF0 == 0xC0:
            return Trigger("program", program, (status & 15) + 1)
    return None


def load_mapping(path: Path | None) -> MidiMapping:
    """Read a mapping file; without one, a virtual port and no pads.

    Raises:
        NoSuchFileError: the file is not there.
        BadArgsError: it is not TOML, or says something impossible.
    """
    if path is None:
        return MidiMapping()
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NoSuchFileError(f'There is no MIDI mapping "{path}".') from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise BadArgsError(f'The MIDI mapping "{path}" cannot be read: {error}.') from error
    return parse_mapping(document)


def parse_mapping(document: dict[str, Any]) -> MidiMapping:
    """Check a mapping.

    Raises:
        BadArgsError: an unknown or impossible entry.
    """
    _known(document, {"midi", "pad", "lamp", "request"}, "the mapping")
    midi = document.get("midi", {})
    _known(
        midi,
        {"input", "output", "api", "time_signature", "chord_channel", "thru"},
        "[midi]",
    )
    return MidiMapping(
        input=str(midi.get("input", "virtual")),
        output=str(midi.get("output", "")),
        api=_one_of(str(midi.get("api", "")), APIS, "api"),
        time_signature=TimeSignature.parse(str(midi.get("time_signature", "4/4"))),
        chord_channel=_whole(midi.get("chord_channel", 0), 0, 16, "chord_channel"),
        thru=bool(midi.get("thru", False)),
        pads=tuple(_pad(entry) for entry in document.get("pad", [])),
        lamps=tuple(_lamp(entry) for entry in document.get("lamp", [])),
        request=_request(document.get("request", {})),
    )


def pad_entry(pad: Pad) -> str:
    """The pad as it is written in the file."""
    lines = ["[[pad]]", f"{pad.trigger.kind} = {pad.trigger.number}"]
    if pad.trigger.channel:
        lines.append(f"channel = {pad.trigger.channel}")
    lines.append(f'action = "{pad.action}"')
    if pad.stem:
        lines.append(f'stem = "{pad.stem}"')
    return "\n".join(lines) + "\n"


def add_pad(path: Path, pad: Pad) -> None:
    """Append a pad to the file, leaving the rest (and its comments) as it is."""
    parse_mapping(tomllib.loads(pad_entry(pad)))
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    gap = "\n" if before and not before.endswith("\n\n") else ""
    path.write_text(before + gap + pad_entry(pad), encoding="utf-8")


def _request(table: Any) -> tuple[tuple[str, Any], ...]:
    """Keys of every request, as on the wire: `timbre.bass = "slap"` is a table in TOML."""
    keys = {field.key for field in REQUEST_FIELDS.values() if field.key and not field.head}
    heads = {field.head for field in REQUEST_FIELDS.values() if field.head}
    _known(table, keys | heads, "[request]")
    flat: dict[str, Any] = {}
    for name, value in table.items():
        inner = value if name in heads and isinstance(value, dict) else {"": value}
        flat |= {f"{name}.{stem}" if stem else name: one for stem, one in inner.items()}
    for name, value in flat.items():
        if name in heads or not isinstance(value, str | int | float):
            raise BadArgsError(
                f"In the MIDI mapping, [request] cannot hold {name} = {value!r:.40}."
            )
    return tuple(flat.items())


def _pad(entry: Any) -> Pad:
    _known(entry, {"note", "cc", "program", "channel", "action", "stem"}, "[[pad]]")
    action = _one_of(str(entry.get("action", "")), tuple(ACTIONS), "action")
    stem = _stem(entry)
    if action in {"generate", "capture"} and not stem:
        raise BadArgsError(
            f'A pad with action = "{action}" must name a stem, such as {", ".join(ROLES)}.'
        )
    return Pad(_trigger(entry, ("note", "cc", "program")), action, stem)


def _lamp(entry: Any) -> Lamp:
    _known(entry, {"note", "cc", "channel", "state", "stem", "value"}, "[[lamp]]")
    state = _one_of(str(entry.get("state", "")), STATES, "state")
    value = _whole(entry.get("value", 127), PROGRESS, 127, "value")
    return Lamp(_trigger(entry, ("note", "cc")), state, _stem(entry), value)


def _trigger(entry: dict[str, Any], kinds: tuple[str, ...]) -> Trigger:
    named = [kind for kind in kinds if kind in entry]
    if len(named) != 1:
        raise BadArgsError(f"Each pad and lamp needs one of: {', '.join(kinds)}.")
    number = _whole(entry[named[0]], 0, 127, named[0])
    return Trigger(named[0], number, _whole(entry.get("channel", 0), 0, 16, "channel"))


def _stem(entry: dict[str, Any]) -> str:
    stem = str(entry.get("stem", ""))
    if stem and not STEM_NAME.fullmatch(stem):
        raise BadArgsError(
            f"In the MIDI mapping, stem must be a name such as {', '.join(ROLES)}; "
            f'it was "{stem[:40]}".'
        )
    return stem


def _known(entry: Any, names: set[str], where: str) -> None:
    if not isinstance(entry, dict):
        raise BadArgsError(f"In the MIDI mapping, {where} must be a table.")
    for name in entry:
        if name not in names:
            raise BadArgsError(
                f'In the MIDI mapping, {where} has no "{str(name)[:40]}"; '
                f"known are {', '.join(sorted(names))}."
            )


def _one_of(value: str, allowed: tuple[str, ...], name: str) -> str:
    if value not in allowed:
        words = ", ".join(word for word in allowed if word)
        raise BadArgsError(
            f'In the MIDI mapping, {name} must be one of {words}; it was "{value[:40]}".'
        )
    return value


def _whole(value: Any, low: int, high: int, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BadArgsError(
            f"In the MIDI mapping, {name} must be a whole number from {low} to {high}."
        )
    return value


def _lamp_message(lamp: Lamp, fraction: float) -> Data:
    status = 0x90 if lamp.trigger.kind == "note" else 0xB0
    value = round(127 * min(1.0, max(0.0, fraction))) if lamp.value == PROGRESS else lamp.value
    return (status | max(0, lamp.trigger.channel - 1), lamp.trigger.number, value)

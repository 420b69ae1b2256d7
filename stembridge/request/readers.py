"""Readers of musical values, for the declarations in `model` (plain ones: `stembridge.readers`)."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from typing import Any

from stembridge.musical_time import TimeSignature, as_written
from stembridge.readers import Reader, number, shown, text, whole
from stembridge.roles import JOIN, NAME, ROLES, in_order, members

SAMPLER_NAMES = ("dpmpp_2m", "dpmpp_2m_sde", "heun", "euler", "ancestral", "adpm2")
SOUNDS = ("played", "model")
SAMPLE_FORMATS = ("pcm24", "float")
MIN_LENGTH_BEATS = 0.25
MAX_BARS = 512
MAX_CLIPS = 256
MAX_STEMS = 16
FAR_BEATS = 1e6
LONG_S = 24 * 3600.0
_WINDOWS_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)


def stem_name(what: str) -> Reader:
    """A stem's name; which stems there are, only the model knows."""

    def read(value: Any) -> str:
        word = value.strip().lower() if isinstance(value, str) else ""
        if not NAME.fullmatch(word):
            raise ValueError(
                f"The {what} must be a name such as {', '.join(ROLES)}; it was {shown(value)}."
            )
        return word

    return read


def stem_group(value: Any) -> str:
    """A stem's name, or several that are asked for as one, "bass+drums"."""
    read = stem_name("stem")
    words = value.split(JOIN) if isinstance(value, str) else [value]
    return JOIN.join(in_order(read(word) for word in words))


def stem_groups(what: str) -> Reader:
    """As `stem_set`, with groups such as "bass+drums"; no stem stands in two of them."""
    read_set = stem_set(what, stem_group)

    def read(value: Any) -> tuple[str, ...]:
        groups: tuple[str, ...] = read_set(value)
        stems = [stem for group in groups for stem in members(group)]
        if twice := next((stem for stem in stems if stems.count(stem) > 1), None):
            raise ValueError(
                f"{twice.capitalize()} stands twice among the {what}, alone or in a group; name it "
                "once."
            )
        return groups

    return read


def stem_set(what: str, read_name: Reader | None = None) -> Reader:
    """Stem names, as a list or "bass,piano"; returned in the order of roles, without repeats."""
    read_name = read_name or stem_name("stem")

    def read(value: Any) -> tuple[str, ...]:
        words = value.replace(",", " ").split() if isinstance(value, str) else value
        if not isinstance(words, Iterable) or isinstance(words, Mapping):
            raise ValueError(f"The {what} must be a list like bass,piano; it was {shown(value)}.")
        names = [read_name(word) for word in itertools.islice(words, MAX_STEMS + 1)]
        if not names:
            raise ValueError(f"The {what} are missing; such are {', '.join(ROLES)}.")
        if len(names) > MAX_STEMS:
            raise ValueError(f"There are more than {MAX_STEMS} {what}.")
        return in_order(names)

    return read


def tempo(what: str) -> Reader:
    """A tempo in bpm, as the DAW shows it."""
    read = number(what, 20, 999, "bpm")

    def read_bpm(value: Any) -> float:
        # An OSC float carries 87.3 in single precision; the DAW shows, and means, 87.3.
        return as_written(read(value)) if isinstance(value, float) else float(read(value))

    return read_bpm


def read_time_signature(value: Any) -> TimeSignature:
    """A metre, such as 7/8."""
    if isinstance(value, TimeSignature):
        return value
    if not isinstance(value, str):
        raise ValueError(f"The time signature must be like 4/4 or 7/8; it was {shown(value)}.")
    return TimeSignature.parse(value)


def read_request_id(value: Any) -> str:
    """An id that is safe in file names and OSC."""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", value):
        raise ValueError(
            'The request id must be 1 to 64 letters, digits, ".", "_", ":" or "-" (a UUID is '
            f"best); it was {shown(value)}."
        )
    return value


def read_name(value: Any) -> str:
    """A name that is safe for a folder on every system."""
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


def per_stem(what: str, longest: int) -> Reader:
    """Stem -> text, as pairs in house order."""
    article = f"{'an' if what[0] in 'aeiou' else 'a'} {what}"

    def read(value: Any) -> tuple[tuple[str, str], ...]:
        try:
            pairs = dict(value)
        except (TypeError, ValueError):
            raise ValueError(
                f"The {what}s must name {article} for each stem; they were {shown(value)}."
            ) from None
        stem, name = stem_name(f"stem of {article}"), text(what, longest)
        chosen = {stem(key): name(told) for key, told in pairs.items()}
        return tuple((key, chosen[key]) for key in in_order(chosen))

    return read


def listed(what: str, longest: int) -> Reader:
    """A list, unread, of bounded length."""

    def read(value: Any) -> list[Any]:
        if isinstance(value, str | bytes | Mapping) or not hasattr(value, "__iter__"):
            raise ValueError(f"The {what} must be a list; it was {shown(value)}.")
        items = list(value)
        if len(items) > longest:
            raise ValueError(f"There are more than {longest} {what}.")
        return items

    return read


def read_chords(value: Any) -> Any:
    """A progression as text, or a list of chords; unread."""
    return value if isinstance(value, str) else listed("chords", 2048)(value)


def read_pitch_classes(value: Any) -> tuple[int, ...]:
    """Pitch classes, 0..11, rising."""
    pitch_class = whole("pitch class", 0, 11)
    return tuple(sorted({pitch_class(item) for item in listed("pitch classes", 64)(value)}))

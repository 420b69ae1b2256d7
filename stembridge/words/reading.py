"""Grammar of a prompt: what is said of what, what is not wanted, what nobody understands.

    busy drums, no slap bass with a very soft piano
    |__________|____________|_____________________|   pieces: commas, "with", "but"
    density:more -> drums    bass=slap, avoided   force:soft -> piano, strong

A word of playing or of sound is said of the instrument after it, else of the one before it in its
piece, else of everything that is made. "Not" lasts for its piece, or up to "and"; of "no busy
drums" only the busyness is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache

from stembridge.words.lexicon import TABLE
from stembridge.words.phrases import Nearest, Phrase, Vocabulary, folded, phrases

SAID_OF_STEMS = ("make", "density", "force", "register")
_MODES = "minor|moll|mineur|menor|min|major|dur|majeur|mayor|maj"  # "a minor mood" is no key
_KEY = re.compile(
    r"(?P<before>\b(?:in|key of|en|de)\s+)?\b(?P<note>[A-Ha-h])\s?"
    r"(?P<sign>#|♯|♭|b\b|-?sharp|-?flat)?"
    rf"[\s-]*(?P<mode>{_MODES})\b(?!\s+(?:mood|feel|vibe|key|mode|chords?))",
    re.IGNORECASE,
)
_TEMPO = re.compile(r"\b\d{2,3}(?:[.,]\d+)?\s*bpm\b", re.IGNORECASE)
_FLAT = {"A": "Ab", "B": "Bb", "C": "B", "D": "Db", "E": "Eb", "F": "E", "G": "Gb"}
_STEM_WORDS = frozenset(
    folded(word).strip()
    for meanings, row in TABLE.items() if meanings.startswith("stem:") for word in row.split(",")
)  # fmt: skip


@dataclass(frozen=True)
class Said:
    """One thing that was said.

    Attributes:
        text: in whose words.
        meaning: one of the lexicon, such as "bass=slap".
        stem: what it is said of; None: of everything, or it speaks for itself.
        avoided: it is not wanted.
        strong: "very".
        piece: number of its piece.
        read_as: the spelling it was understood in, where that is another.
    """

    text: str
    meaning: str
    stem: str | None = None
    avoided: bool = False
    strong: bool = False
    piece: int = 0
    read_as: str = ""

    @property
    def kind(self) -> str:
        """What its meaning is about: "style", "timbre", "mode" and so on."""
        head = re.split("[:~=]", self.meaning)[0]
        return "timbre" if "=" in self.meaning and head != "make" else head

    @property
    def value(self) -> str:
        """The rest of its meaning."""
        return re.split("[:~=]", self.meaning, maxsplit=1)[1]


@dataclass(frozen=True)
class Reading:
    """A text, understood.

    Attributes:
        said: in its order.
        unknown: words that nobody knows.
    """

    said: tuple[Said, ...] = ()
    unknown: tuple[str, ...] = ()


@lru_cache(maxsize=64)
def read(
    text: str,
    vocabulary: Vocabulary,
    *,
    avoided: bool = False,
    nearest: Nearest | None = None,
    of: str | None = None,
) -> Reading:
    """Understand a text.

    Args:
        text: in a musician's words.
        vocabulary: the model's own names, which are always known.
        avoided: it tells what is not wanted.
        nearest: finds a known phrase for a word that the lexicon lacks.
        of: the instrument it is said of where it names none; None: of everything.
    """
    found, rest = _figures(text)
    unknown: list[str] = []
    for number, piece in enumerate(phrases(rest, vocabulary, nearest)):
        clause = _Clause(number, of, _stem=of)
        for phrase in piece:
            clause.take(phrase)
        found += clause.finished()
        unknown += clause.unknown
    if avoided:
        found = [replace(said, avoided=not said.avoided) for said in found]
    return Reading(tuple(found), tuple(dict.fromkeys(unknown)))


def _figures(text: str) -> tuple[list[Said], str]:
    """Keys and tempi, which are no phrases; and the text without them."""
    found = [Said(hit.group().strip(), "tempo:") for hit in _TEMPO.finditer(text)]
    text = _TEMPO.sub(" ", text)
    for hit in _KEY.finditer(text):
        if hit["note"] == "a" and not hit["before"] and "-" not in hit.group():
            continue  # "a minor ..." is an article
        found.append(Said(hit.group().strip(), f"key:{_key(hit)}"))
        text = text.replace(hit.group(), " ", 1)
    return found, text


def _key(hit: re.Match[str]) -> str:
    """Such as "F#m"; the German H is B."""
    note, sign = hit["note"].upper().replace("H", "B"), (hit["sign"] or "").lower().strip("-")
    name = note + "#" if sign in ("#", "♯", "sharp") else _FLAT[note] if sign else note
    return name + ("" if folded(hit["mode"])[:3] in ("maj", "dur", "may") else "m")


@dataclass
class _Clause:
    """One piece as it is read."""

    number: int
    of: str | None = None
    unknown: list[str] = field(default_factory=list)
    _said: list[Said] = field(default_factory=list)
    _open: list[int] = field(default_factory=list)  # what still waits for its instrument
    _stem: str | None = None
    _not: bool = False
    _refused: str = ""  # kind of the last thing that was refused
    _less: bool = False
    _very: bool = False
    _names: int | None = None  # a timbre's adjective that was just said

    def take(self, phrase: Phrase) -> None:
        """The next phrase."""
        if not phrase.meanings:
            self.unknown.append(phrase.text)
        elif phrase.meanings[0].rstrip(":") in ("not", "less", "very", "stop", "and", "or", "said"):
            self._grammar(phrase.meanings[0].rstrip(":"))
        else:
            alone = len(phrase.meanings) == 1  # what a style brings along is said of everything
            for meaning in phrase.meanings:
                said = Said(phrase.text, meaning, piece=self.number, read_as=phrase.read_as)
                self._meaning(said, waits=alone and said.kind in SAID_OF_STEMS)
            self._less = self._very = False

    def _grammar(self, word: str) -> None:
        if word == "stop" or (word == "and" and self._refused):
            self._close()
        if word in ("not", "and", "or"):  # what follows is another thing
            self._name(self.of)
        self._not |= word == "not"
        self._less |= word == "less"
        self._very |= word == "very"

    def _meaning(self, said: Said, *, waits: bool) -> None:
        kind = said.kind
        refused = self._not or self._less
        if kind == "stem" and self._refused in SAID_OF_STEMS:
            refused = False
        self._refused = kind if refused else self._refused
        stem = self.of if kind in SAID_OF_STEMS else None
        self._said.append(replace(said, stem=stem, avoided=refused, strong=self._very))
        if waits:
            self._open.append(len(self._said) - 1)
        elif kind == "timbre":
            self._instrument(said.meaning.partition("=")[0])
            adjective = not _STEM_WORDS & set(folded(said.text).split())
            self._names = len(self._said) - 1 if adjective else None
        elif kind == "stem":
            self._name(said.value)  # "distorted bass" is no guitar
            self._instrument(said.value)

    def _name(self, stem: str | None) -> None:
        """Whose the adjective is that was just said."""
        if self._names is not None and stem is not None:
            self._said[self._names] = replace(self._said[self._names], stem=stem)
        self._names = None

    def _instrument(self, stem: str) -> None:
        self._stem, self._names = stem, None
        self._attach()

    def _attach(self) -> None:
        for index in self._open:
            self._said[index] = replace(self._said[index], stem=self._stem)
        self._open.clear()

    def _close(self) -> None:
        self._attach()
        self._name(self.of)
        self._stem, self._not, self._refused = self.of, False, ""

    def finished(self) -> Iterable[Said]:
        """What the piece said."""
        self._close()
        return self._said

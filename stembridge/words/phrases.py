"""Phrases of the lexicon and a model's own names, found in what somebody wrote."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from stembridge.words.lexicon import TABLE

LONGEST = 5
_FUZZY_LETTERS, _ALIKE = 4, 0.85
_COMPARED = ("er", "est", "ere", "eren", "erer", "eres", "ste", "sten", "este", "esten")
_BREAK = re.compile(r"[,;:!?()\n\r\t|•+]|\s[-–—/]\s|\.(?!\d)")


@dataclass(frozen=True)
class Vocabulary:
    """A model's names.

    Attributes:
        styles: of music.
        timbres: (stem, names) pairs.
    """

    styles: tuple[str, ...] = ()
    timbres: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True)
class Phrase:
    """Some words of the text.

    Attributes:
        text: as they were written.
        meanings: of the lexicon; none: nobody knows.
        read_as: what they were taken for, where they were misspelt.
    """

    text: str
    meanings: tuple[str, ...] = ()
    read_as: str = ""


Nearest = Callable[[str, tuple[str, ...]], str | None]
"""Of known phrases the one that means most nearly what a word does; None if none does."""

_SAYS_NOTHING = ("not", "less", "very", "stop", "or", "and", "said", "other", "tempo")


@dataclass(frozen=True)
class _Token:
    text: str
    word: str


def folded(text: str) -> str:
    """Small letters without accents; "ß" is "ss"."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


def phrases(
    text: str, vocabulary: Vocabulary, nearest: Nearest | None = None
) -> Iterator[list[Phrase]]:
    """What stands between two commas, as phrases: the longest that are known.

    Args:
        text: what somebody wrote.
        vocabulary: the model's own names.
        nearest: finds a known phrase for a word that is none.
    """
    index = _index(vocabulary)
    for piece in _BREAK.split(text):
        tokens = _tokens(piece)
        if tokens:
            found = _in_order(tokens, index)
            yield [
                phrase if nearest is None else _meant(phrase, index, nearest) for phrase in found
            ]


def _meant(phrase: Phrase, index: _Index, nearest: Nearest) -> Phrase:
    """A phrase that nobody knows, as the known one that is nearest to it."""
    if phrase.meanings or len(phrase.text) < _FUZZY_LETTERS or not phrase.text.isalpha():
        return phrase
    known = nearest(phrase.text, index.meaningful)
    return phrase if known is None else Phrase(phrase.text, index.meanings(known.split()), known)


def _tokens(piece: str) -> list[_Token]:
    plain = re.sub(r"\s&\s", " and ", piece.replace("\u2019", "'").replace("'", ""))
    found = re.findall(r"\d+/\d+|\d+(?:\.\d+)?(?=$|\W)|[\w#]+(?:&[\w#]+)*", plain)
    return [_Token(word, folded(word)) for word in found for word in word.split("_") if word]


def _in_order(tokens: Sequence[_Token], index: _Index) -> Iterator[Phrase]:
    read = [index.spelt(token.word) for token in tokens]
    at = 0
    while at < len(tokens):
        for count in range(min(LONGEST, len(tokens) - at), 0, -1):
            meanings = index.meanings(read[at : at + count])
            if meanings or count == 1:
                said = tokens[at : at + count]
                words = " ".join(token.text for token in said)
                known = " ".join(read[at : at + count])
                spelt = known if meanings and known != " ".join(t.word for t in said) else ""
                yield Phrase(words, meanings, spelt)
                at += count
                break


def _uncompared(word: str) -> Iterator[str]:
    """What a comparative or superlative may be of: "busier" of "busy", "dunkler" of "dunkel"."""
    for end in _COMPARED:
        stem = word.removesuffix(end)
        if stem == word or len(stem) < 2:
            continue
        yield stem
        if stem[-1] == stem[-2]:
            yield stem[:-1]  # sadder
        if stem[-1] in "il":
            yield from (stem[:-1] + {"i": "y", "l": "el"}[stem[-1]], stem[:-1] + "e")  # dancier
        yield stem + "e"


class _Index:
    """Phrases by their words, and the words for the spelling."""

    def __init__(self, table: dict[tuple[str, ...], tuple[str, ...]]) -> None:
        self._table = table
        self._words = {word for phrase in table for word in phrase}
        self.meaningful = tuple(
            " ".join(words)
            for words, meanings in table.items()
            if not any(meaning.partition(":")[0] in _SAYS_NOTHING for meaning in meanings)
        )
        self._compared = {word for phrase in self.meaningful for word in phrase.split()}
        self._long = sorted(word for word in self._words if len(word) >= _FUZZY_LETTERS)

    def meanings(self, words: Sequence[str]) -> tuple[str, ...]:
        """Of exactly these words; the last may be a plural."""
        found = self._table.get(tuple(words))
        if found is None and words[-1].endswith("s"):
            found = self._table.get((*words[:-1], words[-1][:-1]))
        return found or ()

    def spelt(self, word: str) -> str:
        """The known word that is compared, or that a misspelt one is nearest to, or the word."""
        if word in self._words or word.rstrip("s") in self._words or len(word) < _FUZZY_LETTERS:
            return word
        if not word.isalpha():
            return word
        for plain in _uncompared(word):
            if plain in self._compared:
                return plain
        near = [known for known in self._long if known[0] == word[0]]
        swapped = [known for known in near if sorted(known) == sorted(word)]
        return (swapped or difflib.get_close_matches(word, near, 1, _ALIKE) or [word])[0]


@lru_cache(maxsize=8)
def _index(vocabulary: Vocabulary) -> _Index:
    table: dict[tuple[str, ...], tuple[str, ...]] = {}
    for style in vocabulary.styles:
        table[_key(style)] = (f"style:{style}",)
    for stem, names in vocabulary.timbres:
        for name in names:
            table[_key(f"{name} {stem}")] = (f"{stem}={name}",)
    for meanings, row in TABLE.items():
        for phrase in row.split(","):
            table.setdefault(_key(phrase), tuple(meanings.split()))
    for stem, names in vocabulary.timbres:  # alone, where it says nothing else
        for name in names:
            table.setdefault(_key(name), (f"{stem}={name}",))
    return _Index(table)


def _key(phrase: str) -> tuple[str, ...]:
    return tuple(token.word for token in _tokens(phrase))

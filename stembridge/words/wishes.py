"""What a reading asks of a request, and what of it comes to nothing, and why.

What the request says by name stands above every word; of words that contradict each other the more
special stands, then the earlier. "Jazz metal" is metal that is jazzy: of styles in one piece the
last one counts, of pieces the first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from stembridge.chords import parse_chord
from stembridge.parts.playing import AS_PLAYED, Playing
from stembridge.roles import is_pitched
from stembridge.words.lexicon import MAKES, STYLE_METRES
from stembridge.words.phrases import Vocabulary
from stembridge.words.reading import Said

_FIELD = {"density": "density", "force": "louder", "register": "octaves", "swing": "swing"}
_AMOUNTS: dict[str, tuple[float, float]] = {  # said, and said with "very"
    "more": (1.5, 2.0), "less": (0.6, 0.4), "soft": (0.7, 0.5), "hard": (1.3, 1.6),
    "swung": (0.62, 0.66), "straight": (0.5, 0.5), "higher": (1, 1), "lower": (-1, -1),
}  # fmt: skip
_OPPOSITE = {
    "more": "less", "soft": "hard", "swung": "straight", "higher": "lower", "minor": "major",
}  # fmt: skip
_OPPOSITE |= {other: one for one, other in _OPPOSITE.items()}
_EFFECT = {
    "more": "more notes", "less": "fewer notes", "soft": "softer", "hard": "harder",
    "swung": "swung", "straight": "straight", "higher": "an octave higher",
    "lower": "an octave lower",
}  # fmt: skip
_SWUNG_SIXTEENTHS = ("funk", "house", "hiphop", "reggae")


@dataclass(frozen=True)
class Surroundings:
    """What stands already.

    Attributes:
        vocabulary: the model's names.
        made: stems to be made.
        played: those of them whose notes an instrument plays.
        style: told by name.
        timbres: stem -> told by name.
        no_chords: why no chords are to be chosen, in words; "" where they are.
        metre: such as "4/4".
    """

    vocabulary: Vocabulary
    made: tuple[str, ...]
    played: tuple[str, ...]
    style: str | None = None
    timbres: Mapping[str, str] = field(default_factory=dict)
    no_chords: str = ""
    metre: str = "4/4"


@dataclass(frozen=True)
class Wishes:
    """What is asked for in words; empty is left open.

    Attributes:
        style: one of the model's.
        avoided_styles: not to be chosen.
        timbres: stem -> one of these.
        avoided_timbres: stem -> none of these.
        mode: "minor" or "major", of chosen chords.
        tonic: their pitch class.
        playing: stem -> how.
    """

    style: str | None = None
    avoided_styles: frozenset[str] = frozenset()
    timbres: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    avoided_timbres: Mapping[str, frozenset[str]] = field(default_factory=dict)
    mode: str | None = None
    tonic: int | None = None
    playing: Mapping[str, Playing] = field(default_factory=dict)


@dataclass(frozen=True)
class WishOutcome:
    """What became of something said: its effect, or why it has none."""

    said: Said
    effect: str = ""
    why_not: str = ""


def wishes_of(said: Sequence[Said], around: Surroundings) -> tuple[Wishes, tuple[WishOutcome, ...]]:
    """What is asked for, and what became of everything that was said, in its order."""
    weighing = _Weighing(around, _style(said, around))
    order = sorted(range(len(said)), key=lambda i: (_generality(said[i]), i))
    outcomes = {i: weighing.outcome(said[i]) for i in order}
    return weighing.wishes(), tuple(outcomes[i] for i in range(len(said)))


def _style(said: Sequence[Said], around: Surroundings) -> str | None:
    """The style that counts."""
    wanted = [
        one for one in said
        if one.kind == "style" and not one.avoided and one.value in around.vocabulary.styles
    ]  # fmt: skip
    nouns = [one for one in wanted if one.meaning.startswith("style:")]
    if not wanted or around.style is not None:
        return around.style
    first = (nouns or wanted)[0].piece
    return [one for one in nouns or wanted if one.piece == first][-1].value


def _generality(said: Said) -> int:
    """The more special goes first: slap before warm, a busy bass before busy."""
    return {"timbre": 0, "key": 0}.get(said.kind, 1 if said.stem else 2)


class _Weighing:
    """Everything said, one after the other."""

    def __init__(self, around: Surroundings, style: str | None) -> None:
        self._around, self._style = around, style
        self._avoided: set[str] = set()
        self._timbres: dict[str, tuple[str, ...]] = {}
        self._not_timbres: dict[str, frozenset[str]] = {}
        self._mode: str | None = None
        self._tonic: int | None = None
        self._playing: dict[tuple[str, str], float] = {}

    def outcome(self, said: Said) -> WishOutcome:
        """Take it in; say what it does."""
        weigh: dict[str, Callable[[Said], WishOutcome]] = {
            "style": self._weigh_style, "timbre": self._weigh_timbre, "make": self._weigh_make,
            "mode": self._weigh_mode, "key": self._weigh_key, "stem": self._weigh_stem,
            "tempo": lambda said: WishOutcome(said, why_not="the session's tempo counts"),
            "other": lambda said: WishOutcome(said, why_not="nothing here makes that"),
        }  # fmt: skip
        return weigh.get(said.kind, self._weigh_playing)(said)

    def wishes(self) -> Wishes:
        """The sum."""
        around, playing = self._around, dict[str, Playing]()
        for (stem, name), amount in self._playing.items():
            value = int(amount) if name == "octaves" else amount
            playing[stem] = replace(playing.get(stem, AS_PLAYED), **{name: value})  # type: ignore[arg-type]
        unit = 0.5 if self._style in _SWUNG_SIXTEENTHS else 1.0
        timbres = {
            stem: tuple(n for n in names if n not in self._not_timbres.get(stem, ())) or names
            for stem, names in self._timbres.items()
        }
        return Wishes(
            None if around.style else self._style,
            frozenset(self._avoided), timbres, self._not_timbres, self._mode, self._tonic,
            {stem: replace(told, swing_unit=unit) for stem, told in playing.items()},
        )  # fmt: skip

    def _weigh_style(self, said: Said) -> WishOutcome:
        style, told = said.value, self._around.style
        if style not in self._around.vocabulary.styles:
            return WishOutcome(said, why_not=f"the model has no style {style}")
        if said.avoided and style != self._style:
            self._avoided.add(style)
            return WishOutcome(said, f"not {style}")
        if said.avoided or style != self._style:
            by = "told by name" if told else "asked for"
            return WishOutcome(said, why_not=f"the style is {self._style}, {by}")
        metre = STYLE_METRES.get(style, self._around.metre)
        apart = f", which lives in {metre}, not {self._around.metre}"
        return WishOutcome(said, f"style {style}{apart if metre != self._around.metre else ''}")

    def _weigh_timbre(self, said: Said) -> WishOutcome:
        stem, _, names = said.meaning.partition("=")
        if said.stem not in (None, stem):
            return WishOutcome(said, why_not=f"the {said.stem} has no such sound")
        return self._timbre(said, stem, names)

    def _timbre(self, said: Said, stem: str, names: str) -> WishOutcome:
        if stem not in self._around.made:
            return WishOutcome(said, why_not=f"no {stem} is made")
        own = dict(self._around.vocabulary.timbres).get(stem, ())
        found = tuple(name for name in names.split("/") if name in own)
        if not found:
            return WishOutcome(said, why_not=f"the model's {stem} has no such sound")
        if said.avoided:
            self._not_timbres[stem] = self._not_timbres.get(stem, frozenset()) | set(found)
            return WishOutcome(said, f"{stem} not {' or '.join(found)}")
        if told := self._around.timbres.get(stem):
            return WishOutcome(said, why_not=f"the {stem} is {told}, told by name")
        before = self._timbres.get(stem, found)
        both = tuple(name for name in before if name in found)
        if not both:
            return WishOutcome(said, why_not=f"the {stem} is {' or '.join(before)} already")
        self._timbres[stem] = both
        return WishOutcome(said, f"{stem} {' or '.join(found)}")

    def _weigh_make(self, said: Said) -> WishOutcome:
        makes = MAKES[said.value]
        stems = [said.stem] if said.stem else [s for s in self._around.made if s in makes]
        if not stems or stems[0] not in makes:
            return WishOutcome(said, why_not="no stem that is made can sound so")
        found = [self._timbre(said, stem, makes[stem]) for stem in stems]
        effects = [one.effect for one in found if one.effect]
        return WishOutcome(said, ", ".join(effects)) if effects else found[0]

    def _weigh_mode(self, said: Said) -> WishOutcome:
        mode = _OPPOSITE[said.value] if said.avoided else said.value
        if self._around.no_chords:
            return WishOutcome(said, why_not=self._around.no_chords)
        if self._mode not in (None, mode):
            return WishOutcome(said, why_not=f"the chords are {self._mode}")
        self._mode = mode
        return WishOutcome(said, f"{mode} chords")

    def _weigh_key(self, said: Said) -> WishOutcome:
        key = said.value
        if self._around.no_chords or said.avoided or self._tonic is not None:
            why = "another key is told" if self._tonic is not None else "no key can be avoided"
            return WishOutcome(said, why_not=self._around.no_chords or why)
        self._tonic, self._mode = parse_chord(key, 0.0).root, _mode_of(key)
        return WishOutcome(said, f"chords in {key}")

    def _weigh_stem(self, said: Said) -> WishOutcome:
        stem, made = said.value, said.value in self._around.made
        if said.avoided:
            why = f"stems are chosen by name, and {stem} is"
            return WishOutcome(said, why_not=why) if made else WishOutcome(said, f"no {stem}")
        return WishOutcome(said, stem) if made else WishOutcome(said, why_not=f"no {stem} is made")

    def _weigh_playing(self, said: Said) -> WishOutcome:
        value = _OPPOSITE[said.value] if said.avoided else said.value
        name, strong = _FIELD[said.kind], said.strong and not said.avoided
        stems = [said.stem] if said.stem else list(self._around.made)
        if said.kind == "register":
            stems = [stem for stem in stems if is_pitched(stem)]
        if not stems or stems[0] not in self._around.made:
            return WishOutcome(said, why_not=f"no {said.stem or 'stem with a pitch'} is made")
        played = [stem for stem in stems if stem in self._around.played]
        if not played:
            return WishOutcome(said, why_not=f"the {stems[0]} sounds as the model makes it")
        free = [stem for stem in played if (stem, name) not in self._playing]
        if not free:
            return WishOutcome(said, why_not="the opposite, or the same, was said before")
        amount = _AMOUNTS[value][strong]
        self._playing |= {(stem, name): amount for stem in free}
        of = "" if free == list(self._around.made) else f" of {', '.join(free)}"
        return WishOutcome(said, _EFFECT[value] + of)


def _mode_of(key: str) -> str:
    return "minor" if key.endswith("m") else "major"


def vocabulary_of(styles: Sequence[str], timbres: Mapping[str, Sequence[str]]) -> Vocabulary:
    """A model's names, as the room wants them."""
    return Vocabulary(tuple(styles), tuple((s, tuple(names)) for s, names in timbres.items()))

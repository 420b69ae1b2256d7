"""The roles a stem can have, one row each: what it is called, how it looks, what it may sound like.

Which stems exist is the model's affair: its manifest names them. A row here is what everybody else
wants to know about such a stem (watching a folder, the Live device, the REAPER script, evaluation);
a stem without a row is served all the same, with the defaults of `Role`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from stembridge.errors import BadArgsError

NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
"""The shape of a stem's name."""


@dataclass(frozen=True)
class Role:
    """What is known of a kind of stem.

    Attributes:
        words: what files and tracks of it are called, what names the whole of it first.
        precedence: of its words over those of other roles: "Bass Drum" is a drum, "Rhodes Bass" a
            bass. Between equals the later word wins.
        colour: of its tracks and clips, 0xRRGGBB.
        programs: its General MIDI programs, from 0 (first, last); None: the drum channel.
        program: the usual one of them.
        band_hz: where its fundamentals and low harmonics lie.
        level_lufs: its loudness in an average mixture of -20 LUFS.
    """

    words: tuple[str, ...] = ()
    precedence: int = 1
    colour: int = 0x9A9A9A
    programs: tuple[int, int] | None = (0, 127)
    program: int = 0
    band_hz: tuple[float, float] = (38.0, 1500.0)
    level_lufs: float = -26.0

    @property
    def pitched(self) -> bool:
        """Whether it plays notes of the harmony."""
        return self.programs is not None


ROLES: dict[str, Role] = {
    "bass": Role(
        words=(
            "bass", "basses", "bassist", "basse", "bajo", "basso", "sub", "808", "low end", "bs",
            "contrabass", "contrabajo", "contrebasse", "contrabbasso", "kontrabass", "303",
        ),
        precedence=2, colour=0x5480E4, programs=(32, 39), program=33,
        band_hz=(38.0, 350.0), level_lufs=-25.9,
    ),
    "drums": Role(
        words=(
            "drums", "drum", "kit", "drumset", "drm", "drms", "beat", "beats", "breakbeat",
            "break", "percussion", "perc", "percs", "schlagzeug", "batterie", "batteria",
            "bateria", "909", "tr 808", "kick", "kicks", "kik", "snare", "snares", "snr", "sn",
            "hats", "hat", "hihat", "hihats", "hi hat", "hi hats", "bd", "sd", "hh", "cymbal",
            "cymbals", "overhead", "overheads", "oh l", "oh r", "toms", "floor tom", "rack tom",
            "tom 1", "tom 2", "tom 3", "rim", "rimshot", "clap", "claps", "shaker", "shakers",
            "tambourine", "tamb", "cowbell", "conga", "congas", "bongo", "bongos", "cajon",
            "djembe", "timbales",
        ),
        precedence=3, colour=0xFF6A55, programs=None, band_hz=(30.0, 12_000.0), level_lufs=-24.2,
    ),
    "guitar": Role(
        words=(
            "guitar", "guitars", "gtr", "gtrs", "gt", "gts", "guit", "guits", "egtr", "agtr",
            "e git", "egit", "guitare", "gitarre", "guitarra", "chitarra", "strat", "stratocaster",
            "tele", "telecaster", "les paul", "strum", "strums", "strumming",
        ),
        colour=0x3DC300, programs=(24, 31), program=27, band_hz=(90.0, 1500.0), level_lufs=-27.1,
    ),
    "piano": Role(
        words=(
            "piano", "pianos", "pno", "keys", "keyboard", "keyboards", "kbd", "klavier", "rhodes",
            "wurli", "wurly", "wurlitzer", "pianoforte", "ep", "epiano", "clav", "clavinet",
            "organ", "hammond", "teclado", "teclados", "clavier", "tastiera", "tasten",
        ),
        colour=0xBFA3E0, programs=(0, 7), band_hz=(90.0, 1500.0), level_lufs=-27.6,
    ),
}  # fmt: skip
"""A new role is a new row, and a model whose manifest names it."""

STEMS = tuple(ROLES)
"""The stems of the built-in model, in the order they have everywhere."""

JOIN = "+"
"""Between stems that are asked for as one, as in "bass+drums"."""

MIX, OTHER = "mix", "other"
"""What may be given and is no stem: a mixture of stems, and what sounds beside them, as a voice."""

PLAIN_WORDS = (
    "s", "line", "lines", "loop", "loops", "part", "parts", "track", "stem", "bus", "group", "grp",
    "synth", "di", "amp", "mic", "lead", "rhythm", "grand", "akustik", "box",
)  # fmt: skip
"""What may be written together with a role's word, as in "bassline"."""


def role(stem: str) -> Role:
    """The row of a stem, or the defaults."""
    return ROLES.get(stem, Role())


def is_pitched(stem: str) -> bool:
    """Whether a stem plays notes of the harmony."""
    return role(stem).pitched


def in_order(stems: Iterable[str]) -> tuple[str, ...]:
    """Stems without repeats: those of the table in its order, then the others by name."""
    places = list(ROLES)
    return tuple(
        sorted(set(stems), key=lambda stem: (places.index(stem) if stem in ROLES else 99, stem))
    )


def members(stem: str) -> tuple[str, ...]:
    """The stems in one; for most that is itself."""
    return tuple(stem.split(JOIN))


def check_apart(made: Iterable[str], given: Iterable[str]) -> None:
    """No stem is both given and made.

    Raises:
        BadArgsError: one is.
    """
    both = in_order({one for stem in made for one in members(stem)} & set(given))
    if both:
        raise BadArgsError(
            f"{both[0].capitalize()} is given as context and asked for; leave one of the two out."
        )


def check_whole(given: Iterable[str]) -> None:
    """A mixture holds every stem: none is given beside it.

    Raises:
        BadArgsError: one is.
    """
    stems = set(given)
    if MIX in stems and stems - {MIX, OTHER}:
        first = in_order(stems - {MIX, OTHER})[0]
        raise BadArgsError(
            f"A mix is given, and {first}, which the mix holds already; give the mix or its stems."
        )


def check_known(stems: Iterable[str], known: Iterable[str], model: str) -> None:
    """A model makes and hears only the stems that its manifest names.

    Raises:
        BadArgsError: one is another.
    """
    known = tuple(known)
    for stem in stems:
        if stem in known:
            continue
        apart = members(stem)
        remedy = f" Ask for {', '.join(apart)}." if len(apart) > 1 and {*apart} <= {*known} else ""
        raise BadArgsError(f"The model '{model}' knows {', '.join(known)}, but not {stem}.{remedy}")


def role_of(name: str) -> str | None:
    """The stem that the name of a file or track speaks of; None: it speaks of none.

    `max_for_live/src/roles.js` does the same; a test holds them together.
    """
    tokens = _tokens(name)
    found: list[tuple[int, int, str]] = []
    for stem, row in ROLES.items():
        for word in row.words:
            parts = word.split()
            for at in range(len(tokens) - len(parts) + 1):
                if tokens[at : at + len(parts)] == parts:
                    found.append((row.precedence, at, stem))
    known = {word: stem for stem, row in ROLES.items() for word in row.words if len(word) > 2}
    for at, token in enumerate(tokens):
        for stem in _roles_in(token, known):
            found.append((ROLES[stem].precedence, at, stem))
    return max(found)[2] if found else None


def _tokens(name: str) -> list[str]:
    """Words and numbers: "EGtr_2" is e, gtr, 2; accents do not count."""
    plain = "".join(c for c in unicodedata.normalize("NFD", name) if not unicodedata.combining(c))
    apart = re.sub(r"([a-z])([A-Z])|([A-Z])([A-Z][a-z])", r"\1\3 \2\4", plain)
    return re.findall(r"[a-z]+|[0-9]+", apart.lower())


def _roles_in(token: str, known: dict[str, str]) -> list[str]:
    """Roles of a word that is written together from known words: "kickdrum", "bassline"."""
    words = [word for word in (*known, *PLAIN_WORDS) if " " not in word]
    heard: dict[int, list[str]] = {0: []}  # where known words can end, and the roles up to there
    for at in range(len(token)):
        for word in words if at in heard else ():
            if token.startswith(word, at):
                role_here = [known[word]] if word in known else []
                heard.setdefault(at + len(word), heard[at] + role_here)
    return heard.get(len(token), [])

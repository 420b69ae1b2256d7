"""What words ask of a request, what stands above them, and why some come to nothing."""

from __future__ import annotations

from typing import Any

import pytest

from stembridge.parts.playing import Playing
from stembridge.words import Surroundings, Wishes, read, wishes_of

from .test_reading import VOCABULARY

ALL = ("bass", "drums", "guitar", "piano")


def asked(text: str, **around: Any) -> tuple[Wishes, dict[str, str]]:
    """The wishes, and words -> effect, or "-" and why there is none."""
    told = {"made": ALL, "played": ALL} | around
    said = read(text, VOCABULARY).said
    wishes, outcomes = wishes_of(said, Surroundings(VOCABULARY, **told))
    return wishes, {one.said.text: one.effect or f"-{one.why_not}" for one in outcomes}


def test_a_prompt_becomes_wishes() -> None:
    wishes, told = asked("dark funk, slap bass, busy drums, soft piano, no nylon")
    assert wishes == Wishes(
        style="funk",
        timbres={"bass": ("slap",)},
        avoided_timbres={"guitar": frozenset({"nylon"})},
        mode="minor",
        playing={
            "drums": Playing(density=1.5, swing_unit=0.5),
            "piano": Playing(louder=0.7, swing_unit=0.5),
        },
    )
    assert told["dark"] == "minor chords"
    assert told["busy"] == "more notes of drums"
    assert told["nylon"] == "guitar not nylon"


@pytest.mark.parametrize(
    ("text", "style"),
    [("jazz metal", "rock"), ("funk, jazz", "funk"), ("funky jazz", "jazz"), ("jazzy", "jazz"),
     ("house with jazz guitar", "house"), ("not jazz, funk", "funk"), ("techno", "house")],
)  # fmt: skip
def test_of_several_styles_one_counts_and_the_others_are_told(text: str, style: str) -> None:
    wishes, told = asked(text)
    assert wishes.style == style
    others = [words for words in told.values() if words.startswith("-")]
    assert all(words == f"-the style is {style}, asked for" for words in others)


def test_the_special_stands_above_the_general() -> None:
    wishes, told = asked("warm, slap bass, sparse, busy bass, happy, sad")
    assert wishes.timbres["bass"] == ("slap",)
    assert wishes.playing["bass"].density == 1.5
    assert wishes.playing["drums"].density == 0.6
    assert told["sad"] == "-the chords are major"
    both, told = asked("electric piano, rhodes, grand")
    assert both.timbres["piano"] == ("rhodes",)
    assert told["grand"] == "-the piano is rhodes already"


def test_what_is_told_by_name_stands() -> None:
    wishes, told = asked("jazz, slap bass, fretless", style="funk", timbres={"bass": "finger"})
    assert (wishes.style, wishes.timbres) == (None, {})
    assert told["jazz"] == "-the style is funk, told by name"
    assert told["slap bass"] == "-the bass is finger, told by name"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("slap bass", "no bass is made"),
        ("busy bass", "no bass is made"),
        ("distorted piano", "the piano has no such sound"),
        ("overdriven guitar", "no guitar is made"),
        ("fast", "the session's tempo counts"),
        ("dark", "the chords are heard"),
        ("in F minor", "the chords are heard"),
        ("soft", "the piano sounds as the model makes it"),
        ("no piano", "stems are chosen by name, and piano is"),
        ("honkytonk, fm, rhodes", "the piano is honkytonk already"),
        ("six eight", "the model has no style six_eight"),
        ("dirty bass", "the model's bass has no such sound"),
    ],
)
def test_what_changes_nothing_says_why(text: str, why: str) -> None:
    made = ("piano", "bass") if text == "dirty bass" else ("piano",)
    _, told = asked(text, made=made, played=(), no_chords="the chords are heard")
    assert f"-{why}" in told.values()


def test_negation() -> None:
    wishes, _ = asked("no jazz, not sad, not busy, no 808")
    assert wishes.avoided_styles == {"jazz"}
    assert wishes.mode == "major"
    assert wishes.playing["bass"].density == 0.6
    assert wishes.avoided_timbres == {"drums": frozenset({"808"})}
    assert asked("slap bass, no slap")[0].timbres == {"bass": ("slap",)}  # nothing would be left


def test_a_key_is_a_tonic_and_a_mode() -> None:
    wishes, told = asked("in Ab minor, happy")
    assert (wishes.tonic, wishes.mode) == (8, "minor")
    assert told["happy"] == "-the chords are minor"
    assert (asked("in D# major")[0].tonic, asked("G flat major")[0].tonic) == (3, 6)


def test_a_waltz_in_another_metre_is_said() -> None:
    assert asked("waltz")[1]["waltz"] == "style waltz, which lives in 3/4, not 4/4"
    assert asked("waltz", metre="3/4")[1]["waltz"] == "style waltz"


def test_registers_are_of_what_has_a_pitch_and_swing_follows_the_style() -> None:
    wishes, _ = asked("high, swing jazz")
    assert {s: p.octaves for s, p in wishes.playing.items()} == {
        "bass": 1, "drums": 0, "guitar": 1, "piano": 1
    }  # fmt: skip
    assert {(p.swing, p.swing_unit) for p in wishes.playing.values()} == {(0.62, 1.0)}
    assert asked("high", made=("drums",))[1]["high"] == "-no stem with a pitch is made"

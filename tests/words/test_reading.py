"""A musician's words: which are known, what they are said of, and what is not wanted."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stembridge.roles import STEMS
from stembridge.words import Vocabulary, read
from stembridge.words.lexicon import MAKES, TABLE

VOCABULARY = Vocabulary(
    ("pop", "rock", "funk", "house", "hiphop", "ballad", "latin", "reggae", "jazz", "waltz"),
    (
        ("bass", ("acoustic", "finger", "fretless", "slap", "synth")),
        ("drums", ("standard", "electronic", "808", "brush")),
        ("guitar", ("nylon", "steel", "clean", "distortion")),
        ("piano", ("grand", "honkytonk", "rhodes", "fm")),
    ),
)


def understood(text: str) -> list[str]:
    """Such as "!bass=slap": avoided; "+force:soft@piano": very, said of the piano."""
    return [
        f"{'!' * one.avoided}{'+' * one.strong}{one.meaning}{'@' + one.stem if one.stem else ''}"
        for one in read(text, VOCABULARY).said
    ]


@pytest.mark.parametrize(
    ("text", "meanings"),
    [
        ("dark funk, slap bass", "mode:minor style:funk bass=slap"),
        ("Slap-Bass", "bass=slap"),
        ("electric piano", "piano=rhodes/fm"),
        ("four on the floor", "style:house stem:drums"),
        ("boom bap", "style:hiphop drums=room"),
        ("busy drums, soft piano", "density:more@drums stem:drums force:soft@piano stem:piano"),
        ("drums busy", "stem:drums density:more@drums"),
        ("very sparse", "+density:less"),
        ("sparse funk with slap bass", "density:less style:funk bass=slap"),
        ("no slap bass but busy drums", "!bass=slap density:more@drums stem:drums"),
        ("without slap or piano, fretless", "!bass=slap !stem:piano bass=fretless"),
        ("no busy drums", "!density:more@drums stem:drums"),
        ("no piano and busy", "!stem:piano density:more"),
        ("less busy, not too loud", "!density:more !force:hard"),
        ("jazz metal", "style:jazz style:rock guitar=distortion/overdrive force:hard"),
        ("distorted bass", "guitar=overdrive/distortion@bass stem:bass"),
        ("808 bass", "bass=synth"),
        ("in A minor, 120 bpm", "tempo: key:Am"),
        ("a minor thing", "mode:minor"),
        ("in Fis, F sharp major", "key:F#"),
        ("a-moll", "key:Am"),
        ("h moll", "key:Bm"),
        ("Bb minor", "key:Bbm"),
        ("Düsterer Jazz mit E-Piano, kein Schlagzeug",
         "mode:minor style:jazz piano=rhodes/fm !stem:drums"),
        ("funk triste, basse slap sans batterie",
         "style:funk mode:minor stem:bass bass=slap !stem:drums"),
        ("guitarra acústica suave", "guitar=nylon/steel force:soft@guitar"),
        ("lo-fi hip-hop", "style:hiphop piano=rhodes/grand force:soft"),
        ("R&B", "style:hiphop"),
        ("drum & bass", "style:house drums=electronic/808 density:more"),
    ],
)  # fmt: skip
def test_words_are_understood(text: str, meanings: str) -> None:
    assert understood(text) == meanings.split()
    assert read(text, VOCABULARY).unknown == (("Fis",) if "Fis" in text else ())


def test_what_nobody_knows_is_told_and_fillers_are_not() -> None:
    reading = read("please give me a wobblywoo groove like Miles, with gurgle bass", VOCABULARY)
    assert reading.unknown == ("wobblywoo", "Miles", "gurgle")
    assert [one.meaning for one in reading.said] == ["stem:bass"]
    assert read("", VOCABULARY).said == ()


@pytest.mark.parametrize(
    ("text", "read_as"),
    [("fretles", "fretless"), ("eletric pianno", "electric piano"), ("fnuk", "funk"),
     ("regae", "reggae"), ("melancholc", "melancholic")],
)  # fmt: skip
def test_typos_are_read_and_the_reading_is_told(text: str, read_as: str) -> None:
    (said,) = read(text, VOCABULARY).said
    assert (said.text, said.read_as) == (text, read_as)


@pytest.mark.parametrize(
    "word", ["gizmo", "table", "winter", "turquoise", "miles", "sitcom", "bard"]
)
def test_other_words_are_no_typos(word: str) -> None:
    assert read(word, VOCABULARY).unknown == (word,)


def test_a_negative_prompt_turns_everything_round() -> None:
    reading = read("distortion, no busy drums", VOCABULARY, avoided=True)
    assert [(one.value, one.avoided) for one in reading.said] == [
        ("distortion", True), ("more", False), ("drums", True)
    ]  # fmt: skip


def test_the_models_own_names_are_always_known() -> None:
    own = Vocabulary(("gamelan_slow",), (("bass", ("tuba",)),))
    reading = read("gamelan slow, tuba bass", own)
    assert [one.meaning for one in reading.said] == ["style:gamelan_slow", "bass=tuba"]


def test_every_phrase_of_the_table_is_found_with_its_meaning() -> None:
    grammar = ("not:", "less:", "very:", "stop:", "or:", "and:", "said:")
    for meanings, row in TABLE.items():
        for phrase in row.split(","):
            reading = read(phrase.strip(), Vocabulary())
            wanted = [] if meanings in grammar else meanings.split()
            assert [one.meaning for one in reading.said] == wanted, phrase
            assert reading.unknown == ()
    assert all(set(sounds) <= set(STEMS) for sounds in MAKES.values())


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300) | st.lists(st.sampled_from(sorted(
    {word for row in TABLE.values() for phrase in row.split(",") for word in phrase.split()}
)), max_size=12).map(" ".join))  # fmt: skip
def test_nothing_that_can_be_written_breaks_it(text: str) -> None:
    reading = read(text, VOCABULARY)
    assert all(one.value is not None and one.kind for one in reading.said)
    assert all(word in text for word in reading.unknown if "'" not in text and "’" not in text)


@pytest.mark.parametrize(
    ("text", "meanings"),
    [
        ("busier", "density:more"),
        ("make the bass busier", "stem:bass density:more@bass"),
        ("a calmer piano with busier drums",
         "force:soft@piano stem:piano density:more@drums stem:drums"),
        ("much softer, a bit sparser, even denser", "+force:soft density:less density:more"),
        ("sadder, funkier, dancier, heaviest", "mode:minor style~funk style~house force:hard"),
        ("not busier, fewer fills", "!density:more !density:more"),
        ("less dense, more notes, fewer notes", "!density:more density:more density:less"),
        ("more energy, fewer hits", "+density:more density:less"),
        ("turn it up, tone it down", "force:hard force:soft"),
        ("ein ruhigerer, dunklerer Bass", "force:soft mode:minor stem:bass"),
        ("leerer, voller, höher, am härtesten",
         "density:less density:more register:higher force:hard"),
        ("mehr Noten, weniger Noten", "density:more density:less"),
        ("plus calme, moins de notes, más notas", "force:soft density:less density:more"),
    ],
)  # fmt: skip
def test_what_is_compared_is_understood(text: str, meanings: str) -> None:
    assert " ".join(understood(text)) == meanings and not read(text, VOCABULARY).unknown


@pytest.mark.parametrize("word", ["winter", "paper", "butter", "master", "forest", "bigger"])
def test_not_all_that_ends_so_is_compared(word: str) -> None:
    assert understood(word) == []

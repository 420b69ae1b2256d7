import pytest
from hypothesis import given
from hypothesis import strategies as st

from stembridge.chords import name_chord, parse_chord, transposed
from stembridge.chords.symbols import _INTERVALS, QUALITIES
from stembridge.errors import BadArgsError


@pytest.mark.parametrize(
    ("symbol", "root", "notes"),
    [
        ("C", 0, "0 4 7"),
        ("Am", 9, "9 0 4"),
        ("F#m7b5/A", 6, "6 9 0 4"),
        ("F♯m7♭5", 6, "6 9 0 4"),
        ("Bb", 10, "10 2 5"),
        ("Bbmaj7", 10, "10 2 5 9"),
        ("Ebm7", 3, "3 6 10 1"),
        ("C/Bb", 0, "0 4 7 10"),
        ("D/F#", 2, "2 6 9"),
        ("G7sus4", 7, "7 0 2 5"),
        ("Cb", 11, "11 3 6"),
        ("B#", 0, "0 4 7"),
        ("Fbb", 3, "3 7 10"),
        ("Edim7", 4, "4 7 10 1"),
        ("A5", 9, "9 4"),
        ("C6/9", 0, "0 4 7 9 2"),
        ("C-7", 0, "0 3 7 10"),
        ("CΔ7", 0, "0 4 7 11"),
        (" G ", 7, "7 11 2"),
    ],
)
def test_symbols(symbol, root, notes):
    span = parse_chord(symbol, 2.0)
    assert span.root == root
    assert set(span.pitch_classes) == {int(note) for note in notes.split()}
    assert list(span.pitch_classes) == sorted(set(span.pitch_classes))
    assert (span.start_beats, span.symbol) == (2.0, symbol.strip())


@pytest.mark.parametrize("symbol", ["N.C.", "nc", "N"])
def test_no_chord(symbol):
    assert parse_chord(symbol) == parse_chord("N.C.")
    assert parse_chord(symbol).pitch_classes == ()
    assert parse_chord(symbol).root is None


@pytest.mark.parametrize(
    "symbol", ["", "H", "am", "Cmaj77", "C/", "C/H", "C//E", "C#b", "Czzz", "4"]
)
def test_what_is_no_chord_is_said(symbol):
    with pytest.raises(BadArgsError, match="not a chord symbol"):
        parse_chord(symbol)


@given(st.text(max_size=60))
def test_any_text_is_a_chord_or_a_sentence(text):
    try:
        span = parse_chord(text)
    except BadArgsError as error:
        assert len(error.sentence) < 200
    else:
        assert all(0 <= pitch_class < 12 for pitch_class in span.pitch_classes)


@pytest.mark.parametrize("root", ["C", "F#", "Bb"])
@pytest.mark.parametrize("quality", _INTERVALS)
def test_every_spelling_parses(root, quality):
    span = parse_chord(root + quality)
    assert span.root == parse_chord(root).root
    assert (span.root + _INTERVALS[quality][-1]) % 12 in span.pitch_classes


@pytest.mark.parametrize("quality", QUALITIES)
def test_a_named_chord_reads_back(quality):
    original = parse_chord("Eb" + quality)
    named = name_chord(original.pitch_classes, 3)
    assert named.root == 3
    assert parse_chord(named.symbol).pitch_classes == original.pitch_classes


def test_names_with_bass_and_without_name():
    assert name_chord({0, 4, 7}, 4).symbol == "C/E"
    assert name_chord({9, 0, 4}, 9).symbol == "Am"
    cluster = name_chord({0, 1, 2}, 0)
    assert (cluster.root, cluster.symbol, cluster.pitch_classes) == (None, "C+C#+D", (0, 1, 2))


@pytest.mark.parametrize(
    ("symbol", "semitones", "higher"),
    [
        ("C", 3, "Eb"),
        ("Dm/G", 1, "Ebm/Ab"),
        ("Bb9", 2, "C9"),
        ("Am7", 3, "Cm7"),
        ("B", 1, "C"),
        ("F#m7b5", 0, "F#m7b5"),
        ("G7", 12, "G7"),
    ],
)
def test_a_chord_moves_to_another_key(symbol: str, semitones: int, higher: str) -> None:
    moved = transposed(parse_chord(symbol, 2.5), semitones)
    assert moved == parse_chord(higher, 2.5)


def test_no_chord_moves_nowhere() -> None:
    silence = parse_chord("N.C.", 1.0)
    assert transposed(silence, 5) == silence

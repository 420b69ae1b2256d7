import pytest
from hypothesis import given
from hypothesis import strategies as st

from stembridge.chords import check_spans, parse_chord, parse_progression
from stembridge.errors import BadArgsError


def starts(text, beats_per_bar=4.0, length_beats=16.0):
    return [
        (span.start_beats, span.symbol)
        for span in parse_progression(text, beats_per_bar, length_beats)
    ]


FOUR = [(0.0, "Am"), (4.0, "F"), (8.0, "C"), (12.0, "G")]


@pytest.mark.parametrize(
    "text",
    ["Am F C G", "Am, F, C, G", "Am - F - C - G", "| Am | F | C | G |", "Am|F|C|G", "  Am F\nC G"],
)
def test_one_chord_per_bar(text):
    assert starts(text) == FOUR


def test_it_repeats_until_the_request_is_full():
    assert starts("Am F", length_beats=14.0) == [(0, "Am"), (4, "F"), (8, "Am"), (12, "F")]
    assert starts("Am", length_beats=64.0) == [(0, "Am")]  # the same chord goes on: one span


def test_bars_of_seven_eighths():
    assert starts("Am F", 3.5, 14.0) == [(0, "Am"), (3.5, "F"), (7, "Am"), (10.5, "F")]


def test_chords_share_a_bar_and_repeat_signs():
    assert starts("Am | F G | % | N.C.") == [(0, "Am"), (4, "F"), (6, "G"), (12, "N.C.")]
    assert starts("Am F % %") == [(0, "Am"), (4, "F")]


def test_a_length_that_is_no_whole_number_of_bars():
    assert starts("Am | F G", length_beats=6.0) == [(0, "Am"), (4, "F")]


def test_chords_with_their_beats():
    assert starts("Am@0 F@4 C@8.5") == [(0, "Am"), (4, "F"), (8.5, "C")]
    assert starts("C/E@2") == [(2, "C/E")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        (" | ", "empty"),
        ("Am || F", "Bar 2 of the chord progression is empty"),
        ("%", "cannot begin"),
        ("Am H", '"H" is not a chord'),
        ("A B C D E", "has 5 bars but the request lasts only 4"),
        ("Am@0 F", "not a chord with its beat"),
        ("Am@zero", "not a chord with its beat"),
        ("Am@nan", "not a chord with its beat"),
        ("@0", "not a chord with its beat"),
        ("Am@4 F@4", "later than the one before"),
        ("Am@4 F@2", "later than the one before"),
        ("Am@-1", "within the request"),
        ("Am@16", "within the request"),
        ("A" * 40_000, "too long"),
    ],
)
def test_what_cannot_be_read_is_said(text, said):
    with pytest.raises(BadArgsError, match=said):
        starts(text)


def test_too_many_chords():
    with pytest.raises(BadArgsError, match="more than 2048"):
        starts("A B " * 1024 + "A", 0.25, 2048.0)
    with pytest.raises(BadArgsError, match="more than 2048"):
        check_spans([parse_chord("C", i) for i in range(2049)], 4096.0)
    with pytest.raises(BadArgsError, match="more than 2048"):
        starts("A B C D | E F", 1.0, 1000.0)


def test_no_chords_are_fine():
    assert check_spans([], 4.0) == ()


@given(st.text(alphabet="ABCGm7#b/|%@-,. 0.5N", max_size=40), st.sampled_from([2.0, 3.5, 4.0]))
def test_spans_always_rise_within_the_request(text, beats_per_bar):
    try:
        spans = parse_progression(text, beats_per_bar, 13.0)
    except BadArgsError:
        return
    assert check_spans(list(spans), 13.0) == spans
